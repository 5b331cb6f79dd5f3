"""The lyric-fit meter: green, amber and red as the composer will lay the words."""

import pytest

from composer.stanzas import syllables
from composer.syllables import syllables as by_letters
from lyrics import write
from song.errors import BadRequest
from song.lyrics import unclosed
from song.writing import read_brief
from writing.fit import measure
from writing.fixes import fewer_lines, more_seconds, split

WORDS = """
[verse]
Bread and coffee in the air
{}

[chorus]
I can hear the old rooms call

[verse]
My father whistled in the rain
"""
LONG = "and every single thing that anybody ever told me about it afterwards again and again"


def fits(words, **asked):
    return {section.name: section for section in measure(words, asked)}


def test_words_with_room_are_green():
    found = fits(WORDS.format("The third step creaked upon the stair"))
    assert list(found) == ["Verse 1", "Chorus", "Verse 2"]
    assert all(line.colour == "green" for section in found.values() for line in section.lines)
    assert not any(section.sentence for section in found.values())
    assert all(section.has >= section.needs > 0 for section in found.values())


def test_a_song_too_short_for_its_words_says_how_long_they_need():
    found = fits(WORDS.format("The third step creaked upon the stair\n" * 6), duration=12.0)
    verse = found["Verse 1"]
    assert "red" in {line.colour for line in verse.lines}
    assert verse.sentence == f"Verse 1 needs about {verse.needs:.0f} s, has {verse.has:.0f} s"
    assert verse.needs > verse.has


def test_more_seconds_or_another_tempo_turn_the_meter_green():
    words = str(write(read_brief({"brief": "the sea", "seed": 1})).lyrics)
    colours = {
        seconds: [line.colour for section in measure(words, {"duration": seconds}) for line in section.lines]
        for seconds in (15.0, 150.0)
    }
    assert colours[15.0].count("red") > 5 and set(colours[150.0]) == {"green"}


def test_what_the_meter_counts_is_what_the_composer_lays():
    line = measure("[verse]\n" + LONG)[0].lines[0]
    assert line.text == LONG and line.syllables == syllables(LONG) > 20 and line.seconds > 3


@pytest.mark.parametrize(
    ("line", "count"),
    [("Der Fluss kennt deinen Namen", 7), ("corazón", 3), ("Größe", 2), ("poëet", 2), ("l'amour", 2), ("θάλασσα", 3),
     ("Я люблю тебя", 5), ("東京の夜", 4), ("きょうと", 3), ("사랑해요", 4), ("नमस्ते", 3), ("...", 0)],
)  # fmt: skip
def test_syllables_of_other_languages_are_counted_by_their_letters(line, count):
    assert by_letters(line) == count


def test_words_of_other_languages_are_measured_too():
    german = (
        "[verse]\nIch liebe dich und das ist nicht leicht für mich\n[chorus]\nUnd der Regen fällt, und ich bin allein"
    )
    assert {line.colour for part in measure(german) for line in part.lines} == {"green"}
    verse, chorus = measure(german, {"duration": 5.0})
    assert verse.sentence.startswith("Verse needs about") and {line.colour for line in chorus.lines} == {"amber"}
    seconds = more_seconds(german, {"duration": 5.0})
    assert colours(german, duration=float(seconds)) == {"green"} and seconds < 20


@pytest.mark.parametrize("words", ["", "[verse]", "[intro]\n\n[solo]", "..."])
def test_nothing_to_sing_is_nothing_to_measure(words):
    assert measure(words) == ()


def test_a_bracket_that_never_closes_is_named():
    never = "begins with a bracket that never closes"
    taken, sung = unclosed("[verse\nHold on\n[whatever it is")
    assert taken == f'Line 1 {never}, so it is taken for [verse]: "[verse"; add a ].'
    assert sung == f'Line 3 {never}, so it is sung: "[whatever it is"; add a ].'
    assert unclosed("[verse]\nHold on [tight\n[solo] now") == ()


SONG = str(write(read_brief({"brief": "the sea", "seed": 1})).lyrics)


def colours(words, **asked):
    return {line.colour for section in measure(words, asked) for line in section.lines}


@pytest.mark.parametrize(
    "asked", [{"duration": 15.0}, {"duration": 30.0, "bpm": 140.0}, {"bpm": 60.0, "duration": 20.0}]
)
def test_more_seconds_are_enough_and_not_far_more(asked):
    assert "red" in colours(SONG, **asked)
    seconds = more_seconds(SONG, asked)
    assert colours(SONG, **asked | {"duration": float(seconds)}) == {"green"}
    assert colours(SONG, **asked | {"duration": seconds / 1.5}) != {"green"}


def test_words_that_no_song_holds_are_said():
    with pytest.raises(BadRequest, match="even 600 s are too short"):
        more_seconds("[verse]\n" + "\n".join(f"{LONG} {number}" for number in range(150)), {})


def test_a_line_is_split_near_its_middle_or_at_a_comma_wherever_it_returns():
    words = "[chorus]\nHold on to me, my darling, until the morning comes\nStay\n\n[verse]\nGo\n\n[chorus]\n"
    words += "Hold on to me, my darling, until the morning comes\nStay"
    parted = "[chorus]\nHold on to me, my darling,\nUntil the morning comes\nStay"
    assert split(words, 0, 0) == f"{parted}\n\n[verse]\nGo\n\n{parted}"
    with pytest.raises(BadRequest, match="one word only"):
        split(words, 1, 0)


def test_fewer_lines_leave_those_that_have_room():
    words = WORDS.format("The third step creaked upon the stair\n" * 6)
    before = fits(words, duration=12.0)["Verse 1"]
    shorter = fewer_lines(words, {"duration": 12.0}, before.place)
    after = fits(shorter, duration=12.0)["Verse 1"]
    assert "red" in {line.colour for line in before.lines} and 1 <= len(after.lines) < len(before.lines)
    assert len(after.lines) == 1 or not after.sentence
    assert fits(shorter)["Verse 2"].lines[0].text == "My father whistled in the rain"
