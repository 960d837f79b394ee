"""An archipelago's folder: its file, and where the logs of its islands stand.

Touches the disk: reads `islands.jsonl`. Must not know: what runs there.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from automaton.errors import FileError
from automaton.islands.archipelago import FILE, Archipelago, parse_archipelago

#: Bytes of an archipelago's file; a longer one is something else.
LONGEST = 1 << 28


class Folder(NamedTuple):
    """A folder with an archipelago in it."""

    path: Path
    archipelago: Archipelago

    def log(self, island: int) -> Path:
        """The log of an island."""
        return self.path / self.archipelago.log_name(island)

    @property
    def logs(self) -> list[Path]:
        """The logs of all islands, in order."""
        return [self.log(island) for island in range(self.archipelago.count)]


def open_folder(path: Path) -> Folder:
    """The archipelago of a folder, or of its file named; a `FileError` where there is none."""
    folder = path.parent if path.name == FILE else path
    file = folder / FILE
    try:
        if file.stat().st_size > LONGEST:
            raise FileError(f"{file} is too large for what `islands init` writes")
        raw = file.read_bytes()
    except OSError as error:
        raise FileError(
            f"{file}: {error.strerror}: `islands init {folder} --count K --from LOG` makes an "
            "archipelago"
        ) from None
    return Folder(folder, parse_archipelago(raw, str(file)))
