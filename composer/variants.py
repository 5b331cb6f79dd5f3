"""Variants: a style's rows bent a little for one song, so that no two songs share all their figures.

What a listener holds on to stays: the first beat, the backbeat, four kicks to the floor, a clave. What moves are
syncopations, ghost notes, accents of the hats, second notes of a bass line, the order of a broken chord.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from composer.rhythm import split

_FIXED = ("clave", "cascara", "agogo", "agogolow", "crash", "crash2", "taiko")
_BACKBEAT = ("snare", "clap", "rim", "snap")
_PULSE = ("hat", "shaker", "ride", "tamb", "cabasa")
_LEAN = 6.0  # how much a song's leaning weighs
_MOVES = 4  # changes to a row at most


def drawn(rows: Sequence[str], lean: float, rng: np.random.Generator) -> str:
    """One of some rows by chance; the busier ones are likelier where a song leans that way, `lean` > 0."""
    counts = np.array([_strokes(row) for row in rows], float)
    odds = np.exp(_LEAN * lean * (counts - counts.mean()) / (counts.std() or 1.0))
    return rows[int(rng.choice(len(rows), p=odds / odds.sum()))]


@lru_cache(maxsize=4096)
def _strokes(row: str) -> int:
    """How many strokes a row has, in all its lanes."""
    return sum(mark not in "-." for part in split(row)[1].split("|") for mark in part.split()[-1])


def bent_beat(row: str, free: float, rng: np.random.Generator) -> str:
    """A beat with other syncopations, ghosts and accents. `free` 0-1: how much of it may change."""
    if free <= 0:
        return row
    meter, rest = split(row)
    lanes = [(part.split()[0], part.split()[1]) for part in rest.split("|")]
    bent = [(lane, _lane(lane, text, meter, free, rng)) for lane, text in lanes]
    if rng.random() < 0.7 * free:
        sparse = rng.random() < 0.6
        bent = [(lane, _pulsed(text, sparse) if lane in _PULSE else text) for lane, text in bent]
    body = " | ".join(f"{lane} {text}" for lane, text in bent)
    return f"{meter[0]}/{meter[1]}: {body}" if meter else body


def _lane(lane: str, text: str, meter: tuple[int, int] | None, free: float, rng: np.random.Generator) -> str:
    if lane in _FIXED:
        return text
    beat = 6 if meter == (6, 8) else 4
    for _ in range(int(rng.binomial(_MOVES, 0.55 * free))):
        if lane == "kick":
            text = _moved_kick(text, beat, rng)
        elif lane in _BACKBEAT:
            text = _ghosted(text, beat, rng)
        else:
            text = _accented(text, beat, rng)
    return text


def _pulsed(text: str, sparse: bool) -> str:
    """A pulse of half as many strokes, or with soft ones in its gaps; one of a few strokes stays."""
    struck = [step for step, mark in enumerate(text) if mark in "xXo"]
    if len(struck) < len(text) / 4:
        return text
    every = 2 if len(struck) > len(text) * 0.6 else 4
    if sparse:
        return "".join("." if mark in "xXo?" and step % every else mark for step, mark in enumerate(text))
    gaps = (step for step, mark in enumerate(text) if mark == "." and step % 2 and text[step - 1] in "xX")
    for step in list(gaps):
        text = _put(text, step, "o")
    return text


def _put(text: str, step: int, mark: str) -> str:
    return text[:step] + mark + text[step + 1 :]


def _pick(places: list[int], rng: np.random.Generator) -> int | None:
    return places[int(rng.integers(len(places)))] if places else None


def _moved_kick(text: str, beat: int, rng: np.random.Generator) -> str:
    """A syncopated kick goes, comes or moves; a kick on every beat only gets a soft one in front of a beat."""
    beats = range(0, len(text), beat)
    off = [step for step in range(len(text)) if step % beat]
    taken = [step for step in off if text[step] in "xo?X"]
    empty = [
        step for step in off if text[step] == "." and text[(step + 1) % len(text)] in ".-" and text[step - 1] == "."
    ]
    if sum(text[step] in "xX" for step in beats) > 0.8 * len(beats):
        place = _pick([step for step in empty if step % beat >= beat - 2], rng)
        return text if place is None or taken else _put(text, place, "?")
    roll = rng.random()
    source, target = _pick(taken, rng), _pick(empty, rng)
    if roll < 0.4 and source is not None and target is not None:
        return _put(_put(text, source, "."), target, text[source])
    if roll < 0.65 and source is not None and len(taken) > 1:
        return _put(text, source, ".")
    return (
        text if target is None or len(taken) > len(text) // 4 else _put(text, target, "x" if target % 2 == 0 else "o")
    )


def _ghosted(text: str, beat: int, rng: np.random.Generator) -> str:
    """A ghost note comes, goes or moves; struck notes stay."""
    ghosts = [step for step in range(len(text)) if text[step] in "o?"]
    empty = [step for step in range(len(text)) if text[step] == "." and step % beat]
    source, target = _pick(ghosts, rng), _pick(empty, rng)
    if source is not None and (rng.random() < 0.6 or target is None or len(ghosts) > 2):
        text = _put(text, source, ".")
    return text if target is None or rng.random() < 0.3 else _put(text, target, "o" if rng.random() < 0.6 else "?")


def _accented(text: str, beat: int, rng: np.random.Generator) -> str:
    """Hats, shakers, hand drums: another accent, one stroke more or less between the beats."""
    off = [step for step in range(len(text)) if step % beat]
    struck, empty = [step for step in off if text[step] in "xo?"], [step for step in off if text[step] == "."]
    roll = rng.random()
    place = _pick(struck, rng)
    if roll < 0.45 and place is not None:
        return _put(text, place, "o" if text[place] == "x" else "x")
    if roll < 0.65 and place is not None and len(struck) > 2:
        return _put(text, place, ".")
    place = _pick(empty, rng)
    return text if place is None else _put(text, place, "o" if rng.random() < 0.65 else "x")


def bent_line(row: str, free: float, rng: np.random.Generator, fresh: str, other: str = "") -> str:
    """A bass or comping row with a note more, less or somewhere else, or shorter notes. Its first note stays.

    fresh  what a new note is; other  what a plain note may turn into.
    """
    if free <= 0 or "K" in row:
        return row
    meter, text = split(row)
    beat = 6 if meter == (6, 8) else 4
    if rng.random() < 0.4 * free:
        text = _broadened(text, beat)
    for _ in range(int(rng.binomial(_MOVES, 0.5 * free))):
        text = _bent(text, beat, rng, fresh, other)
    return f"{meter[0]}/{meter[1]}: {text}" if meter else text


def _broadened(text: str, beat: int) -> str:
    """A row that pumps on and between the beats, on its beats only; others, and what leads on, stay as they are."""
    marks = [step for step, mark in enumerate(text) if mark not in "-."]
    if len(marks) < len(text) * 5 / 16 or text[0] in "-." or sum(not step % beat for step in marks) < 3:
        return text
    kept = [step for step in marks if not step % beat or text[step] in "as"]
    return "".join(text[step] if step in kept or text[step] == "." else "-" for step in range(len(text)))


def _bent(text: str, beat: int, rng: np.random.Generator, fresh: str, other: str) -> str:
    marks = [step for step in range(len(text)) if text[step] not in "-."][1:]
    held = [step for step in range(2, len(text) - 1) if text[step] == "-" and text[step + 1] in "-."]
    rests = [step for step in range(1, len(text)) if text[step] == "."]
    inner = [step for step in marks if text[step] not in "asn"]
    roll, place = rng.random(), _pick(inner, rng)
    if roll < 0.22 and place is not None and len(marks) > 1:  # one note less
        return _put(text, place, "-" if text[place - 1] != "." else ".")
    if roll < 0.5 and place is not None and place % beat and place + 1 < len(text) and text[place + 1] == "-":
        return _put(_put(text, place, "-" if text[place - 1] != "." else "."), place + 1, text[place])  # a step later
    if roll < 0.7 and place is not None and other:
        return _put(text, place, other[int(rng.integers(len(other)))])
    if roll < 0.85:
        target = _pick([step for step in held + rests if step % 2 == 0 or rng.random() < 0.3], rng)
        return text if target is None else _put(text, target, fresh)
    target = _pick([step for step in held if text[step + 1] == "." or step + 1 == len(text)] or held, rng)
    return text if target is None else text[:target] + _shortened(text[target:])


def _shortened(text: str) -> str:
    """Ties at the front become rests."""
    kept = len(text) - len(text.lstrip("-"))
    return "." * kept + text[kept:]


def bent_climb(row: str, free: float, rng: np.random.Generator, held: str = "") -> str:
    """A broken chord in another order: upside down, from another voice, or with two of its notes changed over. What is
    `held` stays where it is."""
    digits = sorted({mark for mark in row.partition(":")[2] or row if mark.isdigit() and mark not in held})
    if free <= 0 or len(digits) < 2 or rng.random() > 0.4 + 0.6 * free:
        return row
    meter, text = split(row)
    roll = rng.random()
    if roll < 0.3:
        table = dict(zip(digits, reversed(digits), strict=True))
    else:
        a, b = rng.choice(len(digits), 2, replace=False)
        table = {digits[a]: digits[b], digits[b]: digits[a]}
    text = "".join(table.get(mark, mark) for mark in text)
    return f"{meter[0]}/{meter[1]}: {text}" if meter else text
