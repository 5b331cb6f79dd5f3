"""Form, chords, band, energy, lyrics and their like: what is set is what the plan says, or the plan says why not."""

# ruff: noqa: E501 - rows of data read better whole

import itertools
import random
from typing import Any

import pytest

from composer.plan import STYLES, Plan, plan
from song.errors import BadRequest
from song.request import METERS as KNOWN_METERS
from song.request import Generate


def planned(prompt: str, seed: int = 3, **knobs: Any) -> Plan:
    return plan(Generate(prompt=prompt, seed=seed, **knobs))


def test_the_form_knob_is_kept() -> None:
    song = planned("rock", form="intro 4, verse 8, pre-chorus 4, chorus 8, verse, chorus, bridge, outro @0.2")
    shape = [(section.name, section.bars) for section in song.sections]
    assert shape == [
        ("intro", 4), ("verse", 8), ("prechorus", 4), ("chorus", 8), ("verse", 8), ("chorus", 8), ("bridge", 8), ("outro", 4)
    ]  # fmt: skip
    assert song.sections[-1].energy == 0.2
    assert not any("add up" in notice for notice in song.notices)


def test_a_form_that_does_not_fit_the_length_is_stretched_and_says_so() -> None:
    song = planned("house", form="intro 4, verse 8, chorus 8", duration=120, bpm=120)
    assert song.duration == 120
    assert [section.name for section in song.sections] == ["intro", "verse", "chorus"]
    assert any("add up to 20 bars" in notice for notice in song.notices)
    short = planned("house", form="intro 4, verse 8, chorus 8, outro 4", duration=6, bpm=60)
    assert len(short.sections) == short.bars == 1
    assert any("fewer than the 4 sections" in notice for notice in short.notices)


def test_a_free_tempo_makes_the_form_fit_the_length() -> None:
    song = planned("rock", form="verse 8, chorus 8", duration=30)
    assert [section.bars for section in song.sections] == [8, 8]
    assert not song.notices


def test_an_untagged_chart_is_kept_exactly_in_every_section() -> None:
    song = planned("jazz", chords="| Dm7 | G7/B Cmaj7 | % | A7alt |", meter="3/4")
    assert song.meter == (3, 4)
    assert str(song.key) == "C major"
    for section in song.sections:
        chords = song.grid[section.id]
        start = section.start * 3.0
        assert chords[0].start == start
        assert sum(chord.beats for chord in chords) == section.bars * 3.0
        assert all(one.start + one.beats == pytest.approx(other.start) for one, other in itertools.pairwise(chords))
    first = song.grid[song.sections[0].id]
    assert [(chord.symbol, chord.beats) for chord in first[:3]] == [("Dm7", 3.0), ("G7/B", 2.0), ("Cmaj7", 1.0)]
    assert (first[1].root, first[1].bass) == (7, 11)


def test_tagged_passages_go_to_the_sections_of_their_name() -> None:
    song = planned("rock", chords="[Verse 1] | Am | F |\n[Chorus] | C | G |", form="intro, verse 4, chorus 4, bridge 4")
    symbols = {section.name: [one.symbol for one in song.grid[section.id]] for section in song.sections}
    assert symbols["verse"] == ["Am", "F"] * 2
    assert symbols["chorus"] == ["C", "G"] * 2
    assert symbols["intro"] == ["Am", "F"] * 2
    assert any("no chords for bridge" in notice for notice in song.notices)


def test_a_tagged_chart_is_a_form() -> None:
    song = planned("folk", chords="[intro] | C | G | x2 [verse] | Am | F | C | G | [chorus] | F | G | C | C |")
    assert [section.name for section in song.sections] == ["intro", "verse", "chorus"]
    long = planned(
        "folk", chords="[intro] | C | G | x2 [verse] | Am | F | C | G | [chorus] | F | G | C | C |", duration=180
    )
    names = [section.name for section in long.sections]
    assert names[0] == "intro"
    assert names.count("chorus") > 1
    assert names.count("intro") == 1


def test_a_long_chart_is_played_to_its_end() -> None:
    chart = " | ".join(f"{root}maj7" for root in "CDEFGAB" * 4)
    song = planned("jazz", chords=chart)
    assert song.bars == 28
    assert " | ".join(one.symbol for section in song.sections for one in song.grid[section.id]) == chart


def test_no_chord_is_held_and_said() -> None:
    song = planned("techno", chords="| N.C. | Am | N.C. | F |", form="verse 4")
    first = song.grid[song.sections[0].id]
    assert [one.symbol for one in first[:2]] == ["Am", "F"]
    assert first[0].start == 0
    assert any("N.C." in notice for notice in song.notices)
    assert not planned("techno", chords="| N.C. |").grid


@pytest.mark.parametrize(
    ("chart", "key"),
    [
        ("C G Am F", "C major"), ("Am F C G", "A minor"), ("Dm7 G7 Cmaj7", "C major"), ("Cm Fm G7 Cm", "C minor"),
        ("G F C G", "G mixolydian"), ("Em C G D", "E minor"), ("Bb Gm Eb F", "Bb major"), ("Bm7b5 E7 Am", "A minor"),
        ("F#m D A E", "F# minor"), ("Dm7 Em7", "D dorian"), ("D A Bm G", "D major"),
    ],
)  # fmt: skip
def test_chords_name_their_key(chart: str, key: str) -> None:
    assert str(planned("rock", chords=chart).key) == key
    assert str(planned("rock in E minor", chords=chart).key) == "E minor"


BANDS = {
    "piano, upright bass, brushes": {"piano", "upright bass", "brush"},
    "string quartet": {"violin", "viola", "strings", "cello"},
    "2 electric guitars, bass and drums": {"guitar", "bass", "drums"},
    "Accordion; fiddle + banjo": {"accordion", "fiddle", "banjo"},
    "flute lead, harp": {"flute", "harp"},
}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("style", ["rock", "techno", "chamber"])
def test_the_band_knob_is_the_band(band: str, style: str) -> None:
    song = planned("music with a choir and trumpets", style=style, band=band)
    players = [f"{role} {part.name.lower()}" for role, part in song.band.items()]
    assert all(any(name in player for name in BANDS[band]) for player in players), players
    assert all(any(name in player for player in players) for name in BANDS[band]), players
    assert any("band setting wins" in notice for notice in song.notices)


@pytest.mark.parametrize("band", ["kazooo", "piano, flooglehorn", "drums; 17"])
def test_a_player_whom_nobody_knows_is_refused(band: str) -> None:
    with pytest.raises(BadRequest, match="is not an instrument here") as error:
        planned("rock", band=band)
    assert error.value.field == "band"


def test_words_of_the_band_that_nobody_knows_are_named() -> None:
    song = planned("rock", band="theremin choir of cats, two warm guitars, string quartet")
    assert 'Nobody here is called "cats"; the band plays without.' in song.notices
    assert sum("is called" in notice for notice in song.notices) == 1


def test_energy_moves_the_sections() -> None:
    def energies(**knobs: Any) -> list[float]:
        return [section.energy for section in planned("rock", duration=120, **knobs).sections]

    low, usual, high = energies(energy=0.0), energies(), energies(energy=1.0)
    assert len(low) == len(usual) == len(high)
    assert max(low) < min(0.5, max(usual))
    assert min(high) > max(0.5, min(usual))
    assert energies(energy=0.5) == usual


def test_amounts_reach_the_plan() -> None:
    song = planned("sparse lofi", density=0.9, complexity=0.1, swing=0.7)
    assert (song.density, song.complexity, song.swing) == (0.9, 0.1, 0.7)
    assert any("density setting" in notice for notice in song.notices)
    assert (planned("lofi").density, planned("lofi").complexity, planned("lofi").swing) == (0.5, 0.5, None)


VERSES = (
    "[verse]\nWalking down the river in the morning light\nNothing in the world can make it right\n[chorus]\nOh hold on"
)


def test_lyrics_bring_a_singer() -> None:
    song = planned("folk", lyrics=VERSES)
    assert song.lyrics is not None
    assert next(iter(song.band)) == "vocals"
    assert song.band["vocals"].patch.startswith("voice")
    assert not any("sings" in notice for notice in song.notices)
    low, high = (planned("folk", lyrics=VERSES, singer=who).band["vocals"] for who in ("low", "high"))
    assert low.high < high.high
    assert planned("folk with female vocals", lyrics=VERSES).band["vocals"] == high


def test_lyrics_decide_the_sections_of_a_tagged_chart() -> None:
    song = planned("folk", lyrics=VERSES, chords="[chorus] | F | G | [verse] | Am | F | C | G |")
    names = [section.name for section in song.sections]
    assert names.index("verse") < names.index("chorus")
    assert song.grid[next(section.id for section in song.sections if section.name == "verse")][0].symbol == "Am"


def test_an_instrumental_has_no_singer() -> None:
    for song in (planned("folk", lyrics=VERSES, instrumental=True), planned("folk"), planned("folk", lyrics="[verse]")):
        assert song.lyrics is None
        assert "vocals" not in song.band
        assert not any("sings" in notice for notice in song.notices)


def test_somebody_who_is_asked_to_sing_needs_words() -> None:
    assert any("write lyrics" in notice for notice in planned("soul with female vocals").notices)


@pytest.mark.parametrize(
    ("lyrics", "language"),
    [
        ("Ich liebe dich und du bist nicht bei mir", "German"), ("Te quiero como el sol y la luna de mi amor", "Spanish"),
        ("je ne veux pas dormir dans la nuit avec toi", "French"), ("\u541b\u304c\u597d\u304d\u3060\u3068\u53eb\u3073\u305f\u3044", "Japanese"),
        ("\u042f \u043b\u044e\u0431\u043b\u044e \u0442\u0435\u0431\u044f", "Cyrillic"), ("\uc0ac\ub791\ud574\uc694", "Korean"),
    ],
)  # fmt: skip
def test_other_languages_are_left_to_engines_that_have_them(lyrics: str, language: str) -> None:
    song = planned("pop", lyrics=lyrics)
    assert song.lyrics is None
    assert any(language in notice and "engine with weights" in notice for notice in song.notices)


@pytest.mark.parametrize(
    "lyrics",
    ["La la la, oh oh oh", "No no no baby", "Hallelujah", VERSES, "C'est la vie, my love, that is what you said to me"],
)
def test_english_is_not_taken_for_another_language(lyrics: str) -> None:
    assert planned("pop", lyrics=lyrics).lyrics is not None


# -- anything goes


_SCRAPS = (
    *list(STYLES)[::3], "no drums", "without bass", "only piano", "120 bpm", "slow", "F# minor", "in A", "7/8", "waltz", "90s", "2 minutes",
    "16 bars", "| Am | F |", "intro, verse, chorus, outro", "swung", "sparse", "male vocals", "solo", "!!", "808", "about the sea",
    "\u65e5\u672c", "no", "and", ",", "a", "with", "key of", "[chorus]", "x2", "1:30", "@", "%", "don't", "chords C G", "fade out", "::",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_any_words_and_knobs_make_a_plan_of_exact_length(seed: int) -> None:
    dice = random.Random(seed)
    prompt = " ".join(dice.choices(_SCRAPS, k=dice.randint(1, 12))) + " song"
    knobs: dict[str, Any] = {"duration": round(dice.uniform(5, 600), 2)} if dice.random() < 0.7 else {}
    for name, values in {
        "bpm": (30.0, 97.3, 300.0), "key": ("Eb locrian", "B"), "meter": KNOWN_METERS, "style": tuple(STYLES),
        "form": ("AABA", "intro 4, verse, 3x chorus @0.9", "drop 64"), "band": ("piano", "drums", "choir, tuba"),
        "chords": ("| Am7b5/C | % | N.C. | G13 |", "[verse] C [bridge] F#m", "A B C D E F G"), "energy": (0.0, 1.0),
        "density": (0.0, 1.0), "complexity": (0.0, 1.0), "swing": (0.0, 1.0), "ending": ("ring", "stop", "fade"),
        "lyrics": (VERSES, "la", "[outro]"), "instrumental": (True,), "humanize": (0.0, 1.0),
    }.items():  # fmt: skip
        if dice.random() < 0.3:
            knobs[name] = dice.choice(values)
    song = planned(prompt, seed, **knobs)
    assert song == planned(prompt, seed, **knobs)
    assert song.duration == knobs.get("duration", song.duration)
    assert 5 <= song.duration <= 600
    assert 30 <= song.bpm <= 300
    assert song.bars >= 1
    assert song.bars * song.bar_seconds <= song.duration + 1e-6 or song.bars == 1
    assert song.last_beat <= song.beats
    assert song.band
    assert [section.start for section in song.sections] == [
        sum(one.bars for one in song.sections[:place]) for place in range(len(song.sections))
    ]
    assert all(0 <= section.energy <= 1 and section.bars >= 1 for section in song.sections)
    assert not song.grid or set(song.grid) == {section.id for section in song.sections}
    assert all(notice[0].isupper() or not notice[0].isalpha() for notice in song.notices)


def test_a_request_of_another_mode_has_fewer_knobs() -> None:
    class Bare:
        prompt = "lofi at 80 bpm"
        seed = 5

    song = plan(Bare())
    assert (song.style, song.bpm, song.duration) == ("lofi", 80, 30)
