"""Style, meter and key of a song: what the knobs say, then the words, then the chords, then the style and chance."""

import numpy as np

from composer.asked import Asked
from composer.chance import chance
from composer.given import key_of
from composer.instruments import BY_WORD
from composer.style import Style
from composer.styles import STYLES
from composer.vocabulary import KIN, MOODS
from composer.words import hinted
from song.chart import Chart
from song.errors import BadRequest
from song.key import MODES, Key

# Styles that suit whoever says nothing about style.
_BROAD = ("synth_pop", "pop_ballad", "lofi", "folk", "rock", "soul", "funk", "house", "jazz", "cinematic")
_BRIGHT, _DIM = ("major", "lydian", "mixolydian"), ("minor", "dorian", "phrygian", "locrian")


def aliases() -> dict[str, str]:
    """What people call the styles, in lower case -> style id. A style's own name is never another one's alias."""
    return {
        alias: style_id
        for style_id, style in STYLES.items()
        for alias in (*style.aliases, style_id, style_id.replace("_", " "), style.name.lower())
    }


def style(asked: Asked) -> str:
    """The style's id: from the knob, the words, a kindred genre, a near spelling, or whatever evidence there is."""
    said = asked.said
    if asked.knob("style") is not None:
        return _known(asked.knob("style"))
    if said.styles:
        first, *others = said.styles
        if others:
            asked.notices.append(
                f"The words name {STYLES[first].name} and {STYLES[others[0]].name}; {STYLES[first].name} is used."
            )
        return first
    if said.kin:
        return _instead(said.kin, KIN[said.kin], asked)
    if said.near:
        typed, meant, near = said.near
        if meant and meant not in KIN:
            asked.notices.append(f'"{typed}" is read as {STYLES[near].name}.')
            return near
        return _instead(typed, near, asked)
    return _nearest(asked)


def _instead(word: str, near: str, asked: Asked) -> str:
    asked.notices.append(f'"{word}" is not among the styles here; the nearest, {STYLES[near].name}, is used.')
    return near


def _known(name: str) -> str:
    written = " ".join(name.lower().split())
    known = aliases()
    found = known.get(written) or known.get(written.replace("-", " ")) or known.get(written.replace("_", " "))
    if not found:
        raise BadRequest("style", f'"{name}" is not a style here; use one of {", ".join(STYLES)}')
    return found


def _nearest(asked: Asked) -> str:
    """The style with the most evidence: telling words, tempo, instruments, moods. Chance breaks ties."""
    said = asked.said
    bpm = asked.knob("bpm") or said.bpm or said.mark
    prompt = asked.knob("prompt")
    scores: dict[str, float] = {}
    evidence: dict[str, float] = {}  # the same without the tempo, which many styles share
    for name, style in STYLES.items():
        score = 2.0 * hinted(prompt, style.hints)
        score += sum(1.0 for word, _ in said.named if _plays(style, word))
        score += 0.4 * sum(mood in style.hints for mood in said.moods)
        evidence[name] = score
        if bpm:
            inside = style.bpm[0] <= bpm <= style.bpm[1]
            score += 1.0 if inside else -0.01 * min(abs(bpm - edge) for edge in style.bpm)
        scores[name] = score + 0.01 * float(chance(asked.seed, "style", name).random())
    telling = max(evidence.values()) >= 0.3
    best = max(STYLES if telling else _BROAD, key=lambda name: scores[name])
    why = "the nearest is" if scores[best] >= 0.3 else "chance picked"
    asked.notices.append(f"The words name no style; {why} {STYLES[best].name}. Choose another under Style.")
    return best


def _plays(style: Style, word: str) -> bool:
    players = [*style.palette.values(), *(part for parts in style.swaps.values() for part in parts)]
    return any(player.patch == BY_WORD[word][1].patch for player in players)


def meter(asked: Asked) -> tuple[int, int]:
    said = asked.said.meter
    if asked.knob("meter"):
        chosen = _fraction(asked.knob("meter"))
        if said and said != chosen:
            asked.wins("meter", "meter", asked.knob("meter"), f"{said[0]}/{said[1]}")
        return chosen
    return said or _fraction(_weighted(asked.style.meters, asked.chance("meter")))


def _fraction(meter: str) -> tuple[int, int]:
    above, below = meter.split("/")
    return int(above), int(below)


def _weighted(odds: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(odds.values()), float)
    return list(odds)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def key(asked: Asked, chart: Chart | None) -> Key:
    said = asked.said
    if asked.knob("key") is not None:
        key = Key.parse(asked.knob("key"))
        if said.key and said.key != key:
            asked.wins("key", "key", str(key), str(said.key))
        return key
    if said.key:
        return said.key
    if chart:
        return key_of(chart, said.tonic, said.mode)
    mode = said.mode or _mode(asked)
    if said.tonic is not None:
        return Key(said.tonic, mode)
    flats, sharps = asked.style.signatures
    liked = [key for key in (Key(tonic, mode) for tonic in range(12)) if flats <= key.fifths <= sharps]
    return liked[int(asked.chance("tonic").integers(len(liked)))]


def _mode(asked: Asked) -> str:
    """A mode of the style, as bright or dark as the moods are."""
    bright = sum(MOODS[name].bright for name in asked.said.moods)
    odds = dict(asked.style.modes)
    if bright > 0.5 and not any(mode in _BRIGHT for mode in odds):
        odds["major"] = max(odds.values()) * 2
    if bright < -0.5 and not any(mode in _DIM for mode in odds):
        odds["minor"] = max(odds.values()) * 2
    lean = {mode: weight * float(np.exp((2.2 if mode in _BRIGHT else -2.2) * bright)) for mode, weight in odds.items()}
    return _weighted({mode: lean[mode] for mode in lean if mode in MODES}, asked.chance("mode"))
