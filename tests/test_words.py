"""The table of prompts as people write them (prompts.txt), and what the plan must make of each."""

# ruff: noqa: E501 - rows of data read better whole

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composer.genre import spelled
from composer.instruments import ANY_BASS, ANY_DRUMS, BY_WORD, FAMILIES, INSTRUMENTS, title
from composer.plan import STYLES, Plan, plan
from composer.reading import Reading, phrase
from composer.synth.drums import KITS
from composer.synth.patches import PATCHES
from composer.vocabulary import ENDINGS, KIN, LANES, METERS, PERCUSSION
from composer.words import read
from song.key import MODES, Key
from song.request import METERS as KNOWN_METERS
from song.request import Generate

SEEDS = (3, 11)


def planned(prompt: str, seed: int = 3, **knobs: Any) -> Plan:
    return plan(Generate(prompt=prompt, seed=seed, **knobs))


def _table() -> Iterator[tuple[str, dict[str, str]]]:
    for line in Path(__file__).with_name("prompts.txt").read_text(encoding="utf-8").splitlines():
        prompt, arrow, wanted = line.partition(" => ")
        if arrow and not line.startswith("#"):
            pairs = (item.strip().partition(" ") for item in wanted.split(";"))
            yield prompt, {name: value.strip() for name, _, value in pairs}


TABLE = tuple(_table())
AMOUNTS = {"low": (0.0, 0.45), "high": (0.55, 1.0)}


def test_the_table_is_long_enough() -> None:
    assert len({prompt for prompt, _ in TABLE}) == len(TABLE) >= 200
    assert {style for _, wanted in TABLE for style in wanted.get("style", "").split("|")} >= set(STYLES) - {"waltz"}


@pytest.mark.parametrize(("prompt", "wanted"), TABLE, ids=[prompt[:50] for prompt, _ in TABLE])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_plan_is_what_the_words_ask_for(prompt: str, wanted: dict[str, str], seed: int) -> None:
    song = planned(prompt, seed)
    for name, value in wanted.items():
        CHECKS[name](song, value)


def _style(song: Plan, value: str) -> None:
    assert song.style in value.split("|")


def _bpm(song: Plan, value: str) -> None:
    low, _, high = value.partition("-")
    assert float(low) <= song.bpm <= float(high or low)


def _key(song: Plan, value: str) -> None:
    assert song.key == Key.parse(value)
    assert str(song.key) == value


def _meter(song: Plan, value: str) -> None:
    assert song.meter == tuple(map(int, value.split("/")))


def _length(song: Plan, value: str) -> None:
    assert song.duration == float(value)


def _bars(song: Plan, value: str) -> None:
    assert song.bars == int(value)


def _names(song: Plan) -> str:
    return ", ".join([*(part.name.lower() for part in song.band.values()), *song.percussion])


def _has(song: Plan, value: str) -> None:
    for name in value.split(", "):
        assert name in _names(song) or (name in ("drums", "bass") and name in song.band), f"{name}: {_names(song)}"


def _no(song: Plan, value: str) -> None:
    patches = {part.patch for part in song.band.values()}
    for name in value.split(", "):
        assert name not in song.band
        assert name not in _names(song).replace("bass guitar", "")
        assert not set(LANES.get(name, ())) - set(song.mutes)
        assert not patches & set(FAMILIES.get(name, ()))


def _only(song: Plan, value: str) -> None:
    wanted = value.split(", ")
    players = [f"{role} {part.name.lower()}" for role, part in song.band.items() if role in ("drums", "bass")]
    players += [part.name.lower() for role, part in song.band.items() if role not in ("drums", "bass")]
    assert all(any(name in player for name in wanted) for player in players), players
    assert all(any(name in player for player in players) for name in wanted), players


def _lead(song: Plan, value: str) -> None:
    assert value in song.band["lead"].name.lower()


def _form(song: Plan, value: str) -> None:
    assert [section.name for section in song.sections] == value.split()


def _chords(song: Plan, value: str) -> None:
    endless = " ".join([value] * 100)
    for section in song.sections:
        assert " ".join(one.symbol for one in song.grid[section.id]) in endless


def _energy(song: Plan, value: str) -> None:
    usual = planned("music", song.seed, style=song.style, duration=120).sections
    mean = sum(section.energy for section in song.sections) / len(song.sections)
    middle = sum(section.energy for section in usual) / len(usual)
    assert mean < middle - 0.1 if value == "low" else mean > middle


def _ending(song: Plan, value: str) -> None:
    assert song.ending == value


def _sings(song: Plan, value: str) -> None:
    assert (song.lyrics is not None) == (value == "yes")
    assert "sings" not in " ".join(song.notices)


def _says(song: Plan, value: str) -> None:
    assert value in " ".join(song.notices)


def _silent(song: Plan, value: str) -> None:
    assert not song.notices


def _swing(song: Plan, value: str) -> None:
    assert song.swing == pytest.approx(float(value))


def _density(song: Plan, value: str) -> None:
    low, high = AMOUNTS[value]
    assert low <= song.density <= high


def _complexity(song: Plan, value: str) -> None:
    low, high = AMOUNTS[value]
    assert low <= song.complexity <= high


CHECKS: dict[str, Any] = {
    "style": _style, "bpm": _bpm, "key": _key, "meter": _meter, "length": _length, "bars": _bars, "has": _has,
    "no": _no, "only": _only, "lead": _lead, "form": _form, "chords": _chords, "energy": _energy, "ending": _ending,
    "sings": _sings, "says": _says, "silent": _silent, "swing": _swing, "density": _density, "complexity": _complexity,
}  # fmt: skip


def test_vocabularies_do_not_contradict_each_other() -> None:
    styles = {alias for style in STYLES.values() for alias in (*style.aliases, style.name.lower())}
    assert not styles & set(KIN), "a kindred genre is no alias of a style"
    assert set(KIN.values()) | set(ENDINGS.values()) <= set(STYLES)
    named = [word for words, _, _ in INSTRUMENTS for word in words]
    assert len(named) == len(set(named)), "two players of one name"
    assert set(FAMILIES) <= set(BY_WORD)
    assert set(PERCUSSION) <= set(LANES)
    assert all(f"{above}/{below}" in KNOWN_METERS for above, below in METERS.values())


def test_every_instrument_has_a_sound() -> None:
    patches = {part.patch for _, roles, part in INSTRUMENTS if roles[0] != "drums"}
    kits = {part.patch for _, roles, part in INSTRUMENTS if roles[0] == "drums"} - {""}
    assert patches <= set(PATCHES)
    assert kits <= set(KITS)
    assert {patch for family in FAMILIES.values() for patch in family} <= set(PATCHES)


def _named(word: str) -> set[str]:
    """What a player who was asked for by this word may be called."""
    own = title(word)
    return {word, word.removesuffix("s"), own[0].lower() if own else BY_WORD[word][1].name.lower()}


@pytest.mark.parametrize("place", range(5))
def test_every_instrument_can_be_asked_for_and_refused_in_any_style(place: int) -> None:
    for number, (words, roles, part) in enumerate(INSTRUMENTS[place::5]):
        word = words[number % len(words)]
        style = list(STYLES)[(number * 7 + place) % len(STYLES)]
        asked = planned(f"music with {word}", number, style=style)
        whole = word in (*ANY_DRUMS, *ANY_BASS) and roles[0] in asked.band
        assert whole or any(name in _names(asked) for name in _named(word)), (word, _names(asked))
        sent = planned(f"music with no {word}", number, style=style)
        patches = FAMILIES.get(word, (part.patch,))
        assert word in PERCUSSION or not [one.name for one in sent.band.values() if one.patch in patches], (word, style)


@pytest.mark.parametrize("tonic", ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"])
@pytest.mark.parametrize("mode", MODES)
def test_every_key_can_be_said_and_set(tonic: str, mode: str) -> None:
    key = Key.parse(f"{tonic} {mode}")
    assert planned(f"lofi in {tonic} {mode}").key == key
    assert planned(f"{tonic} {mode}, jazz, 90 bpm").key == key
    assert planned("music", key=f"{tonic} {mode}", style="house").key == key


@pytest.mark.parametrize("meter", KNOWN_METERS)
def test_every_meter_can_be_said_and_set_in_every_style(meter: str) -> None:
    said = tuple(map(int, meter.split("/")))
    for style in STYLES:
        assert planned(f"{STYLES[style].name} in {meter}", style=style).meter == said
        assert planned("music", style=style, meter=meter).meter == said


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_found_by_its_name_in_a_sentence(style: str) -> None:
    for name in {style.replace("_", " "), STYLES[style].name}:
        song = planned(f"I need some {name} at 100 bpm, please")
        assert (song.style, song.bpm) == (style, 100)
        assert not any("nearest" in notice for notice in song.notices)


@pytest.mark.parametrize("style", STYLES)
def test_the_tempos_of_a_style_fill_its_range(style: str) -> None:
    meter = max(STYLES[style].meters, key=lambda name: STYLES[style].meters[name])
    low, high = STYLES[style].tempos.get(meter, STYLES[style].bpm)
    tempos = sorted(planned("music", seed, style=style, meter=meter, duration=60).bpm for seed in range(40))
    assert tempos[0] >= round(low)
    assert tempos[-1] <= round(high)
    assert tempos[-1] - tempos[0] > 0.6 * (high - low)


# -- near spellings


@pytest.mark.parametrize(
    ("typed", "style"),
    [("raggae", "reggae"), ("synth wave", "synthwave"), ("jaz", "jazz"), ("bluess", "blues"), ("drumnbass", "drum_and_bass"),
     ("ambeint", "ambient"), ("chiptunez", "chiptune"), ("tecnho", "techno"), ("celctic", "celtic")],
)  # fmt: skip
def test_a_slip_of_the_finger_finds_the_style_and_says_so(typed: str, style: str) -> None:
    song = planned(f"{typed} with drums")
    assert song.style == style


@pytest.mark.parametrize(
    "prompt", ["a song for my horses", "driving for hours", "the medal ceremony", "a mental image", "my mouse", "footsteps",
               "a heartbeat", "walks at night", "a chance to dance", "in the wings", "soup for the king",
               "a jingle", "real drums", "hairstyle", "phone calls", "storing numbers", "american story"],
)  # fmt: skip
def test_everyday_words_are_no_genres(prompt: str) -> None:
    aliases = {alias: style for style in STYLES for alias in (style, *STYLES[style].aliases)}
    assert spelled(Reading(prompt), aliases) is None


def test_signs_alone_are_no_style():
    assert phrase(()).search("( <img src=x> ;)") is None
    assert not read("<img src=x onerror=alert(1)>", {}).styles
