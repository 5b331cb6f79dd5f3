"""Words become the plan that they ask for: tempo, key, meter, length, instruments and refusals, as people type them."""

import itertools
import time
from typing import Any

import pytest

from composer.arrange import compose
from composer.plan import STYLES, Plan, plan
from song.errors import BadRequest
from song.key import Key
from song.request import Generate


def planned(prompt: str, seed: int = 3, **knobs: Any) -> Plan:
    return plan(Generate(prompt=prompt, seed=seed, **knobs))


# What a prompt must come to. has / lacks: parts of players' names; gone: roles; alone: exactly these roles' players.
PROMPTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "dusty lo-fi hip hop with rhodes and vinyl crackle, 82 bpm, D minor",
        {"style": "lofi", "bpm": 82, "key": "D minor", "has": ("rhodes", "vinyl")},
    ),
    ("solo piano, sad, slow", {"only": ("piano",), "minor": True}),
    ("techno at 130", {"style": "techno", "bpm": 130}),
    (
        "an epic orchestral trailer in C minor with choir and taiko, 2 minutes",
        {"style": "epic_trailer", "key": "C minor", "duration": 120, "has": ("choir", "taiko")},
    ),
    ("jazz waltz with sax lead, no drums", {"style": "jazz", "meter": (3, 4), "lead": "sax", "gone": ("drums",)}),
    ("lofi without drums and bass", {"style": "lofi", "gone": ("drums", "bass")}),
    ("psytrance 145bpm F# minor 3:00", {"style": "psytrance", "bpm": 145, "key": "F# minor", "duration": 180}),
    ("happy ukulele song, 30s", {"has": ("ukulele",), "duration": 30, "minor": False}),
    (
        "rock in 7/8, distorted guitars, drop the bass",
        {"style": "rock", "meter": (7, 8), "has": ("distorted guitars", "bass")},
    ),
    (
        "dark trap 140 bpm C#m with bells, no hi-hats",
        {"style": "trap", "bpm": 140, "key": "C# minor", "has": ("bells",), "mutes": "hat"},
    ),
    (
        "ambient piece in Eb major, 90 seconds, fade out",
        {"style": "ambient", "key": "Eb major", "duration": 90, "ending": "fade"},
    ),
    (
        "drumless jazz with piano and double bass",
        {"style": "jazz", "gone": ("drums",), "has": ("piano", "double bass")},
    ),
    ("just guitar and bass", {"only": ("guitar", "bass")}),
    ("a minor detail in a dark club, house music", {"style": "house", "free_key": True}),
    ("90s house in A minor", {"style": "house", "key": "A minor", "duration": 30}),
    ("house, in 5, 122 bpm", {"style": "house", "meter": (5, 4), "bpm": 122}),
    (
        "bossa nova with nylon guitar and flute, 1:30",
        {"style": "bossa_nova", "has": ("nylon guitar", "flute"), "duration": 90},
    ),
    ("drum and bass 174 bpm", {"style": "drum_and_bass", "bpm": 174, "quiet": "nearest"}),
    ("reggae with organ", {"style": "reggae", "has": ("organ",)}),
    ("a song about my cat", {"notice": "name no style"}),
    ("deep house, 124 BPM, Gm, ends suddenly", {"style": "deep_house", "bpm": 124, "key": "G minor", "ending": "stop"}),
    ("chill lofi beat in Bb, no vocals please", {"style": "lofi", "key": "Bb major", "quiet": "sings"}),
    ("metal song with vocals about dragons", {"style": "metal", "notice": "sings"}),
    ("violin lead over lofi beats", {"style": "lofi", "lead": "violin"}),
    ("a short loop of lofi", {"style": "lofi", "bars": 4}),
    ("8 bar trap loop at 140", {"style": "trap", "bpm": 140, "bars": 8}),
    (
        "slow jazz ballad with muted trumpet, E-flat major, brushes",
        {"style": "jazz", "key": "Eb major", "has": ("muted trumpet", "brush"), "bpm": (60, 95)},
    ),
    ("andante piano piece in 3/4, romantic", {"bpm": (84, 92), "meter": (3, 4), "has": ("piano",)}),
    ("uptempo rock", {"style": "rock", "bpm": (128, 162)}),
    ("waltz", {"meter": (3, 4)}),
    ("fast techno without kick", {"style": "techno", "bpm": (136, 160), "mutes": "kick"}),
    ("lofi, no drums, piano and strings", {"style": "lofi", "gone": ("drums",), "has": ("piano", "strings")}),
    ("music with no drums, bass or guitar, ambient", {"style": "ambient", "gone": ("drums", "bass")}),
    ("cinematic 6/8 ringing end", {"style": "cinematic", "meter": (6, 8), "ending": "ring"}),
    ("10 bpm drone", {"bpm": 30, "notice": "10 bpm"}),
    ("400 bpm speedcore", {"bpm": 300, "notice": "400 bpm"}),
    ("orchestral trap with 808s", {"style": "trap", "has": ("808",), "duration": 30}),
    ("jazzy lofi with upright bass", {"style": "lofi", "has": ("upright bass",)}),
    ("acoustic guitar, nothing else", {"only": ("acoustic guitar",)}),
    (
        "cello and piano duet, melancholic, F minor",
        {"only": ("cello", "piano"), "key": "F minor"},
    ),
    ("irish jig, dotted quarter = 116", {"style": "celtic", "bpm": 174, "meter": (6, 8)}),
    ("irish jig, quarter = 116", {"style": "celtic", "bpm": 116, "meter": (6, 8)}),
    ("celtic jig in 6/8, 110 bpm", {"bpm": 165, "meter": (6, 8), "notice": "110 bpm is counted in dotted quarters"}),
    ("celtic jig in 6/8, 170 bpm", {"bpm": 170, "meter": (6, 8)}),
    ("something for 12/8 blues in E", {"key": "E major", "meter": (6, 8), "notice": "12/8"}),
    ("45-second rock jingle", {"style": "rock", "duration": 45}),
    ("lofi for 2 and a half minutes", {"style": "lofi", "duration": 150}),
    ("Make a 15 sec intro, epic!", {"duration": 15, "style": "epic_trailer"}),
    ("ambient with rain and wind", {"style": "ambient", "has": ("rain", "wind")}),
    ("key of F lydian ambient", {"style": "ambient", "key": "F lydian"}),
    (
        "synthwave 100 bpm A minor with arpeggios",
        {"style": "synthwave", "bpm": 100, "key": "A minor", "has": ("arpeggio",)},
    ),
    ("string quartet in G major", {"key": "G major", "only": ("violin", "viola", "strings", "cello")}),
    ("jazz trio, 160 bpm", {"style": "jazz", "bpm": 160, "only": ("piano", "double bass", "brushed")}),
    ("rock with a guitar solo, no keyboards", {"style": "rock", "lead": "guitar", "lacks": ("organ", "piano")}),
    ("trap beat F# 140 bpm", {"style": "trap", "bpm": 140, "tonic": 6}),
    ("I Am the walrus rock", {"style": "rock", "duration": 30, "free_key": True}),
    ("lofi hip hop with no crackle", {"style": "lofi", "lacks": ("crackle",)}),
    ("in the key of a minor, rock", {"style": "rock", "key": "A minor"}),
    (
        "lofi in d minor, 3 minutes, rhodes only",
        {"style": "lofi", "key": "D minor", "duration": 180, "only": ("rhodes",)},
    ),
    ("piano solo, dreamy", {"only": ("piano",)}),
    (
        "a rock song that fades out, without a bass guitar",
        {"style": "rock", "ending": "fade", "gone": ("bass",)},
    ),
    ("tempo: 96, key: Dm, style: lofi", {"style": "lofi", "bpm": 96, "key": "D minor"}),
    ("upbeat pop song with synths and bells", {"style": "synth_pop", "has": ("synth", "bells")}),
    (
        "house with piano chords, sax melody and strings pad",
        {"style": "house", "has": ("piano", "sax", "strings"), "lead": "sax"},
    ),
    ("F# dorian house, 124.5 bpm", {"style": "house", "key": "F# dorian", "bpm": 124.5}),
    ("c# min trap", {"style": "trap", "key": "C# minor"}),
    ("rock in A, 2 min 15 sec", {"style": "rock", "key": "A major", "duration": 135}),
    ("ambient, 10 minutes, no bells", {"style": "ambient", "duration": 600, "lacks": ("bells",)}),
    ("half a minute of jazz in seven", {"style": "jazz", "duration": 30, "meter": (7, 8)}),
    ("an hour of ambient", {"style": "ambient", "duration": 600, "notice": "3600 seconds"}),
    ("2 seconds of house", {"style": "house", "duration": 5, "notice": "2 seconds"}),
    ("cinematic in a minor key, not too fast", {"style": "cinematic", "minor": True, "free_key": True}),
    ("house but no piano and no pads", {"style": "house", "lacks": ("piano", "pad")}),
    ("trap without 808", {"style": "trap", "lacks": ("808",)}),
    ("lofi 70-80 bpm", {"style": "lofi", "bpm": 75}),
    ("lofi, 82 bpm, then 90 bpm", {"bpm": 82, "notice": "more than one tempo"}),
    ("techno with drums, no drums", {"style": "techno", "gone": ("drums",), "notice": "refuse"}),
    ("jazz with vibes, trumpet lead and walking bass", {"has": ("vib", "trumpet", "bass"), "lead": "trumpet"}),
    ("march in 2/4 with brass", {"meter": (2, 4), "has": ("brass",)}),
    ("make me something nice", {"duration": 30}),
)


def _names(song: Plan) -> str:
    return ", ".join(part.name.lower() for part in song.band.values())


def test_where_nobody_sings_no_choir_does_unless_it_was_named() -> None:
    for seed in range(8):
        for asked in (planned("epic trailer, no vocals", seed), planned("epic trailer", seed, instrumental=True)):
            assert not {part.patch for part in asked.band.values()} & {"choir", "choir_ooh"}, seed
    assert "choir" in _names(planned("epic trailer with choir, no vocals"))


@pytest.mark.parametrize(("prompt", "wanted"), PROMPTS, ids=[prompt[:40] for prompt, _ in PROMPTS])
@pytest.mark.parametrize("seed", [3, 11])
def test_the_plan_is_what_the_words_say(prompt: str, wanted: dict[str, Any], seed: int) -> None:
    song = planned(prompt, seed)
    if "style" in wanted:
        assert song.style == wanted["style"]
    if "bpm" in wanted:
        low, high = wanted["bpm"] if isinstance(wanted["bpm"], tuple) else (wanted["bpm"], wanted["bpm"])
        assert low <= song.bpm <= high
    if "key" in wanted:
        assert song.key == Key.parse(wanted["key"])
    for attribute in ("meter", "duration", "ending", "bars"):
        if attribute in wanted:
            assert getattr(song, attribute) == wanted[attribute]
    if "minor" in wanted:
        assert song.key.minorish == wanted["minor"]
    if "tonic" in wanted:
        assert song.key.tonic == wanted["tonic"]
    _check_band(song, wanted)
    _check_notices(song, wanted)


def _check_band(song: Plan, wanted: dict[str, Any]) -> None:
    names = _names(song)
    assert all(name in names for name in wanted.get("has", ())), names
    assert not any(name in names for name in wanted.get("lacks", ())), names
    assert not set(wanted.get("gone", ())) & set(song.band), names
    if "lead" in wanted:
        assert wanted["lead"] in song.band["lead"].name.lower()
    if "only" in wanted:
        assert all(any(name in part.name.lower() for name in wanted["only"]) for part in song.band.values()), names
        assert all(name in names for name in wanted["only"]), names
    if "mutes" in wanted:
        assert wanted["mutes"] in song.mutes


def _check_notices(song: Plan, wanted: dict[str, Any]) -> None:
    said = " ".join(song.notices)
    assert wanted.get("notice", "") in said
    assert "quiet" not in wanted or wanted["quiet"] not in said


@pytest.mark.parametrize("prompt", [prompt for prompt, wanted in PROMPTS if wanted.get("free_key")])
def test_words_that_only_look_like_a_key_leave_the_tonic_to_chance(prompt: str) -> None:
    assert len({planned(prompt, seed).key.tonic for seed in range(12)}) > 3


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_known_by_id_name_and_alias(style: str) -> None:
    for name in (style, STYLES[style].name, STYLES[style].name.upper(), *STYLES[style].aliases):
        assert planned("music", style=name).style == style, name


def test_an_unknown_style_is_refused_with_the_list() -> None:
    with pytest.raises(BadRequest, match=r"(?s)lofi.*jazz") as error:
        planned("music", style="polka metal")
    assert error.value.field == "style"


def test_no_alias_names_two_styles() -> None:
    aliases = [alias for style in STYLES.values() for alias in {style.name.lower(), *style.aliases}]
    assert len(aliases) == len(set(aliases))


def test_knobs_win_over_words_and_say_so() -> None:
    song = planned(
        "lofi, 82 bpm, D minor, 3/4, 2 minutes, fade out",
        bpm=100,
        key="E major",
        meter="4/4",
        duration=40,
        ending="stop",
    )
    assert (song.bpm, str(song.key), song.meter, song.duration, song.ending) == (100, "E major", (4, 4), 40, "stop")
    assert sum("wins over" in notice for notice in song.notices) == 4


def test_the_plan_in_words_and_values() -> None:
    song = planned("dusty lo-fi hip hop with rhodes and vinyl crackle, 82 bpm, D minor, 70 seconds")
    assert song.words().startswith("Lo-fi hip hop, 82 bpm, D minor, 4/4: ")
    assert "rhodes" in song.words()
    assert "vinyl crackle" in song.words()
    values = song.as_json()
    assert values["style"] == "lofi"
    assert values["style_name"] == "Lo-fi hip hop"
    assert values["key"] == "D minor"
    assert values["meter"] == "4/4"
    assert values["band"]["texture"] == "Vinyl crackle"
    assert sum(section["bars"] for section in values["sections"]) == song.bars
    assert set(values["sections"][0]) == {"name", "start_bar", "bars", "seconds", "energy"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("duration", [5, 7.3, 30, 95, 600])
def test_bars_fill_the_length(style: str, duration: float) -> None:
    for seed in range(4):
        song = planned("music", seed, style=style, duration=duration)
        ring = song.duration - song.bars * song.bar_seconds
        assert song.duration == duration
        assert 0 <= ring <= max(song.bar_seconds + 1.5, STYLES[style].ring + 1.5)
        low, high = STYLES[style].tempos.get(f"{song.meter[0]}/{song.meter[1]}", STYLES[style].bpm)
        assert low - 1 <= song.bpm <= high + 1


@pytest.mark.parametrize("duration", [5, 12, 30, 95, 240, 600])
def test_sections_follow_one_another_and_none_is_endless(duration: float) -> None:
    for style in STYLES:
        song = planned("music", 5, style=style, duration=duration)
        places = [(section.start, section.start + section.bars) for section in song.sections]
        assert places[0][0] == 0
        assert all(end == start for (_, end), (start, _) in itertools.pairwise(places))
        assert all(section.bars >= 1 for section in song.sections)
        assert max(section.bars for section in song.sections) <= max(24, STYLES[style].longest * 1.25)
        assert len({section.id for section in song.sections}) == len(song.sections)


def test_longer_songs_have_an_energy_curve() -> None:
    for style in STYLES:
        energies = [section.energy for section in planned("music", 2, style=style, duration=150).sections]
        assert max(energies) - min(energies) > 0.25
        assert energies[0] < max(energies)


def test_moods_shift_mode_tempo_and_energy() -> None:
    def mean(prompt: str, of: Any) -> float:
        return sum(of(planned(prompt, seed)) for seed in range(16)) / 16

    assert (
        mean("happy lofi", lambda song: song.key.minorish)
        < 0.2
        < 0.8
        < mean("sad lofi", lambda song: song.key.minorish)
    )
    assert mean("calm house", lambda song: song.bpm) < mean("energetic house", lambda song: song.bpm)
    assert planned("not happy, dark lofi").moods == ("dark",)


def test_a_kindred_style_brings_the_band_and_tempo_that_its_name_means() -> None:
    for prompt in ("a cappella choir", "gregorian chant", "choral music"):
        for seed in range(5):
            assert all("choir" in part.name.lower() for part in planned(prompt, seed).band.values()), prompt
    march = planned("marching band")
    assert march.meter == (2, 4) and {"drums", "bass"} <= set(march.band)
    assert {"Trumpet", "Brass", "Tuba"} <= {part.name for part in march.band.values()}
    ska = planned("ska")
    assert ska.style == "reggae" and 145 <= ska.bpm <= 159 and "Brass" in [part.name for part in ska.band.values()]
    assert planned("slow ska").bpm < 90 and planned("ska 120 bpm").bpm == 120
    assert not any("refuse" in notice for notice in planned("ska without horns").notices)


def test_who_says_nothing_about_it_gets_four_beats_a_bar() -> None:
    for prompt in ("pop rock song", "lo-fi hip hop"):
        odd = sum(planned(prompt, seed).meter != (4, 4) for seed in range(120))
        assert 0 < odd <= 7, prompt
    assert planned("rock in 6/8").meter == (6, 8) and planned("lofi waltz").meter == (3, 4)


def test_chance_decides_what_the_words_leave_open() -> None:
    plans = [planned("lofi", seed) for seed in range(20)]
    assert len({song.key for song in plans}) > 6
    assert len({song.bpm for song in plans}) > 5
    assert len({_names(song) for song in plans}) > 6
    assert planned("lofi", 7) == planned("lofi", 7)


def test_somebody_holds_the_ground_unless_it_is_refused() -> None:
    seeds = (16, 49, 86, 92)  # in which chance invites neither bass nor drums to one of these styles
    bands = [planned(style, seed).band for style in ("folk", "celtic") for seed in seeds]
    assert all({"bass", "drums"} & band.keys() for band in bands)
    assert not {"bass", "drums"} & planned("celtic without drums and bass", 49).band.keys()


def test_nobody_is_sent_away_for_asking_for_too_much() -> None:
    song = planned("piano, violin, cello, flute, harp, choir, trumpet, oboe, marimba, accordion, banjo and drums")
    assert len(song.band) >= 8
    nothing = planned("no drums, no bass, no piano, no guitar, no strings, no pads, no vibes, only vinyl crackle")
    assert nothing.band


@pytest.mark.parametrize(
    "text",
    [
        "no drums, bass, ",
        "a ",
        "no drums, x, ",
        "only solo ",
        "in A minor ",
        "fade out ",
        "8 bar ",
        "verse ",
        "| C ",
        "one ",
    ],
)
def test_long_prompts_are_read_quickly(text: str) -> None:
    """A stranger's text must not keep a worker busy."""
    begin = time.process_time()
    planned((text * 4000)[:4000])
    assert time.process_time() - begin < 1.0


def test_many_unknown_words_are_read_quickly() -> None:
    words = [
        "".join(letters) for letters in itertools.islice(itertools.product("cdprst", repeat=6), 7, 7 + 570 * 29, 29)
    ]
    begin = time.process_time()
    planned(" ".join(words)[:4000])
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(
    "text", ["0 bpm", "0/4", "H minor, 1:75", "12/0 0 seconds 0 bars", "日本語の歌", "♩=120 (lofi)", "500 bars of jazz"]
)
def test_odd_words_still_make_a_song(text: str) -> None:
    song = planned(text)
    assert 5 <= song.duration <= 600
    assert 30 <= song.bpm <= 300
    assert song.bars >= 1


@pytest.mark.parametrize(
    ("words", "pitches"),
    [
        ("rock with cowbell and tambourine", {56, 54}),
        ("jazz with bongos", {60, 61}),
        ("house with congas, 3/4", {62, 63, 64}),
        ("ambient with a shaker", {70}),
        ("cinematic with claves, 7/8", {75}),
    ],
)
def test_hand_percussion_that_is_named_is_shown_and_heard(words: str, pitches: set[int]) -> None:
    made = plan(Generate(prompt=words, duration=30, seed=3))
    drums = next(track for track in compose(made).tracks if track.drums)
    assert pitches <= {note.pitch for note in drums.notes}
    assert made.percussion and all(word in made.words() for word in made.percussion)
    assert not made.notices


def test_hand_percussion_that_is_refused_leaves_the_drums() -> None:
    made = plan(Generate(prompt="house with congas, no tambourine, no shaker", duration=30, seed=2))
    pitches = {note.pitch for track in compose(made).tracks if track.drums for note in track.notes}
    assert {36, 63} <= pitches and not pitches & {54, 70}


def test_a_tempo_is_shown_rounded_and_kept_exactly() -> None:
    made = planned("rock", bpm=124.026)
    assert made.bpm == 124.026
    assert "124.03 bpm" in made.words()


def test_where_no_style_is_named_the_notice_names_the_one_that_was_taken() -> None:
    made = planned("ffff")
    said = next(notice for notice in made.notices if "name no style" in notice)
    assert STYLES[made.style].name in said and "under Style" in said


def test_a_short_song_has_room_for_a_bar_of_every_stanza() -> None:
    words = "[verse]\nWalking down the river in the morning light\nNothing makes it right\n[chorus]\nOh hold on\n" * 3
    song = planned("song", seed=0, lyrics=words, duration=20.0)
    assert song.duration == 20.0 and all(section.bars >= 1 for section in song.sections)


def test_a_tag_that_never_closes_is_a_tag_and_said():
    song = planned("pop", lyrics="[verse\nI walk along the river\n[chorus]\nHold me tonight")
    assert song.lyrics and [one.name for one in song.lyrics.sections] == ["verse", "chorus"]
    assert any('taken for [verse]: "[verse"' in notice for notice in song.notices)
