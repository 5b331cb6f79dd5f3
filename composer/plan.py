"""Prompt and request -> Plan: what will be played, decided before a note is written, and shown to the user in words.

Who decides: a knob that was set, then the words, then the mood of the words, then the style, and the seed what is left.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from composer import form
from composer.band import assemble
from composer.chance import chance
from composer.form import Section
from composer.style import Mix, Part, Style
from composer.styles import STYLES
from composer.vocabulary import KIN, MOODS
from composer.words import Said, hinted, read
from song.errors import BadRequest
from song.key import MODES, Key

__all__ = ["STYLES", "Plan", "Section", "plan", "style_names"]

_DURATION, _SHORTEST, _LONGEST = 30.0, 5.0, 600.0  # seconds
_SLOWEST, _FASTEST = 30.0, 300.0  # bpm
_BRIGHT, _DIM = ("major", "lydian", "mixolydian"), ("minor", "dorian", "phrygian", "locrian")


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before composing.

    The bars fill `bars * bar_seconds <= duration`; the last chord falls on the barline after them and rings into the rest.
    Only where not even one bar fits (slow tempo, five seconds) the last chord falls inside the bar: see `last_beat`.
    """

    style: str  # the style's id: its file name in composer/styles, e.g. "lofi"
    bpm: float
    key: Key
    meter: tuple[int, int]
    duration: float  # seconds, exact
    seed: int
    humanize: float
    ending: str  # "ring", "stop" or "fade"
    sections: tuple[Section, ...]
    band: dict[str, Part]  # role -> player, after the words had their say
    mix: Mix
    moods: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    named: tuple[str, ...] = ()  # roles whose instrument was asked for: they are heard early
    mutes: tuple[str, ...] = ()  # drum lanes to leave out

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.meter[0] * 4 / self.meter[1]

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def bar_seconds(self) -> float:
        return self.beats_per_bar * 60 / self.bpm

    @property
    def beats(self) -> float:
        """Beats in `duration`, the ring of the last chord included."""
        return self.duration * self.bpm / 60

    @property
    def last_beat(self) -> float:
        """Where the last chord falls."""
        whole = self.bars * self.beats_per_bar
        if whole <= self.beats:
            return whole
        return max(1.0, float(int(self.beats - 0.8 * self.bpm / 60)))

    @property
    def fade_seconds(self) -> float:
        """How long the end is faded; 0 where the song ends by itself."""
        return round(min(8.0, self.duration / 4), 3) if self.ending == "fade" else 0.0

    def words(self) -> str:
        """The plan in one line, as it is shown."""
        shape = ", ".join(f"{section.name} {section.bars}" for section in self.sections)
        players = ", ".join(_lowered(part.name) for part in _in_order(self.band).values())
        return f"{STYLES[self.style].name}, {self.bpm:g} bpm, {self.key}, {self.meter[0]}/{self.meter[1]}: {shape}; {players}"

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values, for pages, scripts and recipes."""
        return {
            "style": self.style,
            "style_name": STYLES[self.style].name,
            "bpm": self.bpm,
            "key": str(self.key),
            "meter": f"{self.meter[0]}/{self.meter[1]}",
            "duration": self.duration,
            "ending": self.ending,
            "sections": [
                {
                    "name": section.name,
                    "start_bar": section.start,
                    "bars": section.bars,
                    "seconds": round(section.bars * self.bar_seconds, 3),
                    "energy": section.energy,
                }
                for section in self.sections
            ],
            "band": {role: part.name for role, part in _in_order(self.band).items()},
            "moods": list(self.moods),
            "words": self.words(),
        }


def style_names() -> tuple[str, ...]:
    """The styles' ids, in the order in which they are shown."""
    return tuple(STYLES)


def plan(request: Any) -> Plan:
    """Decide everything about a song. `request` is a `song.request.Generate` whose seed is set. Raises BadRequest."""
    said = read(request.prompt, _aliases())
    seed = int(request.seed or 0)
    notices = list(said.notices)
    style_id = _style(request, said, seed, notices)
    style = STYLES[style_id]
    meter = _meter(request, said, style, seed, notices)
    key = _key(request, said, style, seed, notices)
    ending = request.ending if request.ending != "auto" else said.ending or style.ending
    wanted = _tempo_range(request, said, style, notices)
    bpm, bars, duration = _fit(request, said, style, meter, ending, wanted, seed, notices)
    shift = sum(MOODS[name].energy for name in said.moods[:3])
    sections = _energised(form.sections(style.forms, bars, style.longest, chance(seed, "form")), shift)
    band, named = assemble(style, said, seed, notices)
    return Plan(
        style=style_id, bpm=bpm, key=key, meter=meter, duration=duration, seed=seed, humanize=float(request.humanize), ending=ending,
        sections=sections, band=_in_order(band), mix=style.mix, moods=said.moods, notices=tuple(dict.fromkeys(notices)),
        named=named, mutes=said.mutes,
    )  # fmt: skip


def _lowered(name: str) -> str:
    return name if name[:1].isdigit() else name.lower()


def _in_order(band: dict[str, Part]) -> dict[str, Part]:
    """Tunes and chords first, then bass, drums and noise: how a band is introduced."""
    order = ("lead", "chords", "pad", "arp", "counter", "color", "color2", "bass", "drums", "texture")
    order = ("chords", "lead", *order[2:])
    return {role: band[role] for role in order if role in band} | {
        role: band[role] for role in band if role not in order
    }


def _aliases() -> dict[str, str]:
    return {
        alias: style_id
        for style_id, style in STYLES.items()
        for alias in (style_id, style.name.lower(), *style.aliases)
    }


def _style(request: Any, said: Said, seed: int, notices: list[str]) -> str:
    if request.style is not None:
        asked = " ".join(request.style.lower().split())
        found = _aliases().get(asked) or _aliases().get(asked.replace("-", " "))
        if not found:
            raise BadRequest("style", f'"{request.style}" is not a style here; use one of {", ".join(STYLES)}')
        return found
    if said.styles:
        others = [name for name in said.styles[1:] if name != said.styles[0]]
        if others:
            names = " and ".join(STYLES[name].name for name in (said.styles[0], *others[:1]))
            notices.append(f"The words name {names}; {STYLES[said.styles[0]].name} is used.")
        return said.styles[0]
    if said.kin:
        near = KIN[said.kin]
        if not (said.kin == "waltz" and said.moods):
            notices.append(f'"{said.kin}" is not among the styles here; the nearest, {STYLES[near].name}, is used.')
        return near
    return _nearest(request, said, seed, notices)


def _nearest(request: Any, said: Said, seed: int, notices: list[str]) -> str:
    """The style with the most evidence: telling words, tempo, instruments, moods. Chance breaks ties."""
    bpm = request.bpm or said.bpm or said.mark
    words = [word for word, _ in said.named]
    scores = {name: 0.01 * float(chance(seed, "style", name).random()) for name in STYLES}
    for name, style in STYLES.items():
        scores[name] += 2.0 * hinted(request.prompt, style.hints)
        scores[name] += sum(1.0 for word in words if _plays(style, word))
        if bpm:
            scores[name] += 1.0 if style.bpm[0] <= bpm <= style.bpm[1] else -0.01 * min(abs(bpm - b) for b in style.bpm)
        scores[name] += 0.4 * sum(mood in style.hints for mood in said.moods)
    best = max(scores, key=lambda name: scores[name])
    why = "the nearest is" if max(scores.values()) >= 1 else "chance picked"
    notices.append(f"The words name no style; {why} {STYLES[best].name}. Styles: {', '.join(STYLES)}.")
    return best


def _plays(style: Style, word: str) -> bool:
    from composer.instruments import BY_WORD

    patch = BY_WORD[word][1].patch
    players = [*style.palette.values(), *(part for parts in style.swaps.values() for part in parts)]
    return any(player.patch == patch for player in players)


def _meter(request: Any, said: Said, style: Style, seed: int, notices: list[str]) -> tuple[int, int]:
    if request.meter:
        above, below = request.meter.split("/")
        if said.meter and said.meter != (int(above), int(below)):
            notices.append(f"The meter setting {request.meter} wins over the words' {said.meter[0]}/{said.meter[1]}.")
        return int(above), int(below)
    if said.meter:
        return said.meter
    above, below = str(_weighted(style.meters, chance(seed, "meter"))).split("/")
    return int(above), int(below)


def _weighted(odds: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(odds.values()), float)
    return list(odds)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _key(request: Any, said: Said, style: Style, seed: int, notices: list[str]) -> Key:
    if request.key is not None:
        key = Key.parse(request.key)
        if said.key and said.key != key:
            notices.append(f"The key setting {key} wins over the words' {said.key}.")
        return key
    if said.key:
        return said.key
    tonic = said.tonic if said.tonic is not None else int(chance(seed, "tonic").integers(12))
    if said.mode:
        return Key(tonic, said.mode)
    bright = sum(MOODS[name].bright for name in said.moods)
    odds = dict(style.modes)
    if bright > 0.5 and not any(mode in _BRIGHT for mode in odds):
        odds["major"] = max(odds.values()) * 2
    if bright < -0.5 and not any(mode in _DIM for mode in odds):
        odds["minor"] = max(odds.values()) * 2
    lean = {mode: weight * float(np.exp((2.2 if mode in _BRIGHT else -2.2) * bright)) for mode, weight in odds.items()}
    return Key(tonic, _weighted({mode: weight for mode, weight in lean.items() if mode in MODES}, chance(seed, "mode")))


def _tempo_range(request: Any, said: Said, style: Style, notices: list[str]) -> tuple[float, float]:
    """The tempos that would do, in bpm: one where it was said, a range where it is free."""
    exact = request.bpm if request.bpm is not None else said.bpm
    if request.bpm is not None and said.bpm is not None and request.bpm != said.bpm:
        notices.append(f"The tempo setting {request.bpm:g} bpm wins over the words' {said.bpm:g} bpm.")
    if exact is not None:
        kept = min(_FASTEST, max(_SLOWEST, exact))
        if kept != exact:
            notices.append(f"{exact:g} bpm is outside {_SLOWEST:g} to {_FASTEST:g} bpm; {kept:g} bpm is used.")
        return kept, kept
    if said.mark:
        return round(said.mark * 0.96), round(said.mark * 1.04)
    low, high = style.bpm
    pace = said.pace if said.pace else max(-1.0, min(1.0, sum(MOODS[name].pace for name in said.moods))) * 0.7
    center, half = (low + high) / 2, (high - low) / 2
    center += pace * (half + (0.08 * center if said.pace else 0))
    half *= 1 - 0.5 * min(1.0, abs(pace))
    return max(_SLOWEST, round(center - half)), min(_FASTEST, round(center + half))


def _fit(
    request: Any, said: Said, style: Style, meter: tuple[int, int], ending: str, wanted: tuple[float, float], seed: int, notices: list[str]
) -> tuple[float, int, float]:  # fmt: skip
    """(bpm, bars, seconds): whole bars and a last chord that rings as long as it likes to, where the tempo is free."""
    beats = meter[0] * 4 / meter[1]
    low, high = wanted
    candidates = [low] if low == high else [float(bpm) for bpm in range(int(np.ceil(low)), int(high) + 1)] or [low]
    favourite = float(chance(seed, "tempo").uniform(low, high))
    duration = _duration(request, said, notices)
    if request.duration is None and said.bars and said.seconds is None:
        bpm = min(candidates, key=lambda value: abs(value - favourite))
        seconds = said.bars * beats * 60 / bpm + (0 if ending == "fade" else _ring(style, ending, 20.0)[1])
        duration = _clamped(round(seconds, 2), notices)
        candidates = [bpm]
    least, liked = _ring(style, ending, duration)

    def cost(bpm: float) -> float:
        bar = beats * 60 / bpm
        bars = _bars(duration, bar, least)
        ring = duration - bars * bar
        neat = 0.0 if bars % 4 == 0 else 0.35 if bars % 2 == 0 else 0.8
        return (
            abs(bpm - favourite) / max(1.0, high - low)
            + neat
            + 0.5 * abs(ring - liked) / max(liked, 0.5)
            + (3 if ring < 0 else 0)
        )

    bpm = min(candidates, key=lambda value: (cost(value), value))
    return bpm, _bars(duration, beats * 60 / bpm, least), duration


def _bars(duration: float, bar: float, least: float) -> int:
    """Whole bars that leave at least `least` seconds for the last chord, if there is room for that."""
    return max(1, int((duration - least) / bar + 1e-9))


def _ring(style: Style, ending: str, duration: float) -> tuple[float, float]:
    """Seconds the last chord needs at least, and likes to have."""
    if ending == "fade":
        return 0.0, 0.0
    if ending == "stop":
        return 0.5, 0.8
    return min(1.4, duration * 0.16), min(style.ring, duration * 0.22)


def _duration(request: Any, said: Said, notices: list[str]) -> float:
    if request.duration is not None:
        if said.seconds is not None and abs(said.seconds - request.duration) > 1e-6:
            notices.append(f"The length setting {request.duration:g} s wins over the words' {said.seconds:g} s.")
        return float(request.duration)
    return _clamped(said.seconds, notices) if said.seconds is not None else _DURATION


def _clamped(seconds: float, notices: list[str]) -> float:
    kept = min(_LONGEST, max(_SHORTEST, float(seconds)))
    if kept != seconds:
        notices.append(
            f"{seconds:g} seconds is outside {_SHORTEST:g} to {_LONGEST:g} seconds; {kept:g} seconds is used."
        )
    return kept


def _energised(sections: tuple[Section, ...], shift: float) -> tuple[Section, ...]:
    """The mood makes the whole song a little quieter or louder."""
    shift = max(-0.15, min(0.15, shift))
    return tuple(
        Section(one.name, one.start, one.bars, round(min(1.0, max(0.15, one.energy + shift)), 3), one.id)
        for one in sections
    )
