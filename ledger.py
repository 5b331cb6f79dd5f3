"""The licence ledger: may a take be sold? Read off its recipe, which names everything that made it.

A take is as free as the least free of its parts: models, LoRAs, planner, writer, SoundFont, voice, and the songs it was
made from. Published models have their licences in vendor/checkpoints.toml; the studio's own composer, instruments and
formant singer ask for nothing. What nobody here knows the licence of is said to be unknown, never guessed. This is what
the studio was told, and no legal advice.
"""

import re
from collections.abc import Iterator, Mapping

import checkpoints
from song.ledger import Ledger, Part, Sell
from song.request import originals
from song.take import Recipe

FONTS = {"FluidR3": "MIT", "MuseScore_General": "MIT"}  # by how their files' names begin
OWN = ("composer",)  # engines that need nobody's weights
_WRITER = re.compile(r"(?:^|in part )(\S+) \S+(?: \([^)]*\))?, seed \d+:")  # as lyrics.credit names one; people go free
WEIGHTS = ("checkpoint", "planner", "separator")  # of a recipe's versions: "<name> <revision>"


def judged(recipe: Recipe, before: Mapping[str, Ledger]) -> Ledger:
    """The ledger of a take; `before` has those of the takes it was made from, as far as they are known."""
    parts = tuple(_parts(recipe, before))
    for sell in ("no", "unknown"):
        if why := [part.why for part in parts if part.sell == sell]:
            return Ledger(sell=sell, reason=f"{sell.capitalize()}: {'; '.join(dict.fromkeys(why))}.", parts=parts)
    return Ledger(sell="yes", reason="Yes: nothing that it was made with forbids that.", parts=parts)


def _parts(recipe: Recipe, before: Mapping[str, Ledger]) -> Iterator[Part]:
    versions = recipe.versions
    if recipe.engine in OWN:
        yield _own("engine", recipe.engine)
    elif "checkpoint" not in versions:
        yield _unknown("engine", recipe.engine, f"nobody here knows what the engine {recipe.engine} plays with")
    for kind in WEIGHTS:
        if kind in versions:
            yield _weights(kind, versions[kind].split(" ")[0])
    for what in versions:
        if what.startswith("lora "):
            yield _weights("LoRA", what.removeprefix("lora "))
    if (font := versions.get("soundfont", "none")) != "none":
        yield _font(font)
    if voice := versions.get("voice"):
        licence = "BSD-like" if voice == "Flite" else "the studio's own"
        yield Part(kind="voice", name=voice, licence=licence, sell="yes", why=f"the voice {voice} is free")
    for name in dict.fromkeys(_WRITER.findall(getattr(recipe.request, "lyricist", ""))):
        yield _own("writer", name) if name == "embedded" else _weights("writer", name)
    for id in dict.fromkeys(originals(recipe.request).values()):
        yield _original(id, before.get(id))


def _own(kind: str, name: str) -> Part:
    return Part(kind=kind, name=name, licence="the studio's own", sell="yes", why="it is the studio's own")


def _weights(kind: str, name: str) -> Part:
    """What the table of published models says of weights by this name."""
    published = checkpoints.known().get(name)
    if published is None:
        return _unknown(kind, name, f"the {kind} {name} is none of the published ones, so ask whoever made it")
    licence = published.licence
    sell: Sell = "no" if licence.non_commercial else "yes" if licence.stated else "unknown"
    why = {
        "no": f"{name} is under {licence.name}, which forbids commercial use",
        "unknown": f"{name} states no licence that is known here, so read its card",
        "yes": f"{name} is under {licence.name}",
    }
    return Part(kind=kind, name=name, licence=licence.name if licence.stated else "", sell=sell, why=why[sell])


def _font(name: str) -> Part:
    licence = next((licence for start, licence in FONTS.items() if name.startswith(start)), "")
    if not licence:
        return _unknown(
            "SoundFont", name, f"nobody here knows the licence of the SoundFont {name}, so ask whoever made it"
        )
    return Part(kind="SoundFont", name=name, licence=licence, sell="yes", why=f"{name} is under {licence}")


def _original(id: str, known: Ledger | None) -> Part:
    """A song that this one was made from: it passes on what it may not be used for."""
    if known is None:
        return _unknown("original", id, "it was made from a song of which only you know whose it is")
    why = known.reason.partition(": ")[2].removesuffix(".")
    return Part(
        kind="original", name=id, licence="", sell=known.sell, why=f"it was made from a take of which is true: {why}"
    )


def _unknown(kind: str, name: str, why: str) -> Part:
    return Part(kind=kind, name=name, licence="", sell="unknown", why=why)
