"""Prompt and request -> Plan: what will be played, decided before a note is written, and shown to the user in words.

Who decides: a knob that was set, then the words, then the mood of the words, then the style, and the seed what is left.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from composer import casting, character, choice, form, given, stanzas
from composer.asked import Asked
from composer.band import assemble, refused, told_apart
from composer.form import Section
from composer.harmony import Harmony
from composer.language import foreign
from composer.style import Mix, Part
from composer.styles import STYLES
from composer.tempo import counted, fit
from composer.vocabulary import MOODS, PERCUSSION
from composer.words import Said, read
from song.chart import Chart
from song.key import Key
from song.lyrics import Lyrics, unclosed
from song.score import Note
from song.sections import Wanted

__all__ = ["STYLES", "Plan", "Section", "plan"]

_TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}


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
    levels: tuple[tuple[str, float, float, float], ...] = ()  # (role, from beat, to beat, dB): made louder afterwards

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
        dotted = f" ({round(self.bpm / 1.5, 2):g} dotted)" if self.meter == (6, 8) else ""
        tempo = f"{round(self.bpm, 2):g} bpm{dotted}"
        return f"{STYLES[self.style].name}, {tempo}, {self.key}, {meter}: {shape}; {players}"

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
            "chords": {name: [one.symbol for one in chords] for name, chords in self.grid.items()},
            "density": self.density,
            "complexity": self.complexity,
            "swing": self.swing,
            "words": self.words(),
        }


def plan(request: Any, kept: Iterable[str] = ()) -> Plan:
    """Decide everything about a song. `request` is a `song.request.Generate` whose seed is set, or another value with
    some of its knobs; those in `kept` are what an original is, and nobody set them. Raises BadRequest."""
    asked = replace(_asked(request), kept=frozenset(kept))
    style, notices = asked.style, asked.notices
    chart = asked.chart()
    if chart and not given.sounding(chart):
        notices.append("The chart has no chord to play; the style chooses.")
        chart = None
    meter, key = choice.meter(asked), choice.key(asked, chart)
    asked = counted(asked, meter)
    said = asked.said
    ending = asked.knob("ending") if asked.knob("ending") != "auto" else said.ending or style.ending
    lyrics = _lyrics(asked)
    wanted = asked.form()
    if lyrics and not wanted:
        wanted, lyrics = _sung_form(asked, lyrics, meter)
    wanted = wanted or given.passages(chart)
    wanted = given.filled(wanted, chart) if asked.free else wanted
    bpm, bars, duration = fit(asked, meter, ending, wanted, chart)
    sections = _sections(asked, wanted, chart, bars)
    if chart is None:  # given chords stay in their key
        up = asked.style.modulation, asked.style.steps_up
        sections = form.lifted(sections, *up, asked.chance("modulation"))
    grid = given.grid(chart, sections, meter, notices) if chart else {}
    band, named = assemble(style, said, asked.seed, notices)
    own = band
    band, mix = character.apply(asked.style_id, band, style.mix, asked.seed, named, said.moods)
    band = told_apart({role: own[role] if refused(part, said.denied) else part for role, part in band.items()})
    if lyrics:
        band |= stanzas.voices(_singer(asked), list(band.values()))
        if unsung := stanzas.lay(lyrics, sections, bpm, meter).unsung:
            notices.append(stanzas.notice(unsung))
    density, complexity = (_or_half(asked.amount(name)) for name in ("density", "complexity"))
    swing = asked.amount("swing")
    return Plan(
        style=asked.style_id,
        bpm=bpm,
        key=key,
        meter=meter,
        duration=duration,
        seed=asked.seed,
        humanize=float(asked.knob("humanize")),
        ending=ending,
        sections=sections,
        band=_in_order(band),
        mix=mix,
        moods=said.moods,
        notices=tuple(dict.fromkeys(notices)),
        named=named,
        mutes=said.mutes,
        percussion=tuple(dict.fromkeys(word for word, _ in said.named if word in PERCUSSION)),
        grid=grid,
        lyrics=lyrics,
        density=density,
        complexity=complexity,
        swing=swing,
    )


def _asked(request: Any) -> Asked:
    """The request, read: its words, its band, and the style that they mean."""
    seed = int(getattr(request, "seed", 0) or 0)
    blank = Asked(request, Said(), seed, [], "", next(iter(STYLES.values())))
    said = read(blank.knob("prompt"), choice.aliases())
    notices = list(said.notices)
    said = casting.seated(blank.knob("band"), said, notices)
    if said.instrumental or blank.knob("instrumental"):
        said = casting.unsung(said)
    asked = replace(blank, said=said, notices=notices)
    style_id = choice.style(asked)
    return replace(asked, style_id=style_id, style=STYLES[style_id])


def _lowered(name: str) -> str:
    return name if name[:1].isdigit() else name.lower()


def _in_order(band: dict[str, Part]) -> dict[str, Part]:
    """Chords and tunes first, then bass, drums and noise: how a band is introduced."""
    order = ("vocals", "chords", "lead", "pad", "arp", "counter", "color", "color2", "color3", "bass", "drums")
    return {role: band[role] for role in (*order, *band) if role in band}


def _or_half(amount: float | None) -> float:
    return 0.5 if amount is None else amount


def _sections(asked: Asked, wanted: tuple[Wanted, ...], chart: Chart | None, bars: int) -> tuple[Section, ...]:
    """The sections of the song: those that were asked for, stretched or cut where they must be, else the style's."""
    style = asked.style
    if not wanted:
        found = form.sections(style.forms, bars, style.longest, asked.chance("form"), style.strain)
        return _energised(asked, found, (None,) * len(found))
    if not asked.form():  # the passages of a chart go round as often as the song is long
        wanted = given.rounds(wanted, bars)
    total = sum(item.bars or 0 for item in wanted)
    whole = all(item.bars for item in wanted)
    if len(wanted) > bars:
        asked.notices.append(
            f"{bars} bars fit the length, fewer than the {len(wanted)} sections; the last are left out."
        )
    elif asked.form() and (total != bars if whole else total + len(wanted) > bars):
        asked.notices.append(
            f"The sections add up to {total} bars and {bars} fit the length; all change in proportion."
        )
    found = form.written([(item.name, item.bars, item.energy) for item in wanted], bars, style)
    return _energised(asked, found, tuple(item.energy for item in wanted))


def _energised(asked: Asked, sections: tuple[Section, ...], said: tuple[float | None, ...]) -> tuple[Section, ...]:
    """How loud each section is: what was said of it, else the style's, moved by the energy that was asked for, or by
    the moods."""
    amount = asked.amount("energy")
    shift = max(-0.15, min(0.15, sum(MOODS[name].energy for name in asked.said.moods[:3])))

    def moved(energy: float) -> float:
        if amount is None:
            return min(1.0, max(0.15, energy + shift))
        return energy * (0.4 + 1.2 * amount) if amount < 0.5 else energy + (1 - energy) * 1.4 * (amount - 0.5)

    return tuple(
        section if energy is not None else replace(section, energy=round(min(1.0, moved(section.energy)), 3))
        for section, energy in zip(sections, said, strict=False)
    )


def _lyrics(asked: Asked) -> Lyrics | None:
    """What is sung; None where nobody sings, and a notice where somebody was asked to."""
    lyrics = Lyrics.parse(asked.knob("lyrics"))
    sung = any(section.lines for section in lyrics.sections)
    if asked.knob("instrumental"):
        if sung:
            asked.notices.append("The lyrics are not sung, since Instrumental is on.")
        return None
    if not sung:
        if asked.said.vocals:
            asked.notices.append("Nobody sings without words: write lyrics, or ask for an instrumental.")
        return None
    if language := foreign(asked.knob("lyrics")):
        asked.notices.append(
            f"Nobody sings: the lyrics look like {language}, and only an engine with weights can sing them."
        )
        return None
    asked.notices.extend(unclosed(asked.knob("lyrics")))
    if asked.said.instrumental:
        asked.notices.append(
            "The lyrics are sung although the words ask for no singer; switch on Instrumental for none."
        )
    return lyrics


def _sung_form(asked: Asked, lyrics: Lyrics, meter: tuple[int, int]) -> tuple[tuple[Wanted, ...], Lyrics]:
    """The sections that the lyrics are written in, at a tempo near the song's, and the words as often as the length has
    room for them."""
    bpm = asked.knob("bpm") or asked.said.bpm or sum(asked.style.bpm) / 2
    wanted = tuple(Wanted(*item) for item in stanzas.sections_for(lyrics, bpm, meter))
    seconds = asked.knob("duration") or asked.said.seconds
    bars = int(seconds / (meter[0] * 4 / meter[1] * 60 / bpm)) if seconds else asked.said.bars
    if not wanted or not bars:
        return wanted, lyrics
    wanted, times = given.sung_again(wanted, bars)
    if times > 1:
        asked.notices.append(f"The words are sung {_TIMES.get(times, f'{times} times')}, so that they fill the length.")
    return wanted, stanzas.again(lyrics, times)


def _singer(asked: Asked) -> str:
    """low or high: the knob's, else the words', else chance."""
    knob = asked.knob("singer")
    if knob != "auto":
        return str(knob)
    return asked.said.singer or ("low", "high")[int(asked.chance("singer").integers(2))]
