"""What a brief is about: its theme, its tone, and the thing that its song names."""

import re
from dataclasses import dataclass
from itertools import takewhile

from writing.stock import Theme, stresses, themes

_TONE_WORDS = {
    "hopeful": "happy hopeful uplifting joyful bright cheerful upbeat fun feelgood euphoric sunny optimistic warm",
    "sad": "sad melancholy melancholic heartbroken heartbreak lonely mournful bittersweet grief tearful blue broken",
    "tender": "tender gentle romantic sweet soft intimate loving slow quiet",
    "defiant": "angry defiant rebellious fierce aggressive powerful heavy furious rage fighting empowering",
    "dreamy": "dreamy ethereal floating hazy psychedelic ambient cosmic spacey nostalgic mysterious",
}
_STYLES = """
song songs track ballad anthem lyrics tune music pop rock country folk jazz blues house techno trap rap metal punk
soul funk reggae lofi ballads hit chorus verse bridge duet lullaby hymn feeling feelings story something someone
somebody anything everything nothing thing things way lot bit kind sort style love life time
"""
_GRAMMAR = """
far near long soon today tonight tomorrow yesterday happy
a an the my your our his her their its this that these those and or but who whom which when where while as if so than
then because of in on at to from for with without by about into onto over under through after before between during
until like against across is are was were be been being am do does did has have had will would can could should may
might must not no nor never always i you he she it we they me him us them who's it's i'm you're there here how what
why just only very too again away back down up off out every all some any one two three gets get got goes go went
comes come came makes make made says say said feels feel wants want wanted needs need misses miss missed loses lose
lost finds find found leaves leave left lives live lived loves loved knows know knew sees see saw keeps keep kept
turns turn turned waits wait waited runs run ran falls fall fell breaks
"""
_STOP = frozenset(_GRAMMAR.split())
_DETERMINERS = {"the": "the", "a": "the", "an": "the", "this": "the", "that": "the"}
_DETERMINERS |= {"my": "my", "your": "your", "our": "our"}
_FEELS = {"fight": "defiant", "lost": "sad", "dance": "hopeful", "summer": "hopeful", "hope": "hopeful"}
_LEADS = {"hopeful": "hope", "sad": "lost", "tender": "love", "defiant": "fight", "dreamy": "stars"}
_VERBAL = re.compile(r"(?:ing|ly|ed)$")
_NO_VERBS = """
morning evening wedding king ring spring string wing wings building painting family butterfly bed
"""
_NOUNS_LIKE_VERBS = frozenset(_NO_VERBS.split())
_LONGEST = 6  # syllables of what is named
_PLACING = ("in", "of", "from", "at", "on")
_FEW = 2  # words of a brief that names no more than its thing


@dataclass(frozen=True)
class Brief:
    """What a song is about: themes by how much the brief speaks of them, tones, and what it names."""

    themes: dict[str, int]
    tones: frozenset[str]
    topics: tuple[str, ...]


def read(text: str, tone: str = "auto") -> Brief:
    """Read a brief. `tone` decides where it is not "auto"."""
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.replace("’", "'"))
    low = [word.lower() for word in words]
    scores = {theme.name: sum(_calls(word, theme) for word in low) for theme in themes().values()}
    said = frozenset(name for name, telling in _TONE_WORDS.items() if set(telling.split()) & set(low))
    tones = frozenset({tone}) if tone != "auto" else said or _implied(scores)
    found = {name: score for name, score in scores.items() if score}
    return Brief(found or {_LEADS[tone]: 1 for tone in sorted(tones)}, tones, topics(words))


def _implied(scores: dict[str, int]) -> frozenset[str]:
    """How a song feels whose brief does not say it: as its theme does."""
    leading = max(scores, key=lambda name: scores[name])
    return frozenset({_FEELS[leading]}) if scores[leading] and leading in _FEELS else frozenset()


def _calls(word: str, theme: Theme) -> bool:
    return word in theme.words or word.removesuffix("s") in theme.words


def topics(words: list[str]) -> tuple[str, ...]:
    """What the words name, as it stands in a line: "the lighthouse", "my hometown", "Berlin"; the likeliest first."""
    low = [word.lower() for word in words]
    about = low.index("about") + 1 if "about" in low else 0
    named = [name for place in range(about, len(words)) if (name := _named(words, low, place))]
    bare = [f"the {word}" for place, word in enumerate(low) if _noun_alone(low, place)]
    if not named and not bare and (about or len(words) <= _FEW) and (phrase := _phrase(words[about : about + 3])):
        bare = [phrase if "'s " in phrase else f"the {phrase}"]
    return tuple(dict.fromkeys(topic for topic in (*named, *bare) if 1 <= len(stresses(topic)) <= _LONGEST))


def _named(words: list[str], low: list[str], place: int) -> str:
    """A thing with its article or owner, or a name; "" where there is neither."""
    if low[place] in _DETERMINERS and (phrase := _phrase(words[place + 1 : place + 4])):
        return f"{_DETERMINERS[low[place]]} {phrase}"
    if name := _name(words, place):
        return name
    follows = low[place + 1] if place + 1 < len(low) else ""
    if not place and follows in _PLACING and (phrase := _phrase(words[:1])):
        return f"the {phrase}"
    return ""


def _name(words: list[str], place: int) -> str:
    """A name that begins here, "New York". The first word of a brief is one only where more speaks for it."""
    if (place and words[place - 1][:1].isupper() and place > 1) or not words[place][:1].isupper():
        return ""
    run = list(takewhile(lambda word: word[:1].isupper() and not _manner(word.lower()), words[place : place + 3]))
    first = run[0].lower() if run else ""
    follows = words[place + 1].lower() if place + 1 < len(words) else ""
    sure = place > 0 or len(run) > 1 or follows in _PLACING
    return " ".join(run) if sure and len(first) > 2 and first not in _STOP else ""


def _manner(word: str) -> bool:
    """Whether a word says how a song is, not what it is about."""
    return word in _STYLES.split() or _is_tone(word)


def _noun_alone(low: list[str], place: int) -> bool:
    """A noun of the themes that stands without a word before it: "rain in winter"."""
    before = low[place - 1] if place else ""
    alone = before not in _DETERMINERS and not (place and _phrase([before]))
    return alone and any(low[place] in theme.nouns for theme in themes().values())


def _phrase(words: list[str]) -> str:
    """The nouns at the head of some words, up to the first that cannot belong to them; "" where there are none."""
    kept: list[str] = []
    for word in words:
        low = word.lower()
        if low in _STOP or _manner(low):
            break
        if _VERBAL.search(low) and low not in _NOUNS_LIKE_VERBS:
            break
        kept.append(word if word[:1].isupper() else low)
    return " ".join(kept) if kept and kept[-1].isascii() and len(kept[-1]) > 1 else ""


def _is_tone(word: str) -> bool:
    return any(word in telling.split() for telling in _TONE_WORDS.values())
