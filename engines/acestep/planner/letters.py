"""Which tokens may come next, so that what comes out in the end is one of the values that there are.

Nothing is assumed of how a tokenizer cuts a value: a token is the bytes that it stands for, and it may come wherever
these go on with a value that is still possible. Knows no model and no chance.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

CODES = 64_000  # kinds of sound that a code can stand for
_CODE = re.compile(r"<\|audio_code_(\d+)\|>")


class Letters:
    """A tokenizer's tokens as bytes. Raises ValueError for one that is no byte-level tokenizer with audio codes.

    codes   int64: the token of every code, in order
    inside  tokens that may stand inside a line of words; indents: those of them that start with a space
    onward  those inside a line, and those that end it with nothing after
    """

    def __init__(self, tokenizer: Any):
        vocabulary, added = tokenizer.get_vocab(), tokenizer.get_added_vocab()
        self.bytes = {place: _bytes(token) for token, place in vocabulary.items() if token not in added}
        self.tokens = {piece: place for place, piece in self.bytes.items() if piece}
        self.codes = _codes(vocabulary)
        if not all(bytes([one]) in self.tokens for one in range(256)):
            raise ValueError("a token for every byte")
        self.inside = _places(place for place, piece in self.bytes.items() if piece and not _foreign(piece))
        self.indents = _places(place for place in self.inside if self.bytes[int(place)].startswith(b" "))
        ends = (place for place, piece in self.bytes.items() if piece[-1:] == b"\n" and not _foreign(piece[:-1]))
        self.onward = _places([*self.inside, *ends])

    def following(self, said: bytes, choices: Iterable[bytes]) -> np.ndarray:
        """Tokens, int64, that lead from what was said so far to one of the choices, never beyond its end."""
        possible = [choice[len(said) :] for choice in choices if choice.startswith(said)]
        pieces = {rest[:end] for rest in possible for end in range(1, len(rest) + 1)}
        return _places(self.tokens[piece] for piece in pieces if piece in self.tokens)


def _codes(vocabulary: dict[str, int]) -> np.ndarray:
    found = {int(match[1]): place for token, place in vocabulary.items() if (match := _CODE.fullmatch(token))}
    known = [found[code] for code in range(min(CODES, len(found))) if code in found]
    if not known or len(known) < min(CODES, len(found)):
        raise ValueError("a token for every audio code")
    return np.array(known, dtype=np.int64)


def _places(places: Iterable[Any]) -> np.ndarray:
    return np.array(sorted(places), dtype=np.int64)


def _foreign(piece: bytes) -> bool:
    """Whether it has something that no words have: control characters, or what marks and code are written with."""
    return any(one < 32 or one == 127 or one in b"<`" for one in piece)


def _bytes(token: str) -> bytes:
    """What an ordinary token of a byte-level tokenizer stands for; nothing where it is of another kind."""
    letters = _letters()
    return bytes(letters[one] for one in token) if all(one in letters for one in token) else b""


@cache
def _letters() -> dict[str, int]:
    """How byte-level tokenizers write bytes: printable ones as themselves, the others from U+0100 on, in order
    (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", the released encoder)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [one for one in range(256) if one not in printable]
    return {chr(one): one for one in printable} | {chr(256 + at): one for at, one in enumerate(hidden)}
