"""What somebody wants changed in a song that is there: "new drums", "no bass", "busier piano", "add strings"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from composer.instruments import BY_WORD, FAMILIES
from composer.plan import Plan
from composer.stanzas import BACKING, VOCALS
from composer.style import Part
from song.errors import BadRequest

_VERBS = {
    "none": "no|without|remove|drop|mute|delete|cut|omit|lose|take out|leave out|take away|minus|kill|w/o|silence",
    "only": "only|just|nothing but",
    "busier": "busier|denser|fuller|more active|livelier|wilder|richer|more notes for|more complex",
    "simpler": "simpler|sparser|calmer|plainer|thinner|less busy|fewer notes for|easier",
    "add": "add|with|plus|bring in|introduce",
    "new": "new|another|different|other|fresh|change|re-?roll|redo|rewrite|re-?write|replace|vary|regenerate|remake"
    "|anew|make|re-?do",
}
_VERB = re.compile("|".join(rf"(?P<{name}>\b(?:{words})(?!\w))" for name, words in _VERBS.items()))
_FILLERS = re.compile(r"\b(?:the|a|an|any|all|some|its|of|parts?|please|lines?|track|playing|player|for|to|in|here)\b")
_JOINTS = re.compile(r"[,;.+&/\n]|\band\b|\bthen\b|\bbut\b|\bor\b")
HARMONY = "harmony"
_ROLES: dict[str, tuple[str, ...]] = {
    "drums": ("drums", "drum", "beat", "beats", "kit", "drum kit", "drumkit", "drumming", "percussion", "drummer"),
    "bass": ("bass", "bassline", "bass line", "808", "low end"),
    HARMONY: (
        "chords",
        "chord",
        "harmony",
        "harmonies",
        "progression",
        "chord progression",
        "changes",
        "chord changes",
    ),
    "lead": ("lead", "melody", "tune", "solo", "theme", "hook", "topline", "lead melody", "leads"),
    "pad": ("pad", "pads"),
    "arp": ("arp", "arps", "arpeggio", "arpeggios", "ostinato"),
    "counter": ("counter", "countermelody", "counter melody", "second voice"),
    "vocals": ("vocals", "vocal", "voice", "voices", "singer", "singing", "vocalist"),
    "texture": ("texture", "noise", "vinyl", "crackle", "rain"),
}
_EVERYTHING = ("everything", "it", "all", "band", "whole band", "song", "music", "arrangement", "whole thing", "")
_RHYTHM = ("rhythm section", "rhythm")
_UNPITCHED = ("drums", "texture", "texture2")


@dataclass(frozen=True)
class Wish:
    """What becomes of each role of a band, by role: "new", "none", "busier" or "simpler". Roles not named stay.

    harmony  new chords, too: whoever plays pitches must then play anew
    guests   players who join, by role
    words    the wish in plain words, for the plan
    whole    nobody stays as they are
    """

    roles: dict[str, str]
    harmony: bool = False
    guests: dict[str, Part] = field(default_factory=dict)
    words: str = ""
    whole: bool = False


def everything(plan: Plan) -> Wish:
    """All players anew; what lies under the music stays."""
    roles = {role: "new" for role in plan.band if not role.startswith("texture")}
    return Wish(roles, True, words="everything new", whole=True)


def understood(words: str, plan: Plan) -> Wish | None:
    """The wish, or None where the words describe music instead of naming parts of it. Raises BadRequest for a part
    that nobody plays."""
    clauses = _clauses(words)
    if not clauses:
        return None
    wish = Wish({}, words=" ".join(words.split()))
    for verb, thing in clauses:
        wish = _joined(wish, verb, thing, plan)
    if wish.harmony:
        wish = replace(wish, roles={role: "new" for role in plan.band if role not in _UNPITCHED} | wish.roles)
    return wish


def commands(words: str) -> bool:
    """True where the words name parts of a song instead of describing music."""
    return bool(_clauses(words))


def _clauses(words: str) -> list[tuple[str, str]]:
    """(verb, thing) for each clause; empty where one of them is neither. A clause without a verb goes on with the last:
    "new chords and bass"."""
    found: list[tuple[str, str]] = []
    verb = "new"
    for clause in _JOINTS.split(words.lower()):
        match = _VERB.search(clause)
        rest = clause[: match.start()] + " " + clause[match.end() :] if match else clause
        verb = str(match.lastgroup) if match else verb
        thing = " ".join(_FILLERS.sub(" ", rest).split())
        if not clause.strip():
            continue
        if not _is_part(thing):
            return []
        found.append((verb, thing))
    return found


def _is_part(thing: str) -> bool:
    return bool(_role_of(thing)) or thing in _EVERYTHING or thing in _RHYTHM or _instrument(thing) is not None


def _role_of(thing: str) -> str | None:
    return next((role for role, words in _ROLES.items() if thing in words), None)


def _instrument(thing: str) -> str | None:
    """The word as the composer knows it: "strings", "string" and "the strings" are one."""
    forms = (thing, thing.removesuffix("s"), f"{thing}s")
    return next((word for word in forms if word in BY_WORD or word in FAMILIES), None)


def _joined(wish: Wish, verb: str, thing: str, plan: Plan) -> Wish:
    if thing in _EVERYTHING:
        if verb == "none":
            raise BadRequest("prompt", "somebody has to play; name the parts that should go")
        verb = "new" if verb in ("only", "add") else verb
        roles = {role: verb for role in plan.band if not role.startswith("texture")}
        return replace(wish, roles=roles | wish.roles, harmony=wish.harmony or verb == "new")
    if _role_of(thing) == HARMONY and verb == "new":
        return replace(wish, harmony=True)
    meant = _meant(thing, plan)
    if verb == "only":
        if not meant:
            raise _nobody(thing, plan)
        return replace(wish, roles=wish.roles | {role: "none" for role in plan.band if role not in meant})
    if not meant and verb in ("add", "new") and (word := _instrument(thing)) in BY_WORD and word:
        return _invited(wish, word, plan)
    if not meant:
        raise _nobody(thing, plan)
    return replace(wish, roles=wish.roles | dict.fromkeys(meant, "busier" if verb == "add" else verb))


def _meant(thing: str, plan: Plan) -> list[str]:
    """The roles of the band that a word names: by the part they have, or by the instrument they play."""
    if thing in _RHYTHM:
        return [role for role in ("drums", "bass") if role in plan.band]
    role = _role_of(thing)
    if role and role != HARMONY and (found := [name for name in plan.band if _kind(name) == role]):
        return found
    if role == HARMONY:
        return [name for name in plan.band if name in ("chords", "pad", "arp")]
    word = _instrument(thing)
    patches = set(FAMILIES.get(word, ())) | ({BY_WORD[word][1].patch} if word in BY_WORD else set()) if word else set()
    return [
        name
        for name, part in plan.band.items()
        if part.patch in patches or name in patches or thing.removesuffix("s") in part.name.lower()
    ]


def _kind(role: str) -> str:
    """A second texture is a texture, and those who join the singer sing."""
    return VOCALS if role == BACKING else role.rstrip("23")


def _invited(wish: Wish, word: str, plan: Plan) -> Wish:
    roles, part = BY_WORD[word]
    taken: Mapping[str, object] = plan.band | wish.guests
    free = next((role for role in (*roles, "color", "color2", "color3") if role not in taken), None)
    if free is None:
        raise BadRequest("prompt", f"the band is full, there is no place for {word}; take somebody out first")
    return replace(wish, guests=wish.guests | {free: part}, roles=wish.roles | {free: "new"})


def _nobody(thing: str, plan: Plan) -> BadRequest:
    band = ", ".join(f"{part.name.lower()} ({role})" for role, part in plan.band.items())
    return BadRequest("prompt", f"nobody plays {thing or 'that'} in this song; its band is {band}")
