"""Who is asked to play, who is told to stay away, and whether nobody else should play."""

import difflib
import re
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from composer.instruments import BY_WORD, FAMILIES
from composer.reading import Reading, distance, phrase
from composer.vocabulary import ENSEMBLES, LANES, MOODS, PERCUSSION, ROLE_WORDS
from song.errors import BadRequest

if TYPE_CHECKING:
    from composer.words import Said

_NO = (
    "no", "without", "minus", "w/o", "avoid", "avoiding", "skip", "skip the", "leave out", "excluding", "exclude",
    "except", "zero", "lose the", "don't want", "do not want", "don't use", "do not use", "not any", "nor",
    "instead of", "rather than", "free of", "lacking", "never", "remove", "omit",
    "don't add", "do not add", "hold the", "don't include", "do not include",
)  # fmt: skip
_FILLERS = {
    "any",
    "the",
    "a",
    "an",
    "of",
    "kind",
    "real",
    "live",
    "heavy",
    "loud",
    "big",
    "more",
    "some",
    "use",
    "much",
    "too",
    "please",
    "for",
    "added",
    "crazy",
    "busy",
}
_WITH = {"with", "and", "featuring", "feat", "plus", "add", "a", "an", "ft", "then", "has"}
_NOT_INSTRUMENTS = {
    ("bass", "drum"),
    ("double bass", "drum"),
    ("double bass", "drums"),
    ("double bass", "drumming"),
    ("double bass", "pedal"),
    ("bass", "drop"),
    ("bass", "boosted"),
    ("organ", "donor"),
    ("keys", "signature"),
    ("drop", "bass"),
}
_MANNERS = {
    "acoustic", "bright", "brushed", "clean", "deep", "electric", "ensemble", "fingerpicked", "gentle", "light", "low",
    "loud", "muted", "old", "picked", "section", "small", "soft", "solo", "three", "tight", "two", "vintage", "warm",
}  # fmt: skip
VOICE = r"(vocals?|singers?|singing|sung|vocalists?|rappers?|rapping|rapped|lyrics|voices?|vocal chops|spoken word)"
_INSTRUMENT = phrase(BY_WORD)
_ANY = re.compile(rf"\s*(?:{phrase((*BY_WORD, *LANES)).pattern}|{VOICE}\b)")
_NEGATION = phrase(_NO)
_LESS = re.compile(r"\b(drum|bass|beat|guitar|piano)[ -]?less\b")
_NO_SOLO = re.compile(
    rf"{_NEGATION.pattern}\s+(?:any |a |an |the |crazy |long |more )*{_INSTRUMENT.pattern}"
    r"[ -](?:solos?|leads?|melod(?:y|ies))\b"
)
_ONLY = re.compile(
    r"\b(?:just|only|nothing but|unaccompanied|solely|purely)\s+(?:an?\s+|the\s+|some\s+|\w+\s+)?"
    rf"{_INSTRUMENT.pattern}|{_INSTRUMENT.pattern}\s+(?:only|alone|duo|duet|trio|by itself)\b"
    r"|(?:\band|,) nothing (?:else|more)\b"
)
# How a list of refusals goes on: "or", "and", a comma before an "or", or a comma that has an "or" further on.
_JOINT = re.compile(r"\s*(?:,\s*(?:or|nor|and no)|or|nor|and no|and|&|/)\s+(?:no\s+)?")
_COMMA = re.compile(r"\s*,\s*")
_SHORT_LIST = 4  # items after a comma among which an "or" must come


# Names of instruments that are long enough to be recognised with a slip of the finger in them.
_LONG = sorted(word for word in BY_WORD if word.isalpha() and (len(word) > 5 or word in ("piano", "flute", "cello")))
_MOST_WORDS = 80  # of a prompt, that are looked at
_OTHER_WORDS = {
    "brakes", "breakers", "bristle", "brushed", "cells", "crackers", "crackles", "creaks", "fluke", "flutist",
    "flutter", "freaks", "guitarist", "harmonic", "harmonics", "hello", "organic", "organist", "pianist",
    "pianists", "plane", "shaken", "shakes", "shaking", "sharper", "shaver", "shimmers", "shower", "spoken",
    "sting", "stings", "string", "stripped", "strung", "tables", "thistle", "triangular", "trumped", "violent",
    "violet", "whistled", "whistler", "wooden",
}  # fmt: skip


def corrected(text: Reading, known: Collection[str]) -> None:
    """Instruments with a slip of the finger, in the text that is left: "pianno", "clarinett". `known` words stay."""
    for word in list(dict.fromkeys(re.findall(r"[a-z]{5,}", text.left)))[:_MOST_WORDS]:
        if word in BY_WORD or word in _OTHER_WORDS or word in LANES or word in known:
            continue
        near = next((name for name in _LONG if name[0] == word[0] and distance(word, name, 1) <= 1), None)
        if near and (not word.startswith(near.rstrip("s")) or word == near + near[-1]):
            text.notices.append(f'"{word}" is read as {near}.')
            text.left = re.sub(rf"\b{word}\b", near, text.left, count=1)


def unled(text: Reading) -> tuple[str, ...]:
    """Instruments of which a solo is refused, and nothing else: "no guitar solo"."""
    found = list(_NO_SOLO.finditer(text.left))
    for match in found:
        text.take(*match.span())
    return tuple(dict.fromkeys(match[2] for match in found))


def denied(text: Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(instruments that must not play, drum lanes that must not)."""
    less = list(_LESS.finditer(text.left))
    found = ["drums" if match[1] == "drum" else match[1] for match in less]
    spans = [match.span() for match in less]
    for match in _NEGATION.finditer(text.left):
        words, end = _refused_list(text.left, match.end())
        found += words
        if words:
            spans.append((match.start(), end))
    for start, end in spans:
        text.take(start, end)
    players = [word for word in found if word in BY_WORD and word not in PERCUSSION]  # "no shaker" leaves the drums
    mutes = [lane for word in found if word in LANES for lane in LANES[word]]
    return tuple(dict.fromkeys(players)), tuple(dict.fromkeys(mutes))


def _refused_list(low: str, at: int) -> tuple[list[str], int]:
    """The instruments after a "no", as far as the list goes on: "no drums, bass or vocals"."""
    words: list[str] = []
    end = at
    while True:
        filler = re.match(r"\s*([a-z']+)\b", low[at:])
        while filler and filler[1] in _FILLERS:
            at += filler.end()
            filler = re.match(r"\s*([a-z']+)\b", low[at:])
        item = _ANY.match(low, at)
        after = re.match(r"[\s-]*([a-z]+)", low[item.end() :]) if item else None
        if not item or (after and (item[0].strip(), after[1]) in _NOT_INSTRUMENTS):
            return words, end
        words.append(item[0].strip())
        at = end = item.end()
        joint = _JOINT.match(low, at) or _comma(low, at)
        if not joint:
            return words, end
        at = joint.end()


def _comma(low: str, at: int) -> re.Match[str] | None:
    """A comma after which the list of refusals goes on, since an "or" closes it: "no drums, bass or guitar"."""
    comma = _COMMA.match(low, at)
    if not comma:
        return None
    items = re.split(r"[.;!?]", low[comma.end() : comma.end() + 120])[0].split(",")[:_SHORT_LIST]
    for item in items:
        words = item.split()
        if "or" in words or "nor" in words:
            return comma
        if len(words) > 3:
            return None
    return None


def named(text: Reading) -> tuple[tuple[tuple[str, str], ...], bool]:
    """((instrument that is asked for, the role it was given or ""), ...) and whether nothing else should play."""
    only = bool(_ONLY.search(text.left))
    found: dict[str, str] = {}
    soloists: list[str] = []
    ensemble = phrase(ENSEMBLES).search(text.left)
    read_to = 0
    if ensemble:
        found |= dict(ENSEMBLES[ensemble[1]])
        only = True
    for match in _INSTRUMENT.finditer(text.left):
        word = match[1]
        inside = ensemble is not None and ensemble.start() <= match.start() < ensemble.end()
        if inside or match.start() < read_to or word in ("beat", "beats"):
            continue
        before = re.findall(r"[a-z&+]+", text.left[: match.start()])[-3:]
        after = re.match(r"[\s-]*([a-z]+)", text.left[match.end() :])
        following = after[1] if after else ""
        if (word, following) in _NOT_INSTRUMENTS:
            continue
        role = ROLE_WORDS.get(following, "") or (ROLE_WORDS.get(before[-1], "") if before else "")
        if following in ROLE_WORDS and after:
            read_to = match.end() + after.end()
        if _alone(before, following):
            soloists.append(word)
        found[word] = found.get(word, "") or role
    if len(found) == len(soloists) == 1:  # one among others takes a solo, one by itself plays alone
        return ((soloists[0], ""),), True
    return tuple(found.items()), only


def _alone(before: list[str], following: str) -> bool:
    """ "solo piano" and "piano solo" play alone; "rock with a guitar solo" is a band."""
    if before and before[-1] == "solo":
        return not _WITH & set(before[:-1])
    return following == "solo" and not _WITH & set(before)


def seated(band: str, said: "Said", notices: list[str]) -> "Said":
    """What is said, with the band that the knob names instead of the words': exactly its players. Raises BadRequest."""
    if not band.strip():
        return said
    found: dict[str, str] = {}
    gone: list[str] = []
    mutes: list[str] = []
    for item in re.split(r"[,;+/&\n]|\band\b|\bwith\b", band.lower()):
        if item.strip(" .-"):
            named_here, denied_here, muted_here = _seat(item.strip(" .-"))
            notices += _not_understood(item.strip(" .-"), named_here)
            found |= {word: role for word, role in named_here if word not in found}
            gone += denied_here
            mutes += muted_here
    if found and (clash := [word for word, _ in said.named if word not in found]):
        notices.append(f"The band setting wins over the words' {', '.join(clash)}.")
    gone = [word for word in (*said.denied, *gone) if word not in found]
    kept = tuple(found.items()) or said.named
    return replace(
        said, named=kept, denied=tuple(gone), mutes=(*said.mutes, *mutes), only=bool(found) or said.only,
        vocals=said.vocals or bool(re.search(rf"\b{VOICE}\b", band.lower())),
    )  # fmt: skip


def unsung(said: "Said") -> "Said":
    """What is said, without the choirs that a style would bring; a choir that was named stays."""
    named = {BY_WORD[word][1].patch for word, _ in said.named} & set(FAMILIES["choir"])
    return said if named else replace(said, denied=(*said.denied, "choir"))


def _not_understood(item: str, players: tuple[tuple[str, str], ...]) -> list[str]:
    """A sentence where an entry of the band holds more than its players: "theremin choir of cats"."""
    rest = phrase(ENSEMBLES).sub(" ", phrase(word for word, _ in players).sub(" ", item)) if players else ""
    known = _FILLERS | _WITH | _MANNERS | ROLE_WORDS.keys() | MOODS.keys() | LANES.keys()
    unknown = [word for word in re.findall(r"[^\W\d]{3,}", rest) if word not in known]
    return [f'Nobody here is called "{" ".join(unknown)[:60]}"; the band plays without.'] if unknown else []


def _seat(item: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]:
    """(players, refused instruments, refused drum lanes) of one entry of the band. Raises BadRequest."""
    text = Reading(item)
    refused, mutes = denied(text)
    players, _ = named(text)
    if players:
        return players, refused, mutes
    if refused or mutes or re.search(rf"\b{VOICE}\b", item):
        return (), refused, mutes
    if item in ("beat", "beats") or item in LANES:
        return (("drums", ""),), (), ()
    near = difflib.get_close_matches(item, BY_WORD, 3, 0.6)
    hint = f"near it are {', '.join(near)}" if near else "use names like piano, upright bass, violin, drums"
    raise BadRequest("band", f'"{item[:40]}" is not an instrument here; {hint}')
