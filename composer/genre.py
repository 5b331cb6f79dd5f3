"""Which style the words mean: by its name, by a kindred genre's, or by a spelling that comes near one of them."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from composer.instruments import BY_WORD
from composer.reading import Reading, distance, phrase
from composer.vocabulary import ENDINGS, KIN

_REFUSED = re.compile(
    r"\b(?:not|no|isn't|never|without|avoid|less|nothing like|anything but|instead of|rather than|don't want"
    r"|do not want)"
    r"\s+(?:too |a |an |any |very |so |really |much |more |like |another )*$"
)
# Styles that say more about the shape than about the sound: "lofi waltz" is lo-fi in three.
_SHAPES = ("waltz", "piano_solo", "pop_ballad")
_ADJECTIVES = (
    *("jazzy", "funky", "soulful", "bluesy", "folky", "folksy", "atmospheric", "acoustic", "boss battle", "boss fight"),
    *("boss music", "battle music", "game music", "video game music", "soundtrack", "film music", "score"),
)
# Words that name a style, but may as well say what the music is for or like.
_WEAK = ("dance", "club", "alternative", "drone", "ballroom", *_ADJECTIVES[:8])
_MOST_WORDS = 80  # of a prompt, that are looked at for slips of the finger
_NOT_IN_BAND = {"bass", "drum", "drums", "sea", "beat", "beats", "breaks", "breakbeat", "bassline", "step"}
# Words of everyday that lie one slip of a finger away from a genre.
_EVERYDAY_WORDS = (
    "hairstyle hairstyles "
    "amber ambience blue bluer bluest blurs bogie bolt bookie boss bossy celtics chance chant chants chip chips "
    "cinematics classic classics client climate clues counted counters county cultic dance dense disc disch "
    "disco discos discs drills drink drone drones elector electors electra electron electrons flamingo folks "
    "fork fort france fun fund funky funnel garage glues gospels grabber grange grim grime grudge grungy halts "
    "hausa hause holy horse horses hose hours housed houses housing hunk indies jangle jaws jazzed jingle "
    "jingles juggle jungles junk later latino lock loft lofty mango march marched medal mental metall metals "
    "mouse opera operas patina petal phone phones phony poker polkas pops popular prance prone puck pump punks "
    "rack raga ragas rage range regal reggae's reggie rocks rocky rumble rumbled sales salsas salt salva sambo "
    "school score scores shamble sling sock sole soul souls soup spoke sting strap string swine swings swink "
    "swung tangos techie tender thrill throne timber trace tramp trance tranche tranches trane traps trip trips "
    "truck walls walth want wants wing wings "
)
_EVERYDAY = frozenset(_EVERYDAY_WORDS.split())


def masked(text: Reading, aliases: Iterable[str]) -> None:
    """Genres of several words that name no instrument: "drum and bass" is no band of two, "sea shanty" no ocean."""
    text.left = phrase(_shy(tuple(aliases))).sub(lambda match: " " * len(match[0]), text.left)


@lru_cache(maxsize=4)
def _shy(aliases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in aliases if set(re.findall(r"[a-z]+", name)) & _NOT_IN_BAND and not name.isalpha())


def styles(text: Reading, aliases: Mapping[str, str], strict: bool = True) -> tuple[str, ...]:
    """Styles that the words name. In "jazzy lofi" the last one is the noun, before any "with". Names of instruments
    ("funk guitar") count where nothing else does and `strict` is False."""
    shy = phrase(BY_WORD).sub(lambda match: " " * len(match[0]) if " " in match[0] else match[0], text.left)
    for hay in (shy,) if strict else (shy, text.left):
        found = [pair for pair in _found(hay, aliases) if not _REFUSED.search(hay[: pair[0]])]
        if found:
            break
    else:
        return ()
    stop = re.search(r"\bwith\b|\bfeaturing\b|[.;]|\blike\b|\bbut\b|\binspired\b|\binfluence", hay)
    edge = stop.start() if stop and any(at < stop.start() for at, _ in found) else len(hay)
    comma = hay.find(",", found[0][0])
    first_clause = [pair for pair in found if pair[0] < min(edge, comma if comma >= 0 else edge)]
    named = [aliases[word] for _, word in first_clause or found]
    plain = [aliases[word] for _, word in first_clause if word not in _ADJECTIVES] or named
    sounding = [style for style in plain if style not in _SHAPES] or plain
    return tuple(dict.fromkeys([sounding[-1], *(aliases[word] for _, word in found)]))


def _found(hay: str, aliases: Mapping[str, str]) -> list[tuple[int, str]]:
    """(place, name) of the styles in a text, but not of "pop" in "k-pop"."""
    others = [match.span() for match in phrase(KIN).finditer(hay)]
    matches = [(match.span(), match[1]) for match in phrase(aliases).finditer(hay)]
    return [
        (start, name)
        for (start, end), name in matches
        if not any(low <= start and end <= high and high - low > end - start for low, high in others)
    ]


def weak(text: Reading, aliases: Mapping[str, str]) -> bool:
    """True where all that names a style is a word that may as well say how the music is used: "Bollywood dance"."""
    return all(name in _WEAK for _, name in _found(text.left, aliases))


def kin(text: Reading) -> str | None:
    """A genre that is not here, but has a near one that is: the longest of those named last in the first clause."""
    found = [match for match in phrase(KIN).finditer(text.left) if not _REFUSED.search(text.left[: match.start()])]
    return found[0][1] if found else None


def spelled(text: Reading, aliases: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(what was typed, the genre that was meant, its style): "raggae", "synth wave", "hip-hopp", "hardwave"."""
    known = {**KIN, **aliases}
    squeezed = {re.sub(r"[^a-z0-9]", "", name): name for name in known}
    words = list(dict.fromkeys(re.findall(r"[a-z][a-z0-9'&-]*", text.left)))[:_MOST_WORDS]
    for size in (3, 2, 1):  # the same letters, parted in another way
        for at in range(len(words) - size + 1):
            run = words[at : at + size]
            name = squeezed.get(re.sub(r"[^a-z0-9]", "", "".join(run)))
            if name and len(name) > 3 and not _EVERYDAY & set(run):
                return " ".join(run), name, known[name]
    doubled = {_single(name): name for name in squeezed if len(name) > 3}
    for word in words:  # "jaz", "regae"
        if (single := _single(word)) in doubled and word not in _EVERYDAY and len(word) > 2:
            name = squeezed[doubled[single]]
            return word, name, known[name]
    for word in words:
        if near := _near(word, squeezed):
            return word, squeezed[near], known[squeezed[near]]
    for word in words:  # a genre that nobody here has heard of, by how its name ends
        ending = next((end for end in ENDINGS if word.endswith(end) and len(word) >= len(end) + 3), None)
        if ending and word not in _EVERYDAY and word not in _ORDINARY:
            return word, "", ENDINGS[ending]
    return None


# Genres whose names are told apart from other words with a slip of the finger in them.
_UNMISTAKABLE = (
    "acoustic afrobeat afrobeats amapiano ambient bachata baroque bebop bluegrass blues boombap bossanova "
    "breakcore celtic chillhop chillwave chiptune cinematic classical country cumbia dancehall darkwave "
    "deathcore deephouse disco dixieland drumandbass drumnbass dubstep electro electronic electropop eurodance "
    "flamenco gospel grunge hardstyle hiphop house hyperpop klezmer lullaby mariachi merengue metal metalcore "
    "motown neoclassical neosoul orchestral phonk polka psytrance ragtime reggae reggaeton retrowave rocksteady "
    "salsa samba shoegaze symphonic synthpop synthwave tango techno trance vaporwave waltz zydeco "
)
_ORDINARY_WORDS = (
    "backbeat bedrock bishop bootstrap button cotton doorstep doorstop downbeat drumbeat encore footstep fortune "
    "greenhouse hardcore heartbeat heartbeats lighthouse lollipop microwave milestone misstep monotone mousetrap "
    "neptune offbeat opportune penthouse photoshop ringtone rockstar score shamrock shockwave shop simpleton "
    "skeleton soundwave stepstone undertone undertow upbeat warehouse workshop "
)
_ORDINARY = frozenset(_ORDINARY_WORDS.split())


def _single(word: str) -> str:
    """The word with its double letters as one."""
    return re.sub(r"(.)\1", r"\1", word)


def _near(word: str, names: Mapping[str, str]) -> str | None:
    """A name that a slip of the finger or two turns into the word; short words must be closer."""
    if len(word) < 5 or word in _EVERYDAY or word in BY_WORD:
        return None
    slips = 1 if len(word) < 8 else 2
    near = [
        (distance(word, name, slips), name)
        for name in _UNMISTAKABLE.split()
        if name[0] == word[0] and name in names and len(name) > 4
    ]
    best = min((pair for pair in near if pair[0] <= slips), default=None)
    return best[1] if best else None
