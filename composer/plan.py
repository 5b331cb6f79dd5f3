"""Prompt and request -> Plan: what will be played, decided before a note is written, and shown to the user in words.

Who decides: a knob that was set, then the words, then the mood of the words, then the style, and the seed what is left.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from composer import form
from composer.asked import Asked
from composer.band import assemble
from composer.chance import chance
from composer.form import Section
from composer.harmony import Harmony
from composer.instruments import BY_WORD
from composer.style import Mix, Part, Style
from composer.styles import STYLES
from composer.tempo import fit
from composer.vocabulary import KIN, MOODS, PERCUSSION
from composer.words import hinted, read
from song.errors import BadRequest
from song.key import MODES, Key
from song.lyrics import Lyrics
from song.score import Note

__all__ = ["STYLES", "Plan", "Section", "plan"]

_BRIGHT, _DIM = ("major", "lydian", "mixolydian"), ("minor", "dorian", "phrygian", "locrian")


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before composing.

    The bars fill `bars * bar_seconds <= duration`; the last chord falls on the barline after them and rings on.
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
    percussion: tuple[str, ...] = ()  # hand percussion that was named: it joins the kit
    grid: dict[str, tuple[Harmony, ...]] = field(default_factory=dict)  # section id -> its chords, kept exactly
    tune: tuple[Note, ...] = ()  # a melody that is given, in beats of the song: the lead plays it where it lies
    lyrics: Lyrics | None = None  # what the player of the role "vocals" sings
    density: float = 0.5  # 0 leaves space, 1 fills it; 0.5 is the style's own
    complexity: float = 0.5  # 0 plain, 1 adventurous; 0.5 is the style's own
    swing: float | None = None  # 0 straight, 1 triplets; None is the style's own

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
        players = ", ".join([*(_lowered(part.name) for part in _in_order(self.band).values()), *self.percussion])
        meter = f"{self.meter[0]}/{self.meter[1]}"
        return f"{STYLES[self.style].name}, {self.bpm:g} bpm, {self.key}, {meter}: {shape}; {players}"

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
            "percussion": list(self.percussion),
            "moods": list(self.moods),
            "words": self.words(),
        }


def plan(request: Any) -> Plan:
    """Decide everything about a song. `request` is a `song.request.Generate` whose seed is set. Raises BadRequest."""
    said = read(request.prompt, _aliases())
    seed = int(request.seed or 0)
    notices = list(said.notices)
    style_id = _style(Asked(request, said, seed, notices, "", next(iter(STYLES.values()))))
    style = STYLES[style_id]
    asked = Asked(request, said, seed, notices, style_id, style)
    meter, key = _meter(asked), _key(asked)
    ending = request.ending if request.ending != "auto" else said.ending or style.ending
    bpm, bars, duration = fit(asked, meter, ending)
    shift = sum(MOODS[name].energy for name in said.moods[:3])
    sections = form.sections(style.forms, bars, style.longest, asked.chance("form"), style.strain)
    sections = form.lifted(sections, style.modulation, style.steps_up, asked.chance("modulation"))
    band, named = assemble(style, said, seed, notices)
    return Plan(
        style=style_id,
        bpm=bpm,
        key=key,
        meter=meter,
        duration=duration,
        seed=seed,
        humanize=float(request.humanize),
        ending=ending,
        sections=_energised(sections, shift),
        band=_in_order(band),
        mix=style.mix,
        moods=said.moods,
        notices=tuple(dict.fromkeys(notices)),
        named=named,
        mutes=said.mutes,
        percussion=tuple(word for word, _ in said.named if word in PERCUSSION),
    )


def _lowered(name: str) -> str:
    return name if name[:1].isdigit() else name.lower()


def _in_order(band: dict[str, Part]) -> dict[str, Part]:
    """Chords and tunes first, then bass, drums and noise: how a band is introduced."""
    order = ("chords", "lead", "pad", "arp", "counter", "color", "color2", "color3", "bass", "drums")
    return {role: band[role] for role in (*order, *band) if role in band}


def _aliases() -> dict[str, str]:
    return {
        alias: style_id
        for style_id, style in STYLES.items()
        for alias in (style_id, style.name.lower(), *style.aliases)
    }


def _style(asked: Asked) -> str:
    """The style's id: from the knob, the words, a kindred style, or whatever evidence there is."""
    said = asked.said
    if asked.request.style is not None:
        return _known(asked.request.style)
    if said.styles:
        first, *others = said.styles
        if others:
            asked.notices.append(
                f"The words name {STYLES[first].name} and {STYLES[others[0]].name}; {STYLES[first].name} is used."
            )
        return first
    if said.kin:
        near = KIN[said.kin]
        asked.notices.append(f'"{said.kin}" is not among the styles here; the nearest, {STYLES[near].name}, is used.')
        return near
    return _nearest(asked)


def _known(name: str) -> str:
    written = " ".join(name.lower().split())
    found = _aliases().get(written) or _aliases().get(written.replace("-", " "))
    if not found:
        raise BadRequest("style", f'"{name}" is not a style here; use one of {", ".join(STYLES)}')
    return found


def _nearest(asked: Asked) -> str:
    """The style with the most evidence: telling words, tempo, instruments, moods. Chance breaks ties."""
    said = asked.said
    bpm = asked.request.bpm or said.bpm or said.mark
    scores: dict[str, float] = {}
    for name, style in STYLES.items():
        score = 2.0 * hinted(asked.request.prompt, style.hints)
        score += sum(1.0 for word, _ in said.named if _plays(style, word))
        score += 0.4 * sum(mood in style.hints for mood in said.moods)
        if bpm:
            inside = style.bpm[0] <= bpm <= style.bpm[1]
            score += 1.0 if inside else -0.01 * min(abs(bpm - edge) for edge in style.bpm)
        scores[name] = score + 0.01 * float(chance(asked.seed, "style", name).random())
    best = max(scores, key=lambda name: scores[name])
    why = "the nearest is" if scores[best] >= 0.3 else "chance picked"
    asked.notices.append(f"The words name no style; {why} {STYLES[best].name}. Styles: {', '.join(STYLES)}.")
    return best


def _plays(style: Style, word: str) -> bool:
    players = [*style.palette.values(), *(part for parts in style.swaps.values() for part in parts)]
    return any(player.patch == BY_WORD[word][1].patch for player in players)


def _meter(asked: Asked) -> tuple[int, int]:
    said = asked.said.meter
    if asked.request.meter:
        chosen = _fraction(asked.request.meter)
        if said and said != chosen:
            asked.notices.append(f"The meter setting {asked.request.meter} wins over the words' {said[0]}/{said[1]}.")
        return chosen
    return said or _fraction(_weighted(asked.style.meters, asked.chance("meter")))


def _fraction(meter: str) -> tuple[int, int]:
    above, below = meter.split("/")
    return int(above), int(below)


def _weighted(odds: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(odds.values()), float)
    return list(odds)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _key(asked: Asked) -> Key:
    said = asked.said
    if asked.request.key is not None:
        key = Key.parse(asked.request.key)
        if said.key and said.key != key:
            asked.notices.append(f"The key setting {key} wins over the words' {said.key}.")
        return key
    if said.key:
        return said.key
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


def _energised(sections: tuple[Section, ...], shift: float) -> tuple[Section, ...]:
    """The mood makes the whole song a little quieter or louder."""
    shift = max(-0.15, min(0.15, shift))
    return tuple(replace(one, energy=round(min(1.0, max(0.15, one.energy + shift)), 3)) for one in sections)
