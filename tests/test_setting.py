"""Words become a melody: all of them or a notice, stresses on beats, breath between lines, a chorus that comes back."""

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from composer import stanzas
from composer.arrange import compose
from composer.form import Section
from composer.plan import Plan, plan
from composer.rhythm import pulses
from composer.voice.letters import FUNCTION_WORDS, parts
from composer.voice.sing import breaths
from composer.voice.text import plain
from song.lyrics import Lyrics
from song.request import Generate
from song.score import Note, Score

WORDS = """
[verse]
Paper boats are drifting past the garden wall
Nobody remembers who was here at all
Underneath the willow there's a wooden chair
Someone left a candle and a letter there

[pre-chorus]
Wait a little longer
Wait a little more

[chorus]
Sing it to the evening, sing it to the rain
Nothing that is golden ever comes again

[verse 2]
Every other Sunday when the bells are rung
I recall the stories from when we were young
Mother in the kitchen, father in the yard
24 good summers and a postcard

[chorus]
Sing it to the evening, sing it to the rain
Nothing that is golden ever comes again

[bridge]
And if you ask me where I go
The river and the mountains know
"""
LINES = [line for line in WORDS.strip().splitlines() if line and not line.startswith("[")]
STYLES = (
    "pop ballad",
    "rock",
    "waltz in 3/4",
    "blues in 6/8",
    "jazz in 7/8",
    "house",
    "punk at 200 bpm",
    "soul at 54 bpm",
)


@functools.cache
def song(prompt: str = "synth pop", lyrics: str = WORDS, seed: int = 5, **knobs: Any) -> tuple[Plan, Score]:
    decided = plan(Generate(prompt=prompt, lyrics=lyrics, seed=seed, **knobs))
    return decided, compose(decided)


def voice(score: Score, role: str = "vocals") -> Sequence[Note]:
    return next((track.notes for track in score.tracks if track.role == role), ())


@pytest.mark.parametrize("prompt", STYLES)
def test_every_word_is_sung_in_order_one_note_at_a_time_within_the_range(prompt: str) -> None:
    decided, score = song(prompt)
    notes = voice(score)
    track = next(track for track in score.tracks if track.role == "vocals")
    sung = [line.text for section in Lyrics.sung(score).sections for line in section.lines]
    assert list(dict.fromkeys(map(plain, sung))) == list(dict.fromkeys(map(plain, LINES)))
    assert all(a.end <= b.start + 1e-4 for a, b in pairwise(notes))
    part = decided.band["vocals"]
    assert all(part.low <= note.pitch <= part.high + 2 for note in notes)
    starts = {note.start for note in notes}
    assert all(beat in starts for beat, _ in score.lyrics)
    assert sum(len(line.words) for line in breaths(track, score.lyrics)) == sum(len(plain(line)) for line in sung)
    assert all(0 <= note.start < note.end <= score.beats for note in notes)


@pytest.mark.parametrize("prompt", STYLES)
def test_melodies_move_by_steps_and_rest_on_chord_tones(prompt: str) -> None:
    _, score = song(prompt)
    notes = voice(score)
    leaps = np.abs(np.diff([note.pitch for note in notes]))
    assert np.mean(leaps <= 4) > 0.75
    assert np.mean(leaps > 7) < 0.03
    assert 0.02 < np.mean(leaps == 0) < 0.35
    long = [note for note in notes if score.seconds(note.duration) >= 0.75]
    inside = [note.pitch % 12 in _chord(score, note.start) for note in long]
    assert np.mean(inside) > 0.8


def _chord(score: Score, beat: float) -> set[int]:
    chord = next(one for one in reversed(score.chords) if one.start <= beat + 0.15)
    return {(chord.root + interval) % 12 for interval in chord.intervals}


def test_stresses_fall_on_beats() -> None:
    decided, score = song("synth pop, 100 bpm", humanize=0.0)
    beats = {step / 4 for step in pulses(decided.meter)}
    on_beat: dict[int, list[bool]] = {0: [], 1: []}
    track = next(track for track in score.tracks if track.role == "vocals")
    for line in breaths(track, score.lyrics):
        for word, notes in zip(line.words, line.notes, strict=True):
            for (_, stress), own in zip(parts(word), notes, strict=False):
                strong = stress if word not in FUNCTION_WORDS else 0
                on_beat[strong].append(own[0].start % decided.beats_per_bar in beats)
    assert np.mean(on_beat[1]) > np.mean(on_beat[0]) + 0.2
    assert np.mean(on_beat[1]) > 0.55


def test_the_singer_breathes_between_lines() -> None:
    _, score = song()
    ends = [beat for beat, text in score.lyrics if text.endswith(("\r", "\n"))]
    for end in ends[:-1]:
        last = max(note.end for note in voice(score) if note.start <= end + 2.5)
        following = min((beat for beat, _ in score.lyrics if beat > end), default=score.beats)
        held = [note.end for note in voice(score) if end <= note.start < following]
        assert following - max(held) >= 0.2, (end, last)


def test_a_chorus_comes_back_as_it_was_and_a_verse_with_other_words_alike() -> None:
    decided, score = song("pop ballad, 80 bpm", humanize=0.0)
    lines = Lyrics.sung(score).sections
    choruses = [section for section in lines if section.name == "chorus"]
    assert len(choruses) == 2
    first, second = (_melody(score, section.lines[0].start, section.lines[-1].end) for section in choruses)
    lift = second[0][1] - first[0][1]
    assert lift in {section.shift for section in decided.sections} | {0}
    assert [(start, pitch + lift, length) for start, pitch, length in first] == second


def _melody(score: Score, start: float | None, end: float | None) -> list[tuple[float, int, float]]:
    assert start is not None
    assert end is not None
    own = [note for note in voice(score) if start - 1e-6 <= score.seconds(note.start) < end]
    return [(round(note.start - own[0].start, 3), note.pitch, round(note.duration, 3)) for note in own]


def test_choruses_have_a_second_voice_in_harmony() -> None:
    decided, score = song()
    lead = {note.start: note for note in voice(score)}
    second = voice(score, "backing")
    assert second
    bar = decided.beats_per_bar
    spans = [(s.start * bar, (s.start + s.bars) * bar) for s in decided.sections if s.name == "chorus"]
    assert all(any(a - 0.1 <= note.start < b for a, b in spans) for note in second)
    assert all(3 <= abs(note.pitch - lead[note.start].pitch) <= 9 for note in second)
    assert all(note.velocity < lead[note.start].velocity for note in second)


def test_the_lead_rests_while_somebody_sings() -> None:
    for prompt in ("synth pop", "rock", "soul"):
        _, score = song(prompt)
        timed = [line for section in Lyrics.sung(score).sections for line in section.lines]
        for note in voice(score, "lead"):
            start, end = score.seconds(note.start), score.seconds(note.end)
            assert not any((line.start or 0) < end - 0.02 and start < (line.end or 0) - 0.02 for line in timed)


def test_the_form_follows_the_lyrics_where_nobody_gave_another() -> None:
    names = [section.name for section in song()[0].sections]
    assert names == ["intro", "verse", "prechorus", "chorus", "verse", "chorus", "bridge", "outro"]
    written, score = song("rock", form="intro 2, chorus 8, verse 8, chorus 8, outro 2")
    assert [section.name for section in written.sections] == ["intro", "chorus", "verse", "chorus", "outro"]
    first = Lyrics.sung(score).sections[0]
    assert (first.name, first.lines[0].text) == ("chorus", LINES[6])


def test_what_finds_no_room_is_said() -> None:
    decided, score = song("techno", duration=20.0)
    sung = [line.text for section in Lyrics.sung(score).sections for line in section.lines]
    unsung = {plain(line) for line in LINES} - {plain(line) for line in sung}
    assert sung
    assert unsung
    assert any(f"{len(unsung)} lines have no room" in notice for notice in decided.notices)
    assert not any("no room" in notice for notice in song()[0].notices)


def test_instrumental_means_nobody_sings() -> None:
    decided, score = song(instrumental=True)
    assert decided.lyrics is None
    assert not score.lyrics
    assert not voice(score)
    assert "vocals" not in decided.band


@pytest.mark.parametrize("singer, low, high", [("low", 45, 64), ("high", 55, 76)])
def test_the_singer_that_was_asked_for_sings(singer: str, low: int, high: int) -> None:
    decided, score = song(singer=singer)
    track = next(track for track in score.tracks if track.role == "vocals")
    assert track.patch == f"voice_{singer}"
    assert (decided.band["vocals"].low, decided.band["vocals"].high) == (low, high)
    assert low <= min(note.pitch for note in track.notes) <= max(note.pitch for note in track.notes) <= high + 2


def test_same_seed_same_song_and_another_seed_another_melody() -> None:
    request = Generate(prompt="rock", lyrics=WORDS, seed=5)
    assert compose(plan(request)) == compose(plan(request))
    pitches = {tuple(note.pitch for note in voice(song("synth pop", seed=seed)[1])) for seed in range(5, 9)}
    assert len(pitches) == 4


def test_a_salt_rolls_one_section_of_the_voice_and_nothing_else() -> None:
    decided, score = song("synth pop")
    salted = compose(decided, {("verse1", "vocals"): 7})
    assert voice(salted) != voice(score)
    end = next(s for s in decided.sections if s.id == "verse1")
    after = (end.start + end.bars) * decided.beats_per_bar
    assert [n for n in voice(salted) if n.start >= after] == [n for n in voice(score) if n.start >= after]
    for track in score.tracks:
        if track.role not in ("vocals", "lead", "counter"):
            assert track in salted.tracks


ODD = (
    "la",
    "[chorus]\n",
    "...",
    "x",
    "word " * 400,
    "[verse]\na b c d e f g h i j k l m n o p q r s t u v w x y z",
    "[solo]\n[verse]\nla la\n[chorus]\n[chorus]\n",
    "1 2 3 4 5 6 7 8 9 1000000",
    "[intro]\nHello you\n[outro]\nGoodbye now",
)


@pytest.mark.parametrize("lyrics", ODD)
@pytest.mark.parametrize("duration", [5.0, 40.0])
def test_odd_lyrics_are_sung_or_refused_but_never_a_fault(lyrics: str, duration: float) -> None:
    decided, score = song("pop ballad", lyrics, duration=duration)
    if any(stanzas.syllables(line.text) for section in Lyrics.parse(lyrics).sections for line in section.lines):
        assert voice(score)
        assert all(note.duration > 0 for note in voice(score))
    assert decided.duration == duration


def test_layout_keeps_the_order_and_goes_on_in_the_next_section_of_the_kind() -> None:
    rows = [("verse", 4), ("chorus", 4), ("verse", 4), ("chorus", 4)]
    sections = [Section(name, 4 * at, bars, 0.6, f"{name}{at}") for at, (name, bars) in enumerate(rows)]
    many = "[verse]\n" + "\n".join(f"this is the line that has number {n} in it" for n in "abcdefghij")
    layout = stanzas.lay(Lyrics.parse(many + "\n[chorus]\nhere we are again\n"), sections, 120, (4, 4))
    texts = [place.text for at in ("verse0", "verse2") for place in layout.sections[at]]
    assert [*texts, *layout.unsung] == many.splitlines()[1:]
    assert layout.unsung
    assert {place.text for at in ("chorus1", "chorus3") for place in layout.sections[at]} == {"here we are again"}


def test_few_words_in_a_long_song_are_sung_again_with_solos_between():
    words = "[verse]\nWalking through the city in the morning light\nEvery window is a story in the night\n"
    words += "[chorus]\nHold me tonight until the morning comes\nStay with me now and never let me go"
    song = plan(Generate(prompt="pop", duration=180, seed=3, lyrics=words))
    names = [section.name for section in song.sections]
    assert names.count("verse") >= 3 and "solo" in names and names[0] == "intro" and names[-1] == "outro"
    assert all(section.bars <= 8 for section in song.sections), "nothing is stretched"
    laid = stanzas.lay(song.lyrics, song.sections, song.bpm, song.meter)
    silent = [
        one for one in song.sections if one.name not in ("intro", "solo", "outro") and one.id not in laid.sections
    ]
    assert not silent and not laid.unsung
    assert any(notice.startswith("The words are sung three times") for notice in song.notices)
    short = plan(Generate(prompt="pop", duration=30, seed=3, lyrics=words))
    assert short.lyrics == Lyrics.parse(words) and not any("are sung" in notice for notice in short.notices)
