"""The constant parts of a winner's line, between which kernels write numbers and terms."""

from __future__ import annotations

from collections.abc import Sequence

from automaton.format.versions import NEWEST, Format


def winner_parts(
    prefix: str, tick: int, streams: Sequence[str] = (), form: Format = NEWEST
) -> list[bytes]:
    """The constant parts of a tick's winner lines, in order; values stand between them.

    0 slot 1 dimension 2 operator 3 a 3 b 4 steps 5 size 6 term 7. Where streams
    compete, 8 + k stands in the place of 4 for the stream k, then its salience, then
    the last part, then the steps.
    """
    parts = [
        f'{{"id":"{prefix}m{tick}.',
        '","type":"modification","dimensionalLevel":',
        ',"parents":["',
        '","',
        f'"],"{form.beta}":',
        ',"size":',
        ',"term":"',
        '"}\n',
    ]
    parts += [f'"],"stream":"{name}","salience":' for name in streams]
    if streams:
        parts.append(f',"{form.beta}":')
    return [part.encode() for part in parts]
