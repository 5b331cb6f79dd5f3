"""Tags: a recipe goes into every kind of file and comes back; no foreign, broken or hostile file breaks the reader."""

import json
import os
import random
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import masters
import post_process
import tags
from song.audio import Audio
from song.errors import BadRequest
from song.request import read
from song.take import Facts, Recipe

KINDS = ("wav", "flac", "mp3", "opus")
TONE = Audio(np.sin(np.arange(24_001) * 0.05)[None].repeat(2, 0).astype(np.float32) * 0.3)


def recipe(**changed: Any) -> Recipe:
    """A recipe as the studio would write it."""
    values: dict[str, Any] = {
        "id": "0123456789ab",
        "title": "Rain on Rhodes",
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "mode": "generate",
        "engine": "composer",
        "engine_version": "1",
        "versions": {"studio": "0.1.0", "python": "3.11"},
        "request": read({"prompt": "dusty lo-fi hip hop", "seed": 7}),
        "seed": 7,
        "duration": 0.5,
        "sample_rate": 48_000,
        "channels": 2,
        "plan": {"style": "lo-fi hip hop", "bpm": 82},
        "facts": Facts(lufs=-14.0, true_peak_dbtp=-1.3, bpm=82, key="D minor"),
        "seconds_spent": 0.6,
        "samples_sha256": "0" * 64,
    }
    return Recipe(**(values | changed))


ODD = {
    "plain": recipe(),
    "unicode": recipe(
        title="Café 夜 🎹 \u202eright to left; a=b",
        request=read({"prompt": 'зима\n<b>"quoted"</b> \\ a\u0301\u200d \U0001f3b5 c=d', "seed": 1}),
    ),
    "long": recipe(plan={"words": "ü" * 30_000}, request=read({"prompt": "long " * 799, "seed": 1})),
    "bare": recipe(title="", plan={}, facts=Facts(lufs=-70, true_peak_dbtp=-138.5)),
    "foreign key": recipe(facts=Facts(lufs=-14, true_peak_dbtp=-1, bpm=92.5, key="raga Bhairav")),
}


def written(path: Path, kind: str, audio: Audio, made: Recipe) -> None:
    """A song as the studio writes it: the WAV, and from that the others."""
    wav = path.with_name("kept.wav")
    post_process.write_wav(wav, audio, made)
    masters.convert(wav, path, made)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ODD)
def test_recipe_comes_back_from_every_kind_of_file(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / f"song.{kind}"
    written(path, kind, TONE, ODD[name])
    assert tags.read_recipe(path) == ODD[name]
    sound, rate = soundfile.read(path)
    assert rate == 48_000 and abs(len(sound) - TONE.frames) <= (0 if kind != "mp3" else 2400)
    assert 0.15 < np.sqrt((sound**2).mean()) < 0.25


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_players_are_shown_ordinary_tags(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"song.{kind}"
    written(path, kind, TONE, ODD["unicode"])
    with soundfile.SoundFile(path) as song:
        assert song.title == ODD["unicode"].title
        assert song.comment == ODD["unicode"].request.prompt or kind == "mp3"  # libsndfile reads no long ID3 comments


def test_id3_has_tempo_key_seed_and_engine() -> None:
    frames = _id3_frames(tags.id3(recipe()))
    assert frames["TBPM"] == ["82"] and frames["TKEY"] == ["Dm"] and frames["TIT2"] == ["Rain on Rhodes"]
    assert {"SEED\0007", "ENGINE\0composer", "KEY\0D minor"} <= set(frames["TXXX"])


def test_who_wrote_the_words_is_in_every_kind_of_tag() -> None:
    made = recipe(request=read({"prompt": "folk", "seed": 1, "lyrics": "Hold on", "lyricist": "Ann, seed 5"}))
    assert _id3_frames(tags.id3(made))["TEXT"] == ["Ann, seed 5"]
    assert b"LYRICIST=Ann, seed 5" in tags.vorbis_comment(made)
    assert b"IWRI\x0c\0\0\0Ann, seed 5\0" in tags.info_list(tags.fields(made))


def test_id3_spells_keys_in_three_characters() -> None:
    for key, short in {"F# dorian": "F#m", "Bb major": "Bb", "C mixolydian": "C", "Eb minor": "Ebm"}.items():
        made = recipe(facts=Facts(lufs=-14, true_peak_dbtp=-1, key=key))
        assert _id3_frames(tags.id3(made))["TKEY"] == [short]


def test_recipe_is_read_from_json_and_survives_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(recipe().model_dump_json(indent=2), encoding="utf-8")
    assert tags.read_recipe(path) == recipe()
    # ID3v2.3 with UTF-16, as older taggers write what they copy.
    body = b"\x01" + f"{tags.RECIPE_FIELD}\0".encode("utf-16") + recipe().model_dump_json().encode("utf-16")
    frame = b"TXXX" + struct.pack(">I", len(body)) + b"\0\0" + body
    path.write_bytes(b"ID3\x03\0\0" + tags._synchsafe(len(frame)) + frame)
    assert tags.read_recipe(path) == recipe()


def test_foreign_and_broken_files_get_one_sentence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "foreign.wav", TONE.samples.T, 48_000)
    soundfile.write(tmp_path / "foreign.flac", TONE.samples.T, 48_000)
    soundfile.write(tmp_path / "foreign.mp3", TONE.samples.T, 48_000)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "deep.json").write_text('{"plan":' * 100_000)
    (tmp_path / "digits.json").write_text('{"seed": ' + "9" * 200_000 + "}")
    (tmp_path / "nan.json").write_text('{"seed": NaN, "plan": {"a": 1e999}}')
    (tmp_path / "huge.json").write_bytes(b"{" + b" " * (2 * tags.RECIPE_LIMIT))
    (tmp_path / "binary.json").write_bytes(b"{\xff\xfe\0")
    (tmp_path / "lies.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEid3 \xff\xff\xff\xffID3\x04\0\0\x7f\x7f\x7f\x7fTXXX")
    (tmp_path / "loop.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 10_000)
    (tmp_path / "lies.flac").write_bytes(b"fLaC\x84\xff\xff\xff" + b"\xff" * 64)
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "itself.wav").symlink_to("itself.wav")
    for path in [*tmp_path.iterdir(), tmp_path / "missing.wav", tmp_path / ("n" * 300), Path("a\0b")]:
        with pytest.raises(BadRequest, match=r"^file: ") as caught:
            tags.read_recipe(path)
        assert len(str(caught.value)) < 150, path


@pytest.mark.parametrize("kind", [*KINDS, "json"])
def test_flipped_bytes_and_cut_files_never_break_the_reader(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"song.{kind}"
    if kind == "json":
        path.write_text(recipe().model_dump_json())
    else:
        written(path, kind, Audio(TONE.samples[:, :480]), recipe())
    whole = path.read_bytes()
    chance = random.Random(kind)
    for _ in range(150):
        broken = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(8)):
            if broken:
                broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(broken)
        try:
            assert isinstance(tags.read_recipe(path), Recipe)
        except BadRequest as error:
            assert error.field == "file"


def test_recipe_json_is_plain_json(tmp_path: Path) -> None:
    assert json.loads(tags._user_text(b"\x03" + tags.RECIPE_FIELD.encode() + b"\0" + b'{"a": 1}') or b"") == {"a": 1}


def _id3_frames(tag: bytes) -> dict[str, list[str]]:
    """An independent reading of the tag: frame code -> texts."""
    frames: dict[str, list[str]] = {}
    at = 10
    while at < len(tag):
        size = sum(byte << shift for byte, shift in zip(tag[at + 4 : at + 8], (21, 14, 7, 0), strict=True))
        frames.setdefault(tag[at : at + 4].decode(), []).append(tag[at + 11 : at + 10 + size].decode())
        at += 10 + size
    assert at == len(tag)
    return frames
