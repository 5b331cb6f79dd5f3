"""The band: who plays. The style's palette, the guests that chance invites, and what the words ask for and refuse."""

import re
from dataclasses import replace

from composer.chance import chance
from composer.instruments import ANY_BASS, ANY_DRUMS, BY_WORD, FAMILIES, title
from composer.style import Part, Style
from composer.vocabulary import MOODS, PERCUSSION
from composer.words import Said

_MELODIC = ("chords", "lead", "pad", "arp", "counter", "color", "color2", "color3")  # where one more instrument may go
_ELECTRIC_BASS = ("bass guitar", "bass guitars", "electric bass")  # refused, they leave nobody else to play it
_KIT_FALLBACK = Part("Drum kit", 0, "lofi", -19.5, width=0.3, reverb=0.1)
_SECOND_NAMES = {"lead": "melody", "bass": "left hand"}
_TWO_HANDED = ("piano", "electric_piano", "organ", "harp")


def assemble(style: Style, said: Said, seed: int, notices: list[str]) -> tuple[dict[str, Part], tuple[str, ...]]:
    """(role -> player, the roles that were asked for)."""
    asked = _asked(style, said, notices)
    band = {} if said.only and asked else _resident(style, said, seed)
    taken = {part.patch for part in asked.values()}
    band = {
        role: part
        for role, part in band.items()
        if role in asked or part.patch not in taken or role in ("drums", "bass", *_hands(style))
    }
    band = _at_one_instrument(style, band | asked, asked)
    if said.only and asked:
        band = _self_sufficient(band)
    band = _without(style, band, said.denied)
    if "lead" in band and refused(band["lead"], said.unled):
        band = _led_otherwise(style, band, (*said.denied, *said.unled))
    if not band or set(band) <= {"texture", "texture2"}:
        notices.append("Everything was refused; a piano plays, since somebody must.")
        band |= {"chords": BY_WORD["piano"][1]}
    return band, tuple(role for role in band if role in asked or said.only)


def _resident(style: Style, said: Said, seed: int) -> dict[str, Part]:
    """The style's own players: core roles, guests by chance or mood, and now and then another instrument in a role."""
    invited = {role for mood in said.moods for role in MOODS[mood].guests}
    band: dict[str, Part] = {}
    for role, part in style.palette.items():
        odds = style.guests.get(role, 1.0)
        rng = chance(seed, "band", role)
        if rng.random() >= odds and role not in invited:
            continue
        choices = (part, part, *style.swaps.get(role, ()))
        rng = chance(seed, "band", "hands") if role in _hands(style) else rng
        band[role] = choices[int(rng.integers(len(choices)))]
    if "bass" in style.palette and not {"bass", "drums"} & band.keys():  # somebody must hold the ground
        band["bass"] = style.palette["bass"]
    return band


def _hands(style: Style) -> tuple[str, ...]:
    """The roles of one soloist: three or more that the palette gives to one instrument, the hands of a pianist."""
    patches = [part.patch for part in style.palette.values()]
    return tuple(role for role, part in style.palette.items() if patches.count(part.patch) >= 3)


def _at_one_instrument(style: Style, band: dict[str, Part], asked: dict[str, Part]) -> dict[str, Part]:
    """What a soloist was given for one hand, the other hand plays too."""
    hands = [role for role in _hands(style) if role in band]
    patch = next((asked[role].patch for role in hands if role in asked), None)
    return band | {
        role: part
        for role in hands
        if role not in asked
        for part in (style.palette[role], *style.swaps.get(role, ()))
        if part.patch == patch
    }


def _asked(style: Style, said: Said, notices: list[str]) -> dict[str, Part]:
    """A role for each instrument that was named, in the order in which they were named."""
    asked: dict[str, Part] = {}
    wanted = sorted(said.named, key=lambda pair: not pair[1])  # those with a role of their own choose first
    for word, hint in wanted:
        roles, part = BY_WORD[word]
        own = _own_player(style, word, roles, part) if not said.only or word in (*ANY_DRUMS, *ANY_BASS) else None
        if said.only and own and word in ANY_BASS and "bass" not in own[1].name.lower():
            own = None
        player = _titled(own[1] if own else part, word)
        if any(player.name == other.name for other in asked.values()):
            continue
        if word in PERCUSSION and "drums" in asked:  # it joins the kit that plays already
            continue
        role = _role(asked, hint, own[0] if own else None, roles)
        if role is None:
            notices.append(f"The band is full; there is no place for {word}.")
            continue
        asked[role] = player if own and own[0] == role else _settled(style, role, _titled(part, word))
    return asked


def _titled(part: Part, word: str) -> Part:
    """The player by the name that was asked for: "Ukulele", not "Acoustic guitar"."""
    own = title(word)
    if own:
        return replace(part, name=own[0], program=own[1])
    usual = BY_WORD[word][1].name
    called = re.search(rf"\b{re.escape(word.removesuffix('s'))}", part.name.lower())
    return part if called or word in (*ANY_DRUMS, *ANY_BASS) or word in PERCUSSION else replace(part, name=usual)


def _own_player(style: Style, word: str, roles: tuple[str, ...], part: Part) -> tuple[str, Part] | None:
    """The style's own player of an instrument, if it has one, and its role."""
    anyone = word in (*ANY_DRUMS, *ANY_BASS)
    for role, player in style.palette.items():
        for one in (player, *style.swaps.get(role, ())):
            if role in roles and (anyone or one.patch == part.patch):
                return role, one
    return None


def _role(asked: dict[str, Part], hint: str, own: str | None, roles: tuple[str, ...]) -> str | None:
    """The first free role of: the one it was given, the style's, the instrument's usual ones, any."""
    if roles[0] == "texture":
        order: tuple[str, ...] = ("texture", "texture2")
    elif roles[0] in ("drums", "bass"):
        order = (roles[0],)
    else:
        order = tuple(dict.fromkeys((*((hint,) if hint else ()), *((own,) if own else ()), *roles, *_MELODIC[5:])))
    return next((role for role in order if role not in asked), None)


def _settled(style: Style, role: str, part: Part) -> Part:
    """A newcomer takes the place of the style's own player: its level, its side, its room."""
    resident = style.palette.get(role)
    if resident is None:
        return replace(part, patch=part.patch or _KIT_FALLBACK.patch)
    if role == "drums":
        return replace(resident, name=part.name, program=part.program, patch=part.patch) if part.patch else resident
    level = resident.lufs if role in ("bass", "texture") else max(resident.lufs, part.lufs - 1.5)
    return replace(
        part, lufs=level, pan=resident.pan, reverb=max(part.reverb, resident.reverb * 0.8), duck=resident.duck
    )


def _self_sufficient(band: dict[str, Part]) -> dict[str, Part]:
    """Alone, a piano plays chords, tune and left hand; a guitar chords and tune; a flute just sings."""
    melodic = [role for role in band if role in _MELODIC]
    if melodic != ["chords"]:
        return band
    part = band["chords"]
    band = band | {"lead": replace(part, low=max(part.low, 55))}
    if "bass" not in band and part.patch in _TWO_HANDED:
        band |= {"bass": replace(part, low=33, high=57, lufs=part.lufs - 3, width=0.3)}
    return band


def _without(style: Style, band: dict[str, Part], denied: tuple[str, ...]) -> dict[str, Part]:
    """The band without those who were refused, by name or by family; somebody else of the style takes the chords."""
    sections = {BY_WORD[word][0][0] for word in denied if word in (*ANY_DRUMS, *ANY_BASS, *_ELECTRIC_BASS)}
    band = {role: part for role, part in band.items() if role not in sections and not refused(part, denied)}
    chordal = any("chords" in BY_WORD[word][0] for word in denied)
    if not chordal or "chords" in band or "pad" in band:
        return band
    others = (*style.swaps.get("chords", ()), style.palette.get("chords"), style.palette.get("pad"))
    free = next((part for part in others if part and not refused(part, denied)), None)
    return band | {"chords": free} if free else band


def _led_otherwise(style: Style, band: dict[str, Part], denied: tuple[str, ...]) -> dict[str, Part]:
    """The band with another player of the tune, or without one."""
    others = (*style.swaps.get("lead", ()), style.palette.get("lead"))
    free = next((part for part in others if part and not refused(part, denied)), None)
    rest = {role: part for role, part in band.items() if role != "lead"}
    return rest | {"lead": free} if free else rest


def refused(player: Part, denied: tuple[str, ...]) -> bool:
    """True where the words send this player away."""
    name = player.name.lower().replace("bass guitar", "bass")  # a bass guitar is no guitar
    return any(
        player.patch in FAMILIES.get(word, (BY_WORD[word][1].patch,))
        or player.name == BY_WORD[word][1].name
        or re.search(rf"\b{re.escape(word.removesuffix('s'))}s?\b", name)
        for word in denied
    )


def told_apart(band: dict[str, Part]) -> dict[str, Part]:
    """No two players of one name, since names become tracks and stems."""
    seen: set[str] = set()
    named: dict[str, Part] = {}
    for role, part in band.items():
        name = part.name if part.name not in seen else f"{part.name} {_SECOND_NAMES.get(role, role)}"
        seen.add(name)
        named[role] = part if name == part.name else replace(part, name=name)
    return named
