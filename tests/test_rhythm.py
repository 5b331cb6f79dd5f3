"""Meters, grids, and rows of the styles as the band plays them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from composer.arrange import compose, plays
from composer.drums import LANES, lanes_of
from composer.harmony import chord
from composer.plan import STYLES, plan
from composer.rhythm import Feel, carried, fitting, split, steps_in_bar, swung
from composer.style import Groove
from composer.traits import groove_of
from composer.variants import bent_beat, bent_line
from composing import METERS, composed, pitched, planned, track
from song.key import Key
from song.request import Generate
from song.score import Note

# -- time


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("meter", METERS)
def test_every_meter_works_in_every_style(style: str, meter: str) -> None:
    song = planned(style, 2, 40, meter=meter)
    score = compose(song)
    assert score.meter == song.meter
    bar = score.beats_per_bar
    starts = [note.start % bar for one in pitched(score) for note in one.notes]
    on_one = sum(start < 0.15 or start > bar - 0.15 for start in starts)
    assert on_one > len(starts) * 0.5 / (bar * 4), "the first beat is felt"
    assert len(pitched(score)) >= 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("duration", [5, 7.3, 30, 95, 300])
def test_no_hole_before_the_end_and_no_cut_at_the_end(style: str, duration: float) -> None:
    for seed in (1, 2) if duration < 100 else (1,):
        song = planned(style, seed, duration)
        score = compose(song)
        spans = sorted((score.seconds(n.start), score.seconds(n.end)) for one in pitched(score) for n in one.notes)
        assert spans[0][0] < 0.05
        reach = 0.0
        for start, end in spans:
            assert start - reach < 0.1, (style, seed, reach)
            reach = max(reach, end)
        assert reach >= score.seconds(song.last_beat)
        assert reach <= duration + 1e-3
        assert duration - reach < 2.5


@pytest.mark.parametrize(
    "band", ["no drums", "no pads", "just guitar", "no chords, no pads", "only flute", "only bass and drums"]
)
def test_no_hole_whoever_plays(band: str) -> None:
    for style in STYLES:
        song = plan(Generate(prompt=f"{style}, {band}", seed=4, duration=40))
        spans = sorted((n.start, n.end) for one in pitched(compose(song)) for n in one.notes)
        reach = 0.0
        for start, end in spans:
            assert (start - reach) * 60 / song.bpm < 0.1, (style, band, reach)
            reach = max(reach, end)


def test_slow_and_short_still_ends_inside_its_length() -> None:
    for meter in METERS:
        song = planned("ambient", 1, 5, bpm=30, meter=meter)
        score = compose(song)
        assert song.last_beat < song.beats
        assert max(note.end for one in pitched(score) for note in one.notes) <= song.beats + 1e-3


def test_humanize_zero_is_the_swung_grid() -> None:
    for style in STYLES:
        song = planned(style, 2, 30, humanize=0.0)
        grid = swung(np.arange(0, 16 * 84, 1 / 12), groove_of(song, STYLES[style]), song.meter) / 4
        for one in pitched(compose(song)):
            for note in one.notes:
                if note.start < song.last_beat:
                    assert np.min(np.abs(grid - note.start)) < 1e-3, (style, one.role)


def test_humanize_moves_notes_but_not_far() -> None:
    straight, loose = (track(composed("lofi", 2, 40, humanize=h), "chords") for h in (0.0, 1.0))
    assert straight is not None
    assert loose is not None
    shift = [abs(a.start - b.start) for a, b in zip(straight.notes, loose.notes, strict=False)]
    assert 0.005 < float(np.median(shift)) < 0.12  # beats


def test_swing_moves_the_offbeat_only() -> None:
    groove = Groove(swing=0.66, swing_steps=2)
    assert swung(np.array([0.0, 2.0, 4.0]), groove, (4, 4)) == pytest.approx([0, 2.64, 4])
    assert swung(np.array([0.0, 2.0, 4.0]), groove, (6, 8)) == pytest.approx([0, 2, 4])
    assert swung(np.array([12.0, 13.0]), groove, (7, 8)) == pytest.approx([12, 13])  # an eighth without a partner


def test_a_feel_keeps_notes_inside_their_section() -> None:
    from composer.rhythm import Stroke

    feel = Feel(Groove(loose=200), 120, (4, 4), 1.0)
    strokes = [Stroke(step, 2, 60, 80) for step in range(0, 16, 2)]
    notes = feel.play(strokes, 8.0, 12.0, np.random.default_rng(1), "lead")
    assert all(note.start >= 8.0 and note.end <= 12.0 for note in notes)


# -- rows


def test_rows_of_one_meter_are_carried_over_to_every_other() -> None:
    waltz = "R---5---8---"
    for meter in ((2, 4), (3, 4), (4, 4), (5, 4), (6, 8), (7, 8)):
        text = carried(waltz, (3, 4), meter)
        assert len(text) % steps_in_bar(meter) == 0, meter
        assert text[0] == "R"
    assert carried(waltz, (3, 4), (3, 4)) == waltz
    assert carried("x---o---x---o---", None, (3, 4)) == "x---o---o---"
    assert (
        carried("x---x-x---x-", (6, 8), (4, 4)) == "x-x-x-x-" * 2
        or carried("x-----x-----", (6, 8), (4, 4)) == "x---" * 4
    )
    assert fitting(("x---", "3/4: x--", "6/8: y"), (3, 4)) == ("3/4: x--",)
    assert fitting(("x---", "3/4: x--"), (5, 4)) == ("x---",)


def test_a_style_that_is_all_in_three_plays_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    row = dict.fromkeys(("low", "mid", "high"), ("3/4: R---5---8---",) * 4)
    comp = dict.fromkeys(("low", "mid", "high"), ("3/4: b...x...x...",) * 4)
    beat = dict.fromkeys(("low", "mid", "high"), ("3/4: kick x........... | hat x...x...x...",) * 6)
    style = replace(STYLES["rock"], bass=row, comps=comp, beats=beat, fills=("3/4: snare ........xxxx",), free=0.0)
    monkeypatch.setitem(STYLES, "rock", style)
    for meter in METERS:
        score = compose(planned("rock", 2, 20, meter=meter, humanize=0.0))
        bass = track(score, "bass")
        assert bass is not None
        assert any(note.start % score.beats_per_bar == 0 for note in bass.notes)


def test_riffs_are_played_in_unison(monkeypatch: pytest.MonkeyPatch) -> None:
    style = replace(
        STYLES["rock"], riffs=("1-1-3-1-5-b-4-3-",), riff_by={"bass": 1.0, "chords": 1.0}, riff_in=("verse",), free=0.0
    )
    monkeypatch.setitem(STYLES, "rock", style)
    song = planned("rock", 2, 40, humanize=0.0)
    song = replace(song, sections=tuple(replace(one, name="verse") for one in song.sections))
    score = compose(song)
    bass, guitar = track(score, "bass"), track(score, "chords")
    assert bass is not None
    assert guitar is not None
    low = {(round(note.start, 2), note.pitch % 12) for note in bass.notes if note.start < song.last_beat}
    high = {(round(note.start, 2), note.pitch % 12) for note in guitar.notes if note.start < song.last_beat}
    assert len(low) >= 8
    assert len(low & high) > 0.9 * len(low)


def _comped(monkeypatch: pytest.MonkeyPatch, row: str) -> list[list[Note]]:
    """A bar of comping on a guitar, in groups of notes that belong to one stroke."""
    comps = dict.fromkeys(("low", "mid", "high"), (row,) * 4)
    monkeypatch.setitem(STYLES, "folk", replace(STYLES["folk"], comps=comps, free=0.0, riffs=(), transitions={}))
    song = planned("folk", 2, 30, humanize=1.0, meter="4/4")
    chords = track(compose(song), "chords")
    assert chords is not None
    groups: dict[int, list[Note]] = {}
    for note in chords.notes:
        if 4 <= note.start < 7.9:
            groups.setdefault(round(note.start), []).append(note)
    return list(groups.values())


def test_strums_go_down_and_up(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = _comped(monkeypatch, "d---u---d---u---")
    assert len(strokes) == 4
    down, up = (sorted(stroke, key=lambda note: note.start) for stroke in strokes[:2])
    assert [note.pitch for note in down] == sorted(note.pitch for note in down)
    assert [note.pitch for note in up] == sorted((note.pitch for note in up), reverse=True)
    assert np.mean([note.velocity for note in up]) < np.mean([note.velocity for note in down]) - 5


def test_boom_chuck_alternates_between_root_and_fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    boom, chuck, other, _ = _comped(monkeypatch, "b---t---f---t---")
    assert len(boom) == len(other) == 1
    assert len(chuck) > 1
    assert boom[0].pitch != other[0].pitch


@pytest.mark.parametrize("kind", ["guide", "answer", "line", "harmony", "echo", "drone"])
def test_second_voices_have_many_ways(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    style = STYLES["rock"]
    monkeypatch.setitem(STYLES, "rock", replace(style, lead=replace(style.lead, counter=kind)))
    song = planned("rock", 3, 60, humanize=0.0)
    song = replace(song, band={**song.band, "counter": style.palette["counter"]}, named=("counter",))
    score = compose(song)
    voice, lead = track(score, "counter"), track(score, "lead")
    assert voice is not None
    assert lead is not None
    tune = {round(note.start, 2): note.pitch for note in lead.notes}
    together = [(note.pitch - tune[round(note.start, 2)]) for note in voice.notes if round(note.start, 2) in tune]
    if kind == "harmony":
        thirds = sum(abs(step) % 12 in (3, 4, 8, 9) for step in together)
        assert thirds > 0.8 * len(together) > 8
    if kind == "drone":
        assert {note.pitch % 12 for note in voice.notes if note.start < song.last_beat} <= {
            song.key.tonic,
            (song.key.tonic + 7) % 12,
        }
    if kind == "line":
        assert sum(step == 0 for step in together) < 0.15 * max(1, len(together))


def test_half_time_halves_the_backbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    snares = {}
    for odds in (0.0, 1.0):
        monkeypatch.setitem(STYLES, "rock", replace(STYLES["rock"], half_time={"chorus": odds}, free=0.0))
        song = planned("rock", 3, 60, meter="4/4")
        section = next(one for one in song.sections if one.name == "chorus")
        drums = track(compose(song), "drums")
        assert drums is not None
        low = section.start * 4.0
        snares[odds] = sum(
            note.pitch == 38 and note.velocity > 70 and low <= note.start < low + 11.9 for note in drums.notes
        )
    assert snares[1.0] <= snares[0.0] * 0.7


def test_the_band_stops_dead_where_it_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STYLES, "rock", replace(STYLES["rock"], transitions={"halt": 1.0}))
    song = planned("rock", 3, 60, meter="4/4")
    score = compose(song)
    bass = track(score, "bass")
    assert bass is not None
    turns = [one for one, after in itertools.pairwise(song.sections) if abs(one.energy - after.energy) >= 0.05]
    halted = [section for section in turns if section.bars >= 4 and section.name != "intro"]
    assert halted
    for section in halted:
        end = (section.start + section.bars) * 4.0
        assert not [note for note in bass.notes if end - 2.9 <= note.start < end - 0.1]


def test_drums_are_announced_by_a_fill() -> None:
    """Where drums come in after a section without them, most of the time a fill leads there."""
    entries = fills = 0
    for style in ("pop_ballad", "soul", "lofi", "country", "waltz"):
        for seed in range(6):
            song = planned(style, seed, 60)
            drums, playing = track(compose(song), "drums"), plays(song, STYLES[style], "drums")
            for before, after in itertools.pairwise(song.sections) if drums else ():
                if before.id in playing or playing.get(after.id, (1, 1))[0] or after.energy < 0.5 or before.bars < 2:
                    continue
                end = after.start * song.beats_per_bar
                entries += 1
                fills += any(end - 2.1 <= note.start < end - 0.05 for note in drums.notes)  # type: ignore[union-attr]
    assert entries > 4
    assert 0.3 <= fills / entries < 1


def test_bent_rows_keep_their_bones() -> None:
    """First beat, backbeat, four to the floor and the clave stay; something else changes in most songs."""
    row = "kick x...x...x...x... | snare ....X..o....X... | hat x.x.x.x.x.x.x.x. | clave x..x..x...x.x..."
    seen = set()
    for seed in range(40):
        bent = bent_beat(row, 1.0, np.random.default_rng(seed))
        lanes = dict(lanes_of(bent)[1])
        assert all(len(text) == 16 for text in lanes.values())
        assert all(lanes["kick"][step] == "x" for step in (0, 4, 8, 12))
        assert lanes["snare"][4] == lanes["snare"][12] == "X"
        assert lanes["clave"] == "x..x..x...x.x..."
        seen.add(bent)
    assert len(seen) > 30
    assert bent_beat(row, 0.0, np.random.default_rng(1)) == row
    lines = {bent_line("3/4: R---5---8-a-", 1.0, np.random.default_rng(seed), "r", "58") for seed in range(40)}
    assert len(lines) > 10
    assert all(line.startswith("3/4: R") and len(line) == 17 for line in lines)


# -- tables


def test_tables_are_rich_and_well_formed() -> None:
    for name, style in STYLES.items():
        for level in ("low", "mid", "high"):
            assert len(style.beats[level]) >= 6, name
            assert len(style.bass[level]) >= 4, name
            assert len(style.comps[level]) >= 4, name
        assert len(style.fills) >= 4
        assert all(len(rows) >= 6 for rows in style.progressions.values()), name
        for row in (*itertools.chain(*style.beats.values()), *style.fills):
            meter, lanes = lanes_of(row)
            width = meter[0] * 16 // meter[1] if meter else 16
            assert all(lane in LANES and len(text) % width == 0 for lane, text in lanes), (name, row)
        lines = (*style.bass.values(), *style.comps.values(), style.arps, style.pads, style.riffs)
        for row in itertools.chain(*lines):
            meter, text = split(row)
            assert text.startswith("K") or len(text) % (meter[0] * 16 // meter[1] if meter else 16) == 0, (name, row)
        for row in itertools.chain(*style.progressions.values()):
            assert [chord(numeral, Key.parse("C minor")) for bar in row.split()[1:] for numeral in bar.split(",")]
