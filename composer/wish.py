"""What somebody wants changed in a song that is there: "new drums", "no bass", "busier piano", "strings for the piano",
"a louder singer"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from composer.choice import aliases
from composer.instruments import BY_WORD, FAMILIES
from composer.plan import Plan
from composer.reading import phrase
from composer.stanzas import BACKING, VOCALS
from composer.style import Part
from composer.words import read
from song.errors import BadRequest

_VERBS = {
    "none": "no|without|remove|drop|mute|delete|cut|omit|lose|take out|leave out|take away|minus|kill|w/o|silence",
    "only": "only|just|nothing but",
    "busier": "busier|denser|fuller|more active|livelier|wilder|richer|more notes for|more complex",
    "simpler": "simpler|sparser|calmer|plainer|thinner|less busy|fewer notes for|easier",
    "louder": "louder|stronger|turn up|bring up|boost|raise|more|up",
    "quieter": "quieter|softer|turn down|bring down|lower|less|reduce|down",
    "add": "add|with|plus|bring in|introduce",
    "new": "new|another|different|other|fresh|change|re-?roll|redo|rewrite|re-?write|replace|vary|regenerate|remake"
    "|anew|make|re-?do",
}
_VERB = re.compile("|".join(rf"(?P<{name}>\b(?:{words})(?!\w))" for name, words in _VERBS.items()))
_CHANGES = re.compile(
    r"\b(?!(?:no|without|only|just|nothing but|with|plus)\b)(?:" + "|".join(_VERBS.values()) + r")(?!\w)"
)
_SWAP = re.compile(
    r"\b(?:swap|replace|exchange|switch|change)\s+(?P<old>[^,;]+?)\s+(?:for|with|by|to|against)\s+(?P<new>[^,;.]+)"
    r"|(?P<new2>[^,;]+?)\s+(?:instead of|in place of|rather than)\s+(?P<old2>[^,;.]+)"
)
_FILLERS = re.compile(
    r"\b(?:the|a|an|any|all|some|its|of|parts?|please|lines?|track|playing|player|for|to|in|here"
    r"|bit|little|lot|much|far|slightly|quite|very|turn|play|should|be)\b"
)
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
LEVEL_DB = {"louder": 4.0, "quieter": -4.0}
_PARTS = phrase([*BY_WORD, *FAMILIES, *_RHYTHM, *(word for words in _ROLES.values() for word in words)])


@dataclass(frozen=True)
class Wish:
    """What becomes of each role of a band, by role: "new", "none", "busier" or "simpler". Roles not named stay.

    harmony  new chords, too: whoever plays pitches must then play anew
    guests   players who join, by role
    levels   how much louder a role is, dB
    words    the wish in plain words, for the plan
    whole    nobody stays as they are
    """

    roles: dict[str, str]
    harmony: bool = False
    guests: dict[str, Part] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    words: str = ""
    whole: bool = False


def everything(plan: Plan) -> Wish:
    """All players anew; what lies under the music stays."""
    roles = {role: "new" for role in plan.band if not role.startswith("texture")}
    return Wish(roles, True, words="everything new", whole=True)


def understood(words: str, plan: Plan) -> Wish | None:
    """The wish, or None where the words describe music instead of naming parts of it. Raises BadRequest for a part
    that nobody plays, and for a change that cannot be made."""
    clauses, lost = _clauses(words)
    if lost and describes(words):
        return None
    if lost:
        raise _beyond(lost)
    wish = Wish({}, words=" ".join(words.split()))
    stay = [role for verb, thing in clauses if verb == "only" for role in _named(thing, plan)]
    if stay:
        wish = replace(wish, roles={role: "none" for role in plan.band if role not in stay})
    for verb, thing in clauses:
        wish = _joined(wish, verb, thing, plan) if verb != "only" else wish
    if wish.harmony:
        wish = replace(wish, roles={role: "new" for role in plan.band if role not in _UNPITCHED} | wish.roles)
    return wish


def commands(words: str) -> bool:
    """True where the words name parts of a song, or ask for a change of one, instead of describing music."""
    clauses, lost = _clauses(words)
    if not lost:
        return bool(clauses)
    return not describes(words) and any(_CHANGES.search(clause) for clause in lost)


def describes(words: str) -> bool:
    """True where words that are no wish say what music should be like: they name a style or a mood, or nothing that
    could be changed."""
    said = read(words, aliases())
    if said.styles or said.kin or said.near:
        return True
    return not any(_asks(clause) for clause in _clauses(words)[1])


def _asks(clause: str) -> bool:
    """Whether a clause that is not understood asks for a change. A mood may come with an instrument, or with "make it";
    with both it is a change of that instrument."""
    verb, part = bool(_CHANGES.search(clause)), bool(_PARTS.search(clause))
    return verb and part if read(clause, {}).moods else verb or part


def _beyond(lost: list[str]) -> BadRequest:
    said = " and ".join(f'"{clause}"' for clause in lost)
    return BadRequest(
        "prompt",
        f"{said} cannot be done; parts can be new, busier, simpler, louder, quieter, added, swapped or taken out, "
        "and a style makes new music of a region",
    )


def _clauses(words: str) -> tuple[list[tuple[str, str]], list[str]]:
    """(verb, thing) for each clause, and the clauses that name no part or more than one. A clause without a verb goes
    on with the last: "new chords and bass"."""
    found: list[tuple[str, str]] = []
    lost: list[str] = []
    verb, led = "new", True
    for clause in _JOINTS.split(_SWAP.sub(_swapped, words.lower())):
        verbs = [str(match.lastgroup) for match in _VERB.finditer(clause)]
        # "make the drums busier" and "add another guitar": what is said besides "make" counts
        verb = min(verbs, key=lambda name: {"add": 1, "new": 2}.get(name, 0), default=verb)
        thing = " ".join(_FILLERS.sub(" ", _VERB.sub(" ", clause)).split())
        if not clause.strip():
            continue
        if _is_part(thing) and (thing or verbs):
            if verbs and led and not _VERB.match(clause.strip()):  # "drums and bass louder"
                found = [(verb, one) for _, one in found]
            found.append((verb, thing))
            led = led and not verbs
        else:
            lost.append(" ".join(clause.split()))
    return found, lost


def _swapped(match: re.Match[str]) -> str:
    """ "swap the piano for strings" is "no piano, add strings", where both are players."""
    old, new = match["old"] or match["old2"], match["new"] or match["new2"]
    things = [" ".join(_FILLERS.sub(" ", _VERB.sub(" ", one)).split()) for one in (old, new)]
    if not all(thing and _is_part(thing) for thing in things):
        return match[0]
    return f"no {things[0]}, add {things[1]}"


def _is_part(thing: str) -> bool:
    return bool(_role_of(thing)) or thing in _EVERYTHING or thing in _RHYTHM or _instrument(thing) is not None


def _role_of(thing: str) -> str | None:
    return next((role for role, words in _ROLES.items() if thing in words), None)


def _instrument(thing: str) -> str | None:
    """The word as the composer knows it: "strings", "string" and "the strings" are one."""
    forms = (thing, thing.removesuffix("s"), f"{thing}s")
    return next((word for word in forms if word in BY_WORD or word in FAMILIES), None)


def _joined(wish: Wish, verb: str, thing: str, plan: Plan) -> Wish:
    if thing in _EVERYTHING and verb in LEVEL_DB:
        raise BadRequest("prompt", f"name the parts that should be {verb}; how loud a whole song is, Mastering says")
    if thing in _EVERYTHING:
        if verb == "none":
            raise BadRequest("prompt", "somebody has to play; name the parts that should go")
        verb = "new" if verb == "add" else verb
        roles = {role: verb for role in plan.band if not role.startswith("texture")}
        return replace(wish, roles=roles | wish.roles, harmony=wish.harmony or verb == "new")
    if _role_of(thing) == HARMONY and verb == "new":
        return replace(wish, harmony=True)
    meant = _meant(thing, plan)
    if not meant and verb in ("add", "new") and (word := _instrument(thing)) in BY_WORD and word:
        return _invited(wish, word, plan)
    if not meant:
        raise _nobody(thing, plan)
    if verb in LEVEL_DB:
        return replace(wish, levels=wish.levels | dict.fromkeys(meant, LEVEL_DB[verb]))
    return replace(wish, roles=wish.roles | dict.fromkeys(meant, "busier" if verb == "add" else verb))


def _named(thing: str, plan: Plan) -> list[str]:
    """The roles that are to play alone; with everything, all of them."""
    found = list(plan.band) if thing in _EVERYTHING else _meant(thing, plan)
    if not found:
        raise _nobody(thing, plan)
    return found


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
        if part.patch in patches or name in patches or (_called(thing, part) and (name != "bass" or "bass" in thing))
    ]


def _called(thing: str, part: Part) -> bool:
    return thing.removesuffix("s") in part.name.lower()


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
