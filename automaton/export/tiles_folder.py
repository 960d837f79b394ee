"""The tree over a log's commits as files that any web server serves (C2SP tlog-tiles).

The files are `automaton.proofs.tiles`'s; here they are written, the head last. Must not know:
keys, what a commit says.
"""

from __future__ import annotations

from automaton.errors import UsageError
from automaton.export.job import ExportJob, TargetFolder
from automaton.proofs.commit_tree import commit_tree
from automaton.proofs.notes import Note
from automaton.proofs.prover import LogCommits, known_head, origin_of
from automaton.proofs.tiles import tile_files
from automaton.proofs.tree_heads import TreeHead


def write(job: ExportJob, folder: TargetFolder) -> None:
    """Write tiles, commits and the head: the signed one that was given, or the log's own."""
    if job.selection.first != 1:
        raise UsageError("--to tiles takes no --from: a tree begins with the first commit")
    commits = LogCommits(job.log)
    with commit_tree(commits) as tree:
        if job.signed:
            note = known_head(commits, tree, job.signed)[1]
        else:
            size = job.selection.stop
            note = Note(str(TreeHead(origin_of(commits), size, tree.root(size))))
    for name, data in tile_files(commits, note):
        with folder.file(name) as file:
            file.write(data)
