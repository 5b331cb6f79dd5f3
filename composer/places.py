"""Where in a song words want something: "in the chorus", "during the second verse"."""

import re
from collections.abc import Iterator

from composer.plan import Plan
from song.errors import BadRequest
from song.sections import NAMES, canonical

_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
             "last": -1, "final": -1}  # fmt: skip
_CALLED = sorted(
    {word.lower() for name, words in NAMES.items() for word in (name, *words) if len(word) > 2}, key=len, reverse=True
)
_ONE = (
    rf"(?:the |every |each |both |all )*(?:(?:{'|'.join(_ORDINALS)}) )?(?:{'|'.join(map(re.escape, _CALLED))})"
    r"(?:es|s)?(?: \d{1,2})?\b"
)
_PLACE = re.compile(
    rf"\b(?:only |just )?(?:in|during|at|throughout|over|for) ({_ONE}(?:(?:,| and|,? or) (?:in )?{_ONE})*)"
)
_PARTED = re.compile(r", ?| and | or ")

Span = tuple[float, float]


def placed(words: str, plan: Plan) -> tuple[str, tuple[Span, ...]]:
    """The words without the sections that they name as places, and the seconds of these. Raises BadRequest where the
    song has no such section."""
    low = " ".join(words.lower().split())
    spans = {span for match in _PLACE.finditer(low) for item in _PARTED.split(match[1]) for span in _spans(item, plan)}
    return (_PLACE.sub(" ", low).strip(), tuple(sorted(spans))) if spans else (words, ())


def _spans(item: str, plan: Plan) -> Iterator[Span]:
    name = canonical(re.sub(r"\b(?:in|the|every|each|both|all)\b", " ", item))
    found = [one for one in plan.sections if canonical(one.name) == name]
    words = item.split()
    number = next((_ORDINALS[word] for word in words if word in _ORDINALS), 0)
    number = int(words[-1]) if words[-1].isdigit() else number
    if not found or number > len(found):
        shape = ", ".join(one.name for one in plan.sections)
        raise BadRequest("prompt", f'there is no "{item}" in this song; its sections are {shape}')
    for one in [found[number - 1 if number > 0 else -1]] if number else found:
        end = (one.start + one.bars) * plan.bar_seconds
        yield one.start * plan.bar_seconds, plan.duration if one is plan.sections[-1] else end
