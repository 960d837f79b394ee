"""What a CanvasL file includes: the files that its lines `@include FILE` name.

They are followed only where somebody asked, and only below the folder of the file that
was named. Nothing is changed, nothing is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from automaton.errors import FileError, UsageError
from automaton.format.objects import Directive, parse_line
from automaton.format.records import parse_run


@dataclass
class Inclusion:
    """A file with all that it includes, each file once, where it is first named."""

    top: Path
    files: list[Path] = field(default_factory=list)  # without `top`, in the order of reading
    missing: list[str] = field(default_factory=list)  # what is not there, and who names it

    def lines(self) -> Iterator[bytes]:
        """The file's lines; those of a file that it includes stand behind the directive."""
        yield from self._read(self.top, [])

    def follow(self) -> list[Path]:
        """The files that are included."""
        for _ in self.lines():
            pass
        return self.files

    def _read(self, path: Path, above: list[Path]) -> Iterator[bytes]:
        from automaton.log.segments.log_file import refuse_active  # noqa: PLC0415 - loads numpy

        within = [*above, path.resolve()]
        refuse_active(str(path))
        try:
            with path.open("rb") as file:
                for raw in file:
                    line = raw if raw.endswith(b"\n") else raw + b"\n"
                    if above and parse_run(line.rstrip(b"\n")) is not None:
                        raise FileError(f"{path}: was run already; only what was not is included")
                    yield line
                    name = _included(raw)
                    found = None if name is None else self._found(path, name, within)
                    if found is not None:
                        self.files.append(found)
                        yield from self._read(found, within)
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror}") from None

    def _found(self, by: Path, name: str, within: list[Path]) -> Path | None:
        """The file to read; None where it is not there, or was read."""
        path = by.parent / name
        real, root = path.resolve(), self.top.resolve().parent
        if root not in real.parents:
            raise UsageError(f"{by}: @include {name}: is not below {root}, so it is not followed")
        if real in within:
            names = " -> ".join(file.name for file in [*within[within.index(real) :], real])
            raise UsageError(f"{by}: @include {name}: goes in a circle ({names}); take it out")
        if not real.is_file():
            self.missing.append(f"{by}: @include {name}: is not there")
            return None
        return None if real in {file.resolve() for file in self.files} else path


def _included(raw: bytes) -> str | None:
    line = parse_line(raw) if raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"@") else None
    return line.value if isinstance(line, Directive) and line.name == "include" else None
