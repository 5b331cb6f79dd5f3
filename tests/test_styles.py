"""Styles are data, and the data is held to what a style is: enough of everything, written right, unlike the others."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from composer.arrange import compose
from composer.drums import LANES, lanes_of
from composer.form import LETTERS
from composer.harmony import chord, rows_for
from composer.plan import Plan, plan
from composer.rhythm import split, steps_in_bar
from composer.style import Part, Style
from composer.styles import STYLES
from composer.synth.drums import KITS
from composer.synth.patches import PATCHES
from song.key import MODES, Key
from song.request import Generate

METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")
FOUR = (4, 4)
MARKS = {
    "beats": set("xXo?f.-23456789"),
    "bass": set("RrKsawn8532674g.-"),
    "comps": set("xXobftaudmr.-"),
    "pads": set("xXo.-"),
    "arps": set("0123456789.-"),
    "riffs": set("012345678b.-"),
}
SPICES = {"secondary", "borrow", "tritone", "turnaround", "passing", "sus"}
JOINTS = {"crash", "riser", "impact", "reverse", "drop", "stop", "halt"}
COUNTERS = {"guide", "answer", "line", "harmony", "echo", "drone"}
VOICINGS = {"close", "drop2", "rootless", "spread", "power", "triad", "strum"}
styles = pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))


def players(style: Style) -> Iterator[tuple[str, Part]]:
    """Everybody who may play in a style, with the role."""
    for role, part in style.palette.items():
        yield role, part
    for role, parts in style.swaps.items():
        for part in parts:
            yield role, part


def drums_of(style: Style) -> bool:
    return "drums" in style.palette


def in_meter(rows: tuple[str, ...], meter: tuple[int, int]) -> list[str]:
    return [row for row in rows if (split(row)[0] or FOUR) == meter]


def main_meter(style: Style) -> tuple[int, int]:
    above, below = max(style.meters, key=lambda name: style.meters[name]).split("/")
    return int(above), int(below)


# -- enough of everything


@styles
def test_there_is_enough_harmony(style: Style) -> None:
    main = max(style.modes, key=lambda mode: style.modes[mode])
    for mode, rows in style.progressions.items():
        assert mode in MODES
        assert len(set(rows)) == len(rows) >= 6, mode
        for letter in "AB":
            assert sum(letter in row.split()[0] for row in rows if not row.startswith("bridge")) >= 2, (mode, letter)
    assert main in style.progressions
    assert len(style.cadences) >= 3


@styles
def test_there_is_enough_rhythm(style: Style) -> None:
    meter = main_meter(style)
    if drums_of(style):
        beats = [row for rows in style.beats.values() for row in in_meter(rows, meter)]
        assert len(set(beats)) >= 6
        assert set(style.beats) == {"low", "mid", "high"}
        assert all(len(in_meter(rows, meter)) >= 4 for rows in style.beats.values())
        assert len(in_meter(style.fills, meter) or style.fills) >= 4
    for table in (style.bass, style.comps):
        assert set(table) == {"low", "mid", "high"}
        rows = {row for level in table.values() for row in in_meter(level, meter)}
        assert len(rows) >= 4
        assert all(len(set(level)) == len(level) >= 3 for level in table.values())
    assert len(style.arps) >= 3 or "arp" not in style.palette
    assert len(style.lead.cells) >= 6


@styles
def test_a_meter_that_a_style_likes_has_rows_of_its_own(style: Style) -> None:
    for name in style.meters:
        above, below = name.split("/")
        meter = (int(above), int(below))
        for rows in style.beats.values():
            assert not drums_of(style) or len(in_meter(rows, meter)) >= 3, name
        for table in (style.bass, style.comps):
            assert sum(len(in_meter(rows, meter)) for rows in table.values()) >= 2, name


@styles
def test_bands_and_forms_differ_from_song_to_song(style: Style) -> None:
    assert len({(part.name, part.patch) for _, part in players(style)}) >= 8
    swaps = [role for role in style.swaps if role in style.palette]
    assert len(swaps) == len(style.swaps)
    assert len(swaps) >= 2
    assert sum(len(parts) for parts in style.swaps.values()) >= 4
    assert len(style.forms) >= 3
    assert len(set(style.forms)) == len(style.forms)


def test_no_two_styles_share_a_groove() -> None:
    for (one, first), (two, second) in itertools.combinations(STYLES.items(), 2):
        assert first.groove != second.groove, (one, two)


def test_no_two_styles_share_a_mix_or_a_palette() -> None:
    for (one, first), (two, second) in itertools.combinations(STYLES.items(), 2):
        assert first.mix != second.mix, (one, two)
        shared = {part.patch for _, part in players(first)} == {part.patch for _, part in players(second)}
        assert not shared, (one, two)


def test_styles_do_not_copy_each_other() -> None:
    """Most of what a style plays on drums, bass and chords together is its own."""
    for (one, first), (two, second) in itertools.combinations(STYLES.items(), 2):
        mine, theirs = ({row for rows in style.beats.values() for row in rows} for style in (first, second))
        assert len(mine & theirs) <= 0.25 * max(1, min(len(mine), len(theirs))), (one, two)


# -- what people type


def test_an_alias_names_one_style() -> None:
    owners: dict[str, set[str]] = {}
    for style_id, style in STYLES.items():
        for alias in (style_id.replace("_", " "), style.name, *style.aliases):
            owners.setdefault(" ".join(alias.lower().replace("-", " ").split()), set()).add(style_id)
    assert {alias: ids for alias, ids in owners.items() if len(ids) > 1} == {}


@styles
def test_words_are_written_as_people_type_them(style: Style) -> None:
    for word in (*style.aliases, *style.hints):
        assert word == word.lower().strip(), word
    assert len(set(style.aliases)) == len(style.aliases) >= 4
    assert len(set(style.hints)) == len(style.hints) >= 4


# -- written right


def rows_of(style: Style) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """(kind, row, its meter, what is written in one lane of it)."""
    for row in (*(row for rows in style.beats.values() for row in rows), *style.fills):
        written, lanes = lanes_of(row)
        for lane, text in lanes:
            assert lane in LANES, (lane, row)
            yield "beats", row, written or FOUR, text
    tables = {"pads": style.pads, "arps": style.arps, "riffs": style.riffs}
    for kind, table in (("bass", style.bass), ("comps", style.comps)):
        tables[kind] = tuple(row for rows in table.values() for row in rows)
    for kind, rows in tables.items():
        for row in rows:
            own, text = split(row)
            yield kind, row, own or FOUR, text


@styles
def test_rows_fill_their_bars(style: Style) -> None:
    for kind, row, meter, text in rows_of(style):
        width = steps_in_bar(meter)
        assert len(text) in (width, 2 * width, 4 * width), (kind, row, len(text))
        assert set(text) <= MARKS[kind], (kind, row)
        assert set(text) - set(".-"), (kind, row)
    for cell in style.lead.cells:
        own, text = split(cell)
        assert re.fullmatch(r"[xX.\-]+", text), cell
        assert len(text) in (4, 8, 16) if not own else len(text) <= steps_in_bar(own), cell


@styles
def test_fills_lead_into_the_next_bar(style: Style) -> None:
    for row in style.fills:
        meter, lanes = lanes_of(row)
        half = steps_in_bar(meter or FOUR) // 2
        assert any(set(text[half:]) - set(".-") for _, text in lanes), row


@styles
def test_every_chord_is_one(style: Style) -> None:
    for mode, rows in style.progressions.items():
        for row in rows:
            use, *bars = row.split()
            assert use == "bridge" or set(use) <= set("ABP"), row
            assert len(bars) in (1, 2, 3, 4, 6, 8, 12, 16), row
            for numeral in itertools.chain.from_iterable(bar.split(",") for bar in bars):
                assert chord(numeral, Key(0, mode)).intervals, numeral
    for numeral in (*style.cadences, *style.final.values()):
        assert chord(numeral, Key(0, "major")).intervals, numeral


@styles
def test_numbers_are_in_range(style: Style) -> None:
    assert 40 <= style.bpm[0] < style.bpm[1] <= 220
    assert -7 <= style.signatures[0] < style.signatures[1] <= 7
    assert set(style.spice) <= SPICES
    assert set(style.transitions) <= JOINTS
    assert set(style.lead.counter.split()) <= COUNTERS
    assert set(style.voicings.values()) <= VOICINGS
    assert set(style.guests) <= set(style.palette)
    assert style.build in LANES
    assert set(style.groove.late) <= {*LANES, *style.palette, "drums"}
    assert len(style.groove.accent) == 16
    assert len(style.groove.push) == 16
    assert 0.5 <= style.groove.swing <= 0.7
    for odds in (style.guests, style.spice, style.transitions, style.riff_by, style.half_time, style.layers):
        assert all(0 <= value <= 1 for value in odds.values())
    assert all(-7 <= gain <= 7 for gain in style.mix.tone)


@styles
def test_players_stand_where_players_can(style: Style) -> None:
    for role, part in players(style):
        known = KITS if role == "drums" else PATCHES
        assert part.patch in known, (role, part.patch)
        assert 0 <= part.program <= 127
        low, high = (-42, -33) if role.startswith("texture") else (-30, -15)
        assert low <= part.lufs <= high, (role, part.lufs)
        for amount in (part.width, part.reverb, part.delay, part.duck, abs(part.pan)):
            assert 0 <= amount <= 1
        if role != "drums" and not role.startswith("texture"):
            assert 21 <= part.low < part.high <= 108
            assert part.high - part.low >= (19 if role == "bass" else 21), (role, part.name, "less than it needs")
        if role == "bass":
            assert part.low <= 40
            assert part.high <= 62


@styles
def test_forms_name_what_the_composer_knows(style: Style) -> None:
    names: set[str] = set()
    for form in style.forms:
        odds, *items = form.split()
        assert float(odds) > 0
        for item in items:
            name, weight, energy, *_ = item.split(":")
            assert name in LETTERS, name
            assert float(weight) > 0
            assert 0.15 <= float(energy) <= 1
            names.add(name)
        levels = [float(item.split(":")[2]) for item in items]
        assert max(levels) - min(levels) >= 0.2, "sections differ"
    assert set(style.silent) <= set(LETTERS)
    assert {role for roles in style.silent.values() for role in roles} <= set(style.palette)
    assert set(style.layers) <= {*style.palette, "texture", "drums", "pad", "arp", "counter"}  # some may be asked in


# -- and it plays


def planned(style: Style, seed: int, duration: float = 30, **knobs: Any) -> Plan:
    name = next(style_id for style_id, other in STYLES.items() if other is style)
    return plan(Generate(prompt="music", style=name, seed=seed, duration=duration, **knobs))


@styles
@pytest.mark.parametrize("meter", METERS)
def test_it_plays_in_every_meter(style: Style, meter: str) -> None:
    score = compose(planned(style, 7, 20, meter=meter))
    assert f"{score.meter[0]}/{score.meter[1]}" == meter
    assert sum(len(track.notes) for track in score.tracks) >= 20


@styles
def test_it_plays_in_every_mode(style: Style) -> None:
    for place, mode in enumerate(MODES):
        rows = rows_for(style, mode)
        assert len(rows) >= 6, mode
        song = planned(style, place, 16, key=f"D {mode}")
        score = compose(song)
        outside = [
            (note.pitch - shift_at(song, note.start)) % 12 not in song.key.pitch_classes
            for track in score.tracks
            if not track.drums and not track.role.startswith("texture")
            for note in track.notes
        ]
        assert sum(outside) < 0.35 * len(outside), mode


def shift_at(song: Plan, beat: float) -> int:
    """Semitones above the song's key at a beat: the last chorus may lie higher."""
    bar = beat / song.beats_per_bar + 0.1
    return max((one for one in song.sections if one.start <= bar), key=lambda one: one.start).shift


@styles
def test_bands_vary(style: Style) -> None:
    bands = {tuple(sorted((role, part.name) for role, part in planned(style, seed).band.items())) for seed in range(24)}
    assert len(bands) >= 8


def test_a_blues_has_twelve_bars() -> None:
    for seed in range(6):
        for duration in (45, 90, 200):
            song = plan(Generate(prompt="blues shuffle at 110 bpm", seed=seed, duration=duration))
            lengths = [one.bars for one in song.sections if one.name not in ("intro", "outro")]
            assert sum(one.bars for one in song.sections) == song.bars
            assert set(lengths[:-1]) <= {12}
            assert lengths[-1] in range(12, 24)
    short = plan(Generate(prompt="blues", seed=1, duration=10, bpm=80))
    assert short.bars < 12, "too short for one chorus: an ordinary form"


def test_a_pianist_has_one_piano() -> None:
    """Whatever stands in for the style's piano, or is asked for: all hands play the same one."""
    heard = set()
    for seed in range(40):
        pianos = {part.patch for part in plan(Generate(prompt="music", style="piano_solo", seed=seed)).band.values()}
        assert len(pianos) == 1
        heard |= pianos
    assert len(heard) >= 3
    felt = plan(Generate(prompt="a felt piano piece, intimate", seed=2)).band
    assert {part.patch for part in felt.values()} == {"piano_felt"}
    assert {"chords", "lead", "bass"} <= set(felt)
