"""SHA-256 (FIPS 180-4) of blocks, one message or two at a time.

Bodies over arrays; words are held in uint64, as in `kernels.philox`. Messages are padded
by whoever calls. Compiled, these bodies are slower than OpenSSL: what makes them fast is
`kernels.hashing.sha_instructions`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kernels.typed import U


def read_words(text: str) -> npt.NDArray[np.uint32]:
    """32-bit words from their hexadecimal digits."""
    return np.array([int(word, 16) for word in text.split()], np.uint32)


#: Bytes of a block, and of a digest.
BLOCK, DIGEST = 64, 32
#: The state before the first block: FIPS 180-4, 5.3.3.
INITIAL = read_words("6a09e667 bb67ae85 3c6ef372 a54ff53a 510e527f 9b05688c 1f83d9ab 5be0cd19")
#: A constant a round: FIPS 180-4, 4.2.2.
CONSTANTS = read_words("""
    428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5
    d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174
    e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da
    983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967
    27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85
    a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
    19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3
    748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2
""")
_MASK, _WORD = np.uint64(0xFFFFFFFF), np.uint64(32)


def turned(word, bits):  # type: ignore[no-untyped-def]
    """A 32-bit word (as uint64), turned to the right."""
    return ((word >> np.uint64(bits)) | (word << (_WORD - np.uint64(bits)))) & _MASK


def scheduled(words, k):  # type: ignore[no-untyped-def]
    """The schedule's word k, from 16 on; words uint64[16] holds the 16 before it."""
    before, last = words[U((k + 1) & 15)], words[U((k + 14) & 15)]
    small = turned(before, 7) ^ turned(before, 18) ^ (before >> np.uint64(3))
    large = turned(last, 17) ^ turned(last, 19) ^ (last >> np.uint64(10))
    return (words[U(k & 15)] + small + words[U((k + 9) & 15)] + large) & _MASK


def held(state, k):  # type: ignore[no-untyped-def]
    """A word of a state, as uint64."""
    return np.uint64(state[U(k)])


def compress(states, lane, data, at, count, words):  # type: ignore[no-untyped-def]
    """Take `count` blocks from data[at:] on into states[lane].

    states  uint32[2, 8]
    words   uint64[16], scratch
    """
    state = states[lane]
    for block in range(count):
        base = at + 64 * block
        for k in range(16):
            word = np.uint64(0)
            for j in range(4):
                word = (word << np.uint64(8)) | np.uint64(data[U(base + 4 * k + j)])
            words[U(k)] = word
        a, b, c, d = held(state, 0), held(state, 1), held(state, 2), held(state, 3)
        e, f, g, h = held(state, 4), held(state, 5), held(state, 6), held(state, 7)
        for k in range(64):
            if k >= 16:
                words[U(k & 15)] = scheduled(words, k)
            chosen = (e & f) ^ (~e & g)
            turn = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
            one = h + turn + chosen + np.uint64(CONSTANTS[U(k)]) + words[U(k & 15)]
            most = (a & b) ^ (a & c) ^ (b & c)
            two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + most
            h, g, f, e, d, c, b, a = g, f, e, (d + one) & _MASK, c, b, a, (one + two) & _MASK
        for k, word in enumerate((a, b, c, d, e, f, g, h)):
            state[k] = np.uint32((np.uint64(state[k]) + word) & _MASK)


def compress_two(states, data, one, two, count, words):  # type: ignore[no-untyped-def]
    """Take `count` blocks from data[one:] on into states[0], and from data[two:] into states[1]."""
    compress(states, 0, data, one, count, words)
    compress(states, 1, data, two, count, words)
