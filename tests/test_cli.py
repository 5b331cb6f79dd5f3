"""The command line: what it makes, what it says, on which stream, and how it ends."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

import cli
import compare
import settings
import tags
from song.request import Cover, Edit, Extend, Generate, fields

WORDS = "dusty lo-fi hip hop, 82 bpm, D minor"


class Answer(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on stdout, and nothing else there."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        return json.loads(lines[0])


Studio = Callable[..., Answer]


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Studio:
    """`studio("generate", "words")` in a home of its own."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest keeps its own Ctrl-C
    settings.settings.cache_clear()

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = cli.main(list(arguments))
        return Answer(code, *capsys.readouterr())

    yield run
    settings.settings.cache_clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with home/ and song.flac, and what `generate --json` said of it; made by a process of its own."""
    folder = tmp_path_factory.mktemp("made")
    command = ["generate", WORDS, "--duration", "6", "--seed", "7", "--out", str(folder / "song.flac"), "--json"]
    done = _process(folder / "home", *command)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder, json.loads(done.stdout)


def _process(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(settings.ROOT / "cli.py"), *arguments]
    return subprocess.run(command, env=_environment(home), capture_output=True, text=True, timeout=120)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "STUDIO_HOME": str(home)}


# --- generate ---------------------------------------------------------------------------------------------------------


def test_json_is_the_take(made: tuple[Path, dict[str, Any]]) -> None:
    _, take = made
    assert (take["mode"], take["seed"], take["duration"]) == ("generate", 7, 6.0)
    assert (take["sample_rate"], take["channels"]) == (48_000, 2)
    assert {"style", "bpm", "key", "meter", "sections"} <= take["plan"].keys()
    assert (take["plan"]["bpm"], take["plan"]["key"], take["plan"]["meter"]) == (82, "D minor", "4/4")
    assert abs(take["facts"]["lufs"] + 14) <= 0.5 and take["facts"]["true_peak_dbtp"] <= -1
    assert (take["facts"]["bpm"], take["facts"]["key"]) == (82, "D minor")
    assert {"id", "engine", "seconds_spent"} <= take.keys()
    assert all(Path(take["files"][kind]).is_file() for kind in ("audio", "midi", "recipe", "stems"))


def test_the_song_is_where_it_was_asked_for_and_in_the_library(made: tuple[Path, dict[str, Any]]) -> None:
    folder, take = made
    asked, _ = soundfile.read(folder / "song.flac", dtype="int32")
    kept, rate = soundfile.read(take["files"]["audio"], dtype="int32")
    assert rate == 48_000 and kept.shape == (6 * rate, 2) and np.array_equal(asked, kept)
    assert np.abs(kept).max() > 2**28
    assert tags.read_recipe(folder / "song.flac").id == take["id"]
    assert sorted(path.name for path in folder.iterdir()) == ["home", "song.flac"]


def test_stems_sum_to_something_like_the_song(made: tuple[Path, dict[str, Any]]) -> None:
    _, take = made
    with zipfile.ZipFile(take["files"]["stems"]) as archive:
        stems = [soundfile.read(io.BytesIO(archive.read(name)))[0] for name in archive.namelist() if name[0].isdigit()]
    song, _ = soundfile.read(take["files"]["audio"])
    assert len(stems) >= 2 and all(stem.shape == song.shape for stem in stems)
    assert np.corrcoef(sum(stems).ravel(), song.ravel())[0, 1] > 0.7


def test_words_for_people(studio: Studio, tmp_path: Path) -> None:
    answer = studio("generate", WORDS, "--duration", "5", "--title", "Rain", "--out", str(tmp_path / "song.MP3"))
    lines = answer.out.splitlines()
    assert answer.code == 0 and lines[0] == "Rain" and "82 bpm" in lines[1] and "LUFS" in lines[2]
    assert lines[-1] == str(tmp_path / "song.MP3")
    assert soundfile.info(tmp_path / "song.MP3").format == "MP3"
    assert not list((tmp_path / "home").rglob("stems.zip"))


def test_variations(studio: Studio, tmp_path: Path) -> None:
    out = str(tmp_path / "song.wav")
    answer = studio("generate", WORDS, "--duration", "5", "--variations", "2", "--out", out, "--json", "--no-stems")
    first = answer.json()
    assert first["takes"][0]["id"] == first["id"]
    assert len({take["seed"] for take in first["takes"]}) == 2 and first["files"]["stems"] is None
    assert (tmp_path / "song.wav").read_bytes() != (tmp_path / "song-2.wav").read_bytes()


def test_every_knob_is_a_flag_with_its_tip(studio: Studio) -> None:
    words = " ".join(studio("generate", "--help").out.split())
    for name, field in fields(Generate).items():
        assert name == "prompt" or f"--{name.replace('_', '-')} " in words
        assert field.description in words


# --- songs from songs -------------------------------------------------------------------------------------------------


def test_an_edit_is_proven_by_a_command_of_its_own(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, take = made
    home = shutil.copytree(folder / "home", tmp_path / "home")
    before, after = take["files"]["audio"], str(tmp_path / "edited.wav")
    arguments = [
        "edit",
        take["id"],
        "new drums",
        "--regions",
        "1-3",
        "--seed",
        "1",
        "--out",
        after,
        "--json",
        "--no-stems",
    ]
    edited = json.loads(_process(home, *arguments).stdout)
    assert edited["proof"]["changed_outside"] == 0 and edited["parent"] == take["id"] and edited["mode"] == "edit"
    fine = _process(home, "verify-edit", before, after, "--region", "1:3", "--json")
    assert fine.returncode == 0 and json.loads(fine.stdout)["changed_outside"] == 0
    less = _process(home, "verify-edit", before, after, "--region", "1-2")
    assert less.returncode == 1 and "samples outside the regions differ" in less.stdout


def test_a_file_is_taken_in_listened_to_and_made_longer(
    made: tuple[Path, dict[str, Any]], studio: Studio, tmp_path: Path
) -> None:
    folder, _ = made
    heard = studio("listen", str(folder / "song.flac"), "--json").json()
    assert heard["source"].startswith("u") and heard["duration"] == 6 and heard["words"].startswith("I hear ")
    assert "Correct me with --source-bpm" in studio("listen", heard["source"]).out
    longer = studio("extend", heard["source"], "--seconds", "4", "--source-bpm", "82", "--json", "--no-stems").json()
    assert longer["proof"]["changed_outside"] == 0 and longer["duration"] > 6 and longer["parent"] == heard["source"]
    covered = studio(
        "cover", heard["source"], "house", "--strength", "0", "--source-key", "D minor", "--json", "--no-stems"
    )
    assert (covered.json()["plan"]["style"], covered.json()["plan"]["key"]) == ("house", "D minor")


@pytest.mark.parametrize("mode", [Cover, Extend, Edit])
def test_every_knob_of_every_mode_is_a_flag(studio: Studio, mode: Any) -> None:
    words = " ".join(studio(mode.__name__.lower(), "--help").out.split())
    for name in fields(mode):
        assert name in ("prompt", "source") or f"--{name.replace('_', '-')}" in words


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("edit", "nothing", "new drums"), "There is no take nothing"),
        (("edit", "/nowhere/x.wav", "new drums"), "source: is not there"),
        (("edit", "x", "--regions", "3-1"), "There is no take x"),
        (("cover",), "Missing argument"),
        (("verify-edit", "a.mp3", "b.mp3"), "file: a.mp3 is no WAV or FLAC"),
        (("verify-edit", "/nowhere/a.wav", "/nowhere/b.wav"), "file: "),
    ],
)
def test_songs_that_cannot_be_used_get_one_sentence(studio: Studio, arguments: tuple[str, ...], sentence: str) -> None:
    answer = studio(*arguments)
    assert answer.code == 2 and answer.out == "" and answer.err.startswith(sentence), answer
    assert len(answer.err.splitlines()) == 1


# --- what cannot be used ----------------------------------------------------------------------------------------------

REFUSED = {
    ("--duration", "abc"): "duration: must be a number from 1 to 600",
    ("--duration", "0.9"): "duration: must be a number from 1 to 600",
    ("--duration", "4.9"): "duration: the composer makes at least 5 seconds; ask for more, or choose another engine",
    ("--bpm", "nan"): "bpm: must be a number from 30 to 300",
    ("--bpm", "inf"): "bpm: must be a number from 30 to 300",
    ("--bpm", "[1]"): "bpm: must be a number from 30 to 300",
    ("--seed", "9" * 30): "seed: must be a whole number from 0 to 4294967295",
    ("--seed", "9" * 9000): "seed: must be a whole number from 0 to 4294967295",
    ("--seed", "1.5"): "seed: must be a whole number from 0 to 4294967295",
    ("--variations", "99"): "variations: must be a whole number from 1 to 8",
    ("--target-lufs", "0"): "target_lufs: must be a number from -30 to -8",
    ("--target-lufs", "loud"): "target_lufs: must be a number from -30 to -8, or one of streaming, apple, club, broadc",
    ("--key", "H major"): "key: ",
    ("--meter", "9/9"): "meter: must be one of ",
    ("--ending", "never"): "ending: must be one of ",
    ("--style", "no such style"): "style: ",
    ("--engine", "no such engine"): "engine: ",
    ("--title", "a\tb\x07"): "title: contains control characters",
    ("--title", "\udcff"): "title: contains control characters",
    ("--out", "song.txt"): "out: must end in .wav, .flac, .mp3",
    ("--out", "/nowhere/song.wav"): "out: there is no folder",
    ("--frobnicate", "1"): "No such option: --frobnicate",
}


@pytest.mark.parametrize(
    "flag", REFUSED, ids=lambda flag: f"{flag[0]} {flag[1][:12]}".encode("ascii", "replace").decode()
)
def test_bad_flags_get_one_sentence(studio: Studio, tmp_path: Path, flag: tuple[str, str]) -> None:
    answer = studio("generate", WORDS, *flag, "--json")
    assert answer.code == 2 and answer.out == ""
    assert answer.err.startswith(REFUSED[flag]) and len(answer.err.splitlines()) == 1
    assert not list(tmp_path.rglob("song.wav"))


@pytest.mark.parametrize("words", ["", " \n", "...", "\0", "\x1b[31m", "\udcff", "long " * 200_000])
def test_bad_words_get_one_sentence(studio: Studio, words: str) -> None:
    answer = studio("generate", words, "--json")
    assert answer.code == 2 and answer.out == "" and answer.err.startswith("prompt: ")
    assert len(answer.err) < 200


def test_no_words_at_all(studio: Studio) -> None:
    assert studio("generate").err == "prompt: is missing; describe the song in a few words\n"


@pytest.mark.parametrize("words", ["\N{MUSICAL KEYBOARD} house", "<script>alert(1)</script> jazz", "--techno", "зима"])
def test_odd_but_good_words_are_taken(studio: Studio, words: str) -> None:
    answer = studio("generate", "--duration", "5", "--json", "--no-stems", "--", words)
    assert answer.code == 0 and answer.json()["request"]["prompt"] == words


def test_out_is_checked_before_the_song_is_made(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    assert "is a folder" in studio("generate", WORDS, "--out", str(tmp_path / "folder.wav")).err
    assert not (tmp_path / "home").exists()


def test_an_unusable_home_or_environment_is_said(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("not a folder")
    answer = studio("generate", WORDS)
    assert answer.code == 3 and len(answer.err.splitlines()) == 1 and answer.out == ""
    monkeypatch.setenv("STUDIO_PORT", "abc")
    settings.settings.cache_clear()
    assert studio("library").err.startswith("STUDIO_PORT cannot be used")


# --- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancel(tmp_path: Path, number: int) -> None:
    command = [sys.executable, str(settings.ROOT / "cli.py"), "generate", WORDS, "--duration", "600", "--json"]
    out = subprocess.PIPE
    process = subprocess.Popen(command, env=_environment(tmp_path), stdout=out, stderr=out, text=True)
    deadline = time.monotonic() + 30
    while process.poll() is None and not list((tmp_path / "temp").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)  # the lane has begun
    begun = time.monotonic()
    said, complained = process.communicate(timeout=30)
    assert (process.returncode, said, complained) == (130, "", "Cancelled.\n")
    assert time.monotonic() - begun < 15  # on a busy machine, too
    assert not list((tmp_path / "takes").iterdir()) and not list((tmp_path / "temp").iterdir())


@pytest.mark.parametrize("kind", ["opus", "ardour"])
def test_ctrl_c_stops_an_export_and_leaves_nothing_half(
    studio: Studio, made: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    home = made[0] / "home"
    monkeypatch.setenv("STUDIO_HOME", str(home))
    settings.settings.cache_clear()
    before = set(home.glob("takes/*/*"))

    def pressed(number: int, handler: Any) -> None:
        if number == signal.SIGINT and handler is not signal.default_int_handler:
            handler(number, None)

    monkeypatch.setattr(signal, "signal", pressed)
    assert studio("export", made[1]["id"], kind) == (130, "", "Cancelled.\n")
    assert set(home.glob("takes/*/*")) == before


def test_ctrl_c_ends_what_comes_after_the_song(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: answered.append(handler))
    assert studio("generate", WORDS, "--duration", "5", "--no-stems").code == 0
    assert len(answered) == 4 and answered[0] is not signal.default_int_handler
    assert answered[2:] == [signal.default_int_handler] * 2  # nobody looks for a wish to stop any more


# --- library, replay, doctor ------------------------------------------------------------------------------------------


def test_the_library_shows_exports_forgets_and_restores(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, take = made
    home = folder / "home"
    listed = json.loads(_process(home, "library", "--json", "--search", "lo-fi").stdout)
    assert listed["count"] == 1 and listed["takes"][0]["id"] == take["id"]
    assert json.loads(_process(home, "show", take["id"], "--json").stdout)["plan"] == take["plan"]
    assert take["id"] in _process(home, "library", "--sell", "yes").stdout
    assert _process(home, "library", "--sell", "no").stderr == "Nothing found.\n"
    exported = _process(home, "export", take["id"], "midi", "--out", str(tmp_path / "song.mid"))
    assert exported.stdout.strip() == str(tmp_path / "song.mid")
    assert (tmp_path / "song.mid").read_bytes()[:4] == b"MThd"
    shape = ("--depth", "16", "--rate", "44.1", "--target-lufs", "broadcast", "--out", str(tmp_path / "cd.wav"))
    mastered = _process(home, "export", take["id"], "wav", *shape)
    assert mastered.stdout.strip() == str(tmp_path / "cd.wav") and "At -23.0 LUFS." in mastered.stderr
    about = soundfile.info(tmp_path / "cd.wav")
    assert (about.samplerate, about.subtype) == (44_100, "PCM_16")
    assert _process(home, "export", take["id"], "mp3", "--depth", "16").stderr.startswith("depth: means nothing in mp3")
    looped = _process(home, "loop", take["id"], "--bar", "1", "--bars", "1", "--out", str(tmp_path / "loop.wav"))
    assert looped.stdout.startswith(f"{tmp_path / 'loop.wav'}: bars 1 to 1, seam "), looped.stderr
    assert soundfile.info(tmp_path / "loop.wav").frames == round(4 * 60 / take["plan"]["bpm"] * 48_000)
    assert _process(home, "loop", take["id"], "--bar", "0").stderr.startswith("bar: this song has bars 1 to")
    assert _process(home, "forget", take["id"]).returncode == 0
    assert _process(home, "show", take["id"]).returncode == 2
    assert _process(home, "restore", take["id"]).returncode == 0
    assert _process(home, "export", take["id"], "aac").stderr.startswith("kind: must be one of")


def test_replay_is_identical(made: tuple[Path, dict[str, Any]], studio: Studio, tmp_path: Path) -> None:
    folder, _ = made
    answer = studio("replay", str(folder / "song.flac"), "--out", str(tmp_path / "again.flac"), "--json")
    assert answer.code == 0 and answer.json()["identical"] and answer.json()["differences"] == {}
    assert np.array_equal(soundfile.read(folder / "song.flac")[0], soundfile.read(tmp_path / "again.flac")[0])


def test_replay_says_what_differs(made: tuple[Path, dict[str, Any]], studio: Studio, tmp_path: Path) -> None:
    recipe = tags.read_recipe(made[0] / "song.flac")
    other = recipe.model_copy(update={"versions": recipe.versions | {"numba": "0.1"}, "samples_sha256": "0" * 64})
    (tmp_path / "recipe.json").write_text(other.model_dump_json())
    answer = studio("replay", str(tmp_path / "recipe.json"))
    assert answer.code == 3 and "not identical" in answer.out and "numba: 0.1 then" in answer.out


def test_a_hostile_recipe_cannot_steer_the_terminal(
    made: tuple[Path, dict[str, Any]], studio: Studio, tmp_path: Path
) -> None:
    recipe = tags.read_recipe(made[0] / "song.flac").model_copy(update={"title": "\x1b[2J\x07evil", "seed": -1})
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    answer = studio("replay", str(tmp_path / "recipe.json"))
    assert answer.code == 2 and "\x1b" not in answer.out + answer.err and answer.err.startswith("seed: ")


def test_compare_says_what_differs_and_where(made: tuple[Path, dict[str, Any]], studio: Studio, tmp_path: Path) -> None:
    folder, take = made
    song, rate = soundfile.read(folder / "song.flac", dtype="int32")
    same = studio("compare", str(folder / "song.flac"), take["files"]["audio"], "--json")
    assert same.code == 0 and same.json()["sound"]["identical"] and same.json()["recipes"] == {}
    assert "Identical: every sample is the same." in studio("compare", *2 * [str(folder / "song.flac")]).out
    song[3 * rate :, 0] //= 2
    soundfile.write(tmp_path / "louder.wav", song, rate, subtype="PCM_24")
    other = studio("compare", str(folder / "song.flac"), str(tmp_path / "louder.wav"), "--json")
    sound = other.json()["sound"]
    assert other.code == 1 and 3 <= sound["first"] < 3.01 and -15 < sound["difference_db"] < -8
    assert sound["a"]["bpm"] == 82 and sound["b"]["bpm"] is None and sound["b"]["lufs"] < sound["a"]["lufs"]
    assert other.json()["recipes"] is None and "louder.wav has no recipe of the studio" in other.json()["notices"][0]
    soundfile.write(tmp_path / "short.wav", song[:rate], rate, subtype="PCM_24")
    words = studio("compare", str(tmp_path / "louder.wav"), str(tmp_path / "short.wav"))
    assert words.code == 1 and words.out.endswith("one of them ends at 1 s, up to there they are the same.\n")


def test_compare_names_every_field_of_the_recipes_that_differs(made: tuple[Path, dict[str, Any]]) -> None:
    recipe = tags.read_recipe(made[0] / "song.flac")
    wish = recipe.request.model_copy(update={"prompt": "rock", "seed": 8})
    other = recipe.model_copy(update={"id": "x", "request": wish, "versions": recipe.versions | {"numba": "0.1"}})
    found = compare.recipes(recipe, other)
    assert found["request.prompt"] == (WORDS, "rock") and found["request.seed"] == (7, 8)
    assert found["versions.numba"][1] == "0.1" and len(found) == 3


def test_a_game_pack_of_words(studio: Studio, tmp_path: Path) -> None:
    said = ("house, 8 seconds", "--seed", "3", "--bar", "1", "--bars", "1", "--out", str(tmp_path / "pack.zip"))
    answer = studio("gamepack", *said, "--json")
    told = answer.json()
    assert answer.code == 0 and told["bars"] == 1 and told["out"] == str(tmp_path / "pack.zip")
    names = zipfile.ZipFile(tmp_path / "pack.zip").namelist()
    assert names == [*told["stacks"][-1], *_files(told), "cues.json", "recipe.json"]
    assert studio("gamepack", "0" * 20).code == 2 and studio("gamepack", "x", "--out", "/no/x.zip").code == 2


def _files(cues: dict[str, Any]) -> list[str]:
    return [one["file"] for kind in ("transitions", "stingers") for one in cues[kind]]


@pytest.mark.parametrize("song", ["/etc/hostname", "missing.wav", "nope", "../../x", ".", ""])
def test_replay_of_what_is_no_song(studio: Studio, song: str) -> None:
    answer = studio("replay", song)
    assert answer.code == 2 and answer.out == "" and len(answer.err.splitlines()) == 1


def test_doctor(studio: Studio) -> None:
    answer = studio("doctor", "--json")
    found = answer.json()
    wanted = {"python", "torch", "cuda", "soundfont", "disk", "memory", "port", "library", "engine composer"}
    assert answer.code == 0 and wanted <= found.keys()
    lines = studio("doctor").out.splitlines()
    assert len(lines) == len(found) and any(line.startswith("python") for line in lines)


def test_doctor_says_when_the_studio_cannot_run(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", str(10**18))
    settings.settings.cache_clear()
    answer = studio("doctor")
    assert answer.code == 3 and "make room" in answer.out


def test_lyrics_come_out_on_stdout(studio: Studio) -> None:
    words = studio("lyrics", "the sea at night", "--seed", "4", "--rhyme", "ABAB")
    assert words.code == 0 and words.out.startswith("[verse]") and "seed 4" in words.err
    told = studio("lyrics", "the sea at night", "--seed", "4", "--rhyme", "ABAB", "--json").json()
    assert told["lyrics"].strip() == words.out.strip() and told["seed"] == 4
    refused = studio("lyrics", "the sea", "--language", "de")
    assert refused.code == 2 and "models get qwen3" in refused.err and not refused.out
