"""Knobs and keys: what can be asked for, and how a no is said."""

import pytest

from song.errors import BadRequest
from song.key import MODES, Key
from song.lyrics import Line, Lyrics, Section
from song.request import Generate, fields, groups, limits, read, read_json


@pytest.mark.parametrize(
    ("typed", "name", "fifths"),
    [
        ("D minor", "D minor", -1),
        ("f# dorian", "F# dorian", 4),
        ("Bb", "Bb major", -2),
        ("c sharp min", "C# minor", 4),
        ("Am", "A minor", 0),
        ("E-flat major", "Eb major", -3),
        ("Eb phrygian", "Eb phrygian", 5),
        ("GM", "G major", 1),
        ("B♭ mixolydian", "Bb mixolydian", -3),
    ],
)
def test_keys_are_read_as_musicians_type_them_and_kept_as_they_spelled_them(typed, name, fifths):
    key = Key.parse(typed)
    assert (str(key), key.fifths) == (name, fifths)
    assert Key.parse(str(key)) == key


@pytest.mark.parametrize("typed", ["H major", "D weird", "minor", "", "D minor please", "x" * 1000])
def test_what_is_no_key_is_said_with_an_example(typed):
    with pytest.raises(ValueError, match=r"write it like|use one of"):
        Key.parse(typed)


def test_every_key_has_a_readable_name():
    names = {mode: [str(Key(tonic, mode)).split()[0] for tonic in range(12)] for mode in MODES}
    assert names["major"] == ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
    assert names["minor"] == ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]


def test_a_request_survives_its_json():
    request = read({"prompt": " lo-fi ", "seed": 7.0, "duration": 30, "key": "d min", "meter": "", "style": "  "})
    assert (request.prompt, request.seed, request.key, request.meter, request.style) == (
        "lo-fi",
        7,
        "D minor",
        None,
        None,
    )
    assert read_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"prompt": ""}, "prompt: is empty; describe the song in a few words"),
        ({"prompt": "\U0001f389 !"}, "prompt: is empty; describe the song in a few words"),
        ({"prompt": "x" * 4001}, "prompt: is too long; use at most 4000 characters"),
        ({"prompt": "a\0b"}, "prompt: contains control characters or broken text; type it again as plain words"),
        ({"prompt": "a\ud800"}, "prompt: contains control characters or broken text; type it again as plain words"),
        ({"prompt": ["a"]}, "prompt: must be text"),
        ({"duration": float("nan")}, "duration: must be a number from 1 to 600"),
        ({"duration": "30"}, "duration: must be a number from 1 to 600"),
        ({"duration": True}, "duration: must be a number from 1 to 600"),
        ({"bpm": float("inf")}, "bpm: must be a number from 30 to 300"),
        ({"bpm": [120]}, "bpm: must be a number from 30 to 300"),
        ({"seed": 10**30}, "seed: must be a whole number from 0 to 4294967295"),
        ({"seed": 1.5}, "seed: must be a whole number from 0 to 4294967295"),
        ({"variations": 9}, "variations: must be a whole number from 1 to 8"),
        ({"meter": "9/9"}, 'meter: must be one of "2/4", "3/4", "4/4", "5/4", "6/8" or "7/8"'),
        ({"style": "x" * 61}, "style: is too long; use at most 60 characters"),
    ],
)
def test_every_no_is_one_sentence_that_names_the_field(wrong, sentence):
    with pytest.raises(BadRequest) as refused:
        read({"prompt": "lofi"} | wrong)
    assert str(refused.value) == sentence
    assert refused.value.field == next(iter(wrong))


def test_an_unknown_setting_is_named_and_the_known_are_listed():
    with pytest.raises(BadRequest, match=r"colour: no such setting; known are prompt, style, duration"):
        read({"prompt": "lofi", "colour": "blue"})


def test_markup_and_emoji_are_only_words():
    assert read({"prompt": "<b>happy</b> house \U0001f389"}).prompt == "<b>happy</b> house \U0001f389"


def test_groups_hold_every_knob_once_in_order():
    names = [name for _, members in groups(Generate) for name in members]
    assert names == list(fields(Generate)) and len(names) == len(set(names))
    assert limits(fields(Generate)["duration"]) == (1, 600)


def test_lyrics_are_read_by_section_and_written_back():
    text = "[Verse 1]\nrain on the window\n\n[chorus]\nstay\nstay a while"
    lyrics = Lyrics.parse(text)
    assert lyrics.sections[0] == Section("verse 1", (Line("rain on the window"),))
    assert str(lyrics) == "[verse 1]\nrain on the window\n\n[chorus]\nstay\nstay a while"
    tagged = Lyrics.parse("Verse 2:\nrain\n[chorus\nNow listen:\nFinal Chorus:\n[oh\nstay")
    assert [(one.name, [line.text for line in one.lines]) for one in tagged.sections] == [
        ("verse 2", ["rain"]),
        ("chorus", ["Now listen:"]),
        ("final chorus", ["[oh", "stay"]),
    ]
    assert Lyrics.parse("no tag") == Lyrics((Section("", (Line("no tag"),)),))
