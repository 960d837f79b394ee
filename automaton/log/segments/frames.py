"""Pages of lines: each a frame of zstandard of its own, and the table that finds them.

The frames follow one another, so that `zstd -dc` gives the lines; the table stands
behind them as the seekable format of zstandard has it (a frame that holds no data,
skipped by whoever only decompresses). A frame carries the checksum of its page. Lives
here: bytes in, bytes out. Must not know: files, offsets of a log.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Bytes of lines in a page, the most: a byte is found in the time that a page takes to
#: decompress (0.1 ms), and larger ones save little (docs/benchmarks).
PAGE = 128 << 10


class Effort(NamedTuple):
    """What is asked of zstandard: its level, and the fewest bytes worth a match (0: its choice)."""

    level: int
    least_match: int = 0


#: Beside a run, which waits for cores that compress; and afterwards, where there is time.
#: Ids and numbers between equal terms are no matches of 7 bytes: not looking for shorter
#: ones makes level 1 both quicker than level 3, by a third, and smaller (docs/benchmarks).
QUICK, THOROUGH = Effort(1, 7), Effort(9)

_SKIPPED = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_FRAME = struct.Struct("<II")  # magic number, bytes behind it
_FOOT = struct.Struct("<IBI")  # pages, flags (none: no checksums in the table), magic number
FOOT_BYTES = _FOOT.size
_ENTRY = np.dtype("<u4")
_MOST_LINE = 1 << 31  # a page of one line may be as long as a line

PageSizes = NDArray[np.int64]  # (pages, 2): bytes of the frame, bytes of the page


class PageError(ValueError):
    """Bytes that are no page, or no table of pages."""


@cache
def _zstd() -> Any:
    """The library, which only logs with segments pay for."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - as above
    else:
        from backports import zstd  # noqa: PLC0415 - as above
    return zstd


class Compressor:
    """Makes frames of pages, one after the other."""

    def __init__(self, effort: Effort) -> None:
        names = _zstd().CompressionParameter
        options = {names.compression_level: effort.level, names.checksum_flag: 1}
        if effort.least_match:
            options[names.min_match] = effort.least_match
        self._zstd = _zstd().ZstdCompressor(options=options)

    def frame(self, page: bytes | memoryview) -> bytes:
        """The frame of a page."""
        return bytes(self._zstd.compress(page, self._zstd.FLUSH_FRAME))


def cuts(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the pages of some bytes begin and end, of those that are full: more cannot join them.

    A line that is longer than a page is a page.
    """
    at = 0
    while len(data) - at > PAGE:
        end = data.rfind(b"\n", at, at + PAGE) + 1 or data.find(b"\n", at) + 1
        if not end:
            return
        yield at, end
        at = end


def page(frame: bytes, size: int) -> bytes:
    """The page of a frame, `size` bytes of it; raises `PageError`."""
    zstd = _zstd()
    try:
        told = zstd.get_frame_info(frame).decompressed_size
        if told != size:
            raise PageError(f"its frame is of {told} bytes, and its table says {size}")
        data = bytes(zstd.decompress(frame))
    except zstd.ZstdError as error:
        raise PageError(str(error)) from error
    if len(data) != size:
        raise PageError(f"{len(data)} bytes came out of a frame of {size}")
    return data


def content(frame: bytes, most: int) -> bytes:
    """What a frame holds that says how much that is, at most so many bytes; raises `PageError`."""
    zstd = _zstd()
    try:
        told = zstd.get_frame_info(frame).decompressed_size
    except zstd.ZstdError as error:
        raise PageError(str(error)) from error
    if told is None or told > most:
        raise PageError(f"a frame of {told} bytes is not read")
    return page(frame, told)


def table(sizes: PageSizes) -> bytes:
    """The table of some pages, as it stands behind them."""
    body = sizes.astype(_ENTRY).tobytes() + _FOOT.pack(len(sizes), 0, _SEEKABLE)
    return _FRAME.pack(_SKIPPED, len(body)) + body


def table_bytes(foot: bytes) -> int:
    """How long the table is that ends with these bytes; raises `PageError`."""
    if len(foot) != FOOT_BYTES:
        raise PageError("it is too short for a table of pages")
    count, flags, magic = _FOOT.unpack(foot)
    if magic != _SEEKABLE or flags:
        raise PageError("it does not end with a table of pages")
    return int(_FRAME.size + 2 * _ENTRY.itemsize * count + FOOT_BYTES)


def read_table(raw: bytes, frames: int) -> PageSizes:
    """What a table says, where it stands behind so many bytes of frames; raises `PageError`."""
    body = raw[_FRAME.size : -FOOT_BYTES]
    if len(raw) < _FRAME.size or _FRAME.unpack_from(raw) != (_SKIPPED, len(raw) - _FRAME.size):
        raise PageError("its table of pages does not begin as one")
    sizes = np.frombuffer(body, _ENTRY).astype(np.int64).reshape(-1, 2)
    if int(sizes[:, 0].sum()) != frames or (sizes <= 0).any() or (sizes[:, 1] > _MOST_LINE).any():
        raise PageError("its table of pages is not of its pages")
    return sizes


def walk(raw: bytes) -> PageSizes:
    """The sizes of frames that follow one another, from the frames alone; raises `PageError`."""
    found, at = [], 0
    view, zstd = memoryview(raw), _zstd()
    while at < len(raw):
        try:
            size = zstd.get_frame_size(view[at:])
            told = zstd.get_frame_info(view[at : at + size]).decompressed_size
        except zstd.ZstdError as error:
            raise PageError(str(error)) from error
        if told is None:
            raise PageError("a frame does not say how long its page is")
        found.append((size, told))
        at += size
    return np.array(found, np.int64).reshape(-1, 2)
