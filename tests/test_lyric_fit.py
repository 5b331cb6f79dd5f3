"""The lyric-fit meter: green, amber and red as the composer will lay the words."""

import pytest

from composer.stanzas import syllables
from lyrics import write
from song.writing import read_brief
from writing.fit import measure, unclosed

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
    "words", ["", "[verse]", "[intro]\n\n[solo]", "...", "[verse]\nIch liebe dich und das ist nicht leicht für mich"]
)
def test_nothing_to_sing_is_nothing_to_measure(words):
    assert measure(words) == ()


def test_a_bracket_that_never_closes_is_named():
    assert (
        unclosed("[verse\nHold on")
        == 'Line 1 begins with a bracket that never closes, so it is sung: "[verse"; add a ].'
    )
    assert unclosed("[verse]\nHold on") == ""
