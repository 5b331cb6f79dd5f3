"""Strangers' files: what is good comes through exactly, what is not gets one plain sentence."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from decode import Limits, decode
from settings import ROOT
from song.errors import BadRequest

RATE = 44_100


def tone(seconds: float = 3.0, rate: int = RATE, channels: int = 2, level: float = 0.3) -> np.ndarray:
    """A chord that differs from channel to channel, float64 (frames, channels)."""
    time_s = np.arange(round(seconds * rate)) / rate
    return np.stack([level * np.sin(2 * np.pi * 220 * (one + 1) * time_s) for one in range(channels)], axis=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where decoded files go. Nothing but whole WAVs may be there in the end, whatever happened."""
    place = tmp_path / "decoded"
    place.mkdir()
    yield place
    assert all(path.suffix == ".wav" and not path.name.startswith(".") for path in place.iterdir())


def refusal(path: Path | str, folder: Path, limits: Limits | None = None) -> str:
    """The sentence with which a file is refused, in less than five seconds and with nothing left."""
    begun = time.monotonic()
    with pytest.raises(BadRequest) as refused:
        decode(path, folder, limits)
    assert time.monotonic() - begun < 5
    assert refused.value.field == "source"
    assert not list(folder.iterdir())
    sentence = str(refused.value)
    assert sentence.startswith("source: ") and "\n" not in sentence and "Error" not in sentence
    return sentence


def damaged(path: Path, keep: float = 1.0, rot: int = 0) -> Path:
    """The file cut to a share of its bytes, or with random bytes in its last two thirds."""
    data = bytearray(path.read_bytes()[: round(keep * path.stat().st_size)])
    chance = np.random.default_rng(7)
    for place in chance.integers(len(data) // 3, len(data), rot):
        data[place] = chance.integers(256)
    other = path.with_name(f"damaged-{path.name}")
    other.write_bytes(bytes(data))
    return other


# --- good files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("kind", ["wav", "flac", "aiff"])
def test_pcm_comes_through_exactly(tmp_path: Path, folder: Path, kind: str, subtype: str):
    soundfile.write(tmp_path / f"a.{kind}", tone(), RATE, subtype=subtype)
    found = decode(tmp_path / f"a.{kind}", folder)
    was, _ = soundfile.read(tmp_path / f"a.{kind}", dtype="int32")
    now, rate = soundfile.read(found.path, dtype="int32")
    assert (rate, found.sample_rate, found.frames, found.notices) == (RATE, RATE, len(was), ())
    assert soundfile.info(found.path).subtype == "PCM_24"
    assert np.array_equal(was, now)


@pytest.mark.parametrize(("kind", "rate"), [("mp3", 44_100), ("ogg", 22_050), ("opus", 48_000)])
def test_lossy_files_keep_their_rate_and_length(tmp_path: Path, folder: Path, kind: str, rate: int):
    source = tmp_path / f"a.{kind}"
    # libsndfile's Vorbis encoder breaks on long blocks, so write as a stream does.
    encoding = {"format": "OGG", "subtype": "OPUS"} if kind == "opus" else {}
    with soundfile.SoundFile(source, "w", rate, 2, **encoding) as out:
        for start in range(0, 3 * rate, 4096):
            out.write(tone(rate=rate)[start : start + 4096])
    found = decode(source, folder)
    now, heard_rate = soundfile.read(found.path)
    assert heard_rate == rate and found.notices == ()
    assert abs(found.duration - 3) < 0.05
    assert abs(now.std() / tone().std() - 1) < 0.1


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="m4a is read by ffmpeg, which is not installed")
@pytest.mark.parametrize("kind", ["m4a", "aac", "mka"])
def test_m4a_is_read_where_ffmpeg_is(tmp_path: Path, folder: Path, kind: str):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    source = tmp_path / f"song.{kind}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", source], check=True)
    found = decode(source, folder)
    assert found.sample_rate == RATE and abs(found.duration - 3) < 0.1
    if kind == "m4a":  # its table of contents is at the end
        found.path.unlink()
        assert "damaged" in refusal(damaged(source, keep=0.5), folder)


def test_m4a_without_ffmpeg_says_what_to_do(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install ffmpeg" in refusal(tmp_path / "a.m4a", folder)


def test_mono_is_put_on_both_channels(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "a.wav", tone(channels=1), 8_000)
    left, right = soundfile.read(decode(tmp_path / "a.wav", folder).path)[0].T
    assert np.array_equal(left, right) and np.abs(left).max() > 0.29


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_surround_is_mixed_down(tmp_path: Path, folder: Path, channels: int):
    sound = np.zeros((RATE * 2, channels))
    sound[:, 0] = tone(2, channels=1)[:, 0]  # front left
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    found = decode(tmp_path / "a.wav", folder)
    left, right = soundfile.read(found.path)[0].T
    assert np.abs(left).max() > 0.05 and not right.any()
    assert f"{channels} channels" in found.notices[0]


def test_a_stream_that_does_not_know_its_length_is_whole(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.find(b"data")
    data[4:8] = data[at + 4 : at + 8] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(bytes(data))
    found = decode(tmp_path / "a.wav", folder)
    assert found.frames == 3 * RATE and found.notices == ()


# --- what is put right, and said --------------------------------------------------------------------------------------


def test_what_is_over_full_scale_is_turned_down(tmp_path: Path, folder: Path):
    sound = tone(level=2.0)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    found = decode(tmp_path / "a.wav", folder)
    now, _ = soundfile.read(found.path)
    assert np.allclose(now, sound / 2, atol=1e-6)
    assert "6.0 dB over full scale" in found.notices[0]


def test_a_few_wild_samples_are_clipped_and_nans_are_silent(tmp_path: Path, folder: Path):
    sound = tone()
    sound[1000:1010, 0], sound[2000:2005, 1] = 3e29, np.nan
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    found = decode(tmp_path / "a.wav", folder)
    now, _ = soundfile.read(found.path)
    assert np.abs(now[1000:1010, 0] - 1).max() < 1e-6 and not now[2000:2005, 1].any()
    now[1000:1010], sound[1000:1010], sound[2000:2005], now[2000:2005] = 0, 0, 0, 0
    assert np.allclose(now, sound, atol=1e-6)
    assert [notice.split(" ")[0] for notice in found.notices] == ["5", "10"]


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_what_is_left_of_a_cut_off_file_is_used(tmp_path: Path, folder: Path, kind: str):
    soundfile.write(tmp_path / f"a.{kind}", tone(5), RATE)
    found = decode(damaged(tmp_path / f"a.{kind}", keep=0.5), folder)
    assert 1.5 < found.duration < 3
    assert "cut off or damaged" in found.notices[0] and f"{found.duration:.1f} s" in found.notices[0]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize(
    "content",
    [
        b"These are only words. " * 50,
        b"<!doctype html><html>" + b" " * 500,
        b"\x7fELF" + bytes(500),
        b"ffconcat version 1.0\nfile 'other.wav'\n" + b"#" * 100,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        bytes(1000),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, folder: Path, kind: str, content: bytes):
    soundfile.write(tmp_path / "other.wav", tone(), RATE)
    (tmp_path / f"a.{kind}").write_bytes(content)
    assert "no audio file" in refusal(tmp_path / f"a.{kind}", folder)


def test_what_is_no_file_is_refused(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "real.wav", tone(), RATE)
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    assert "plain file" in refusal(tmp_path / "link.wav", folder)
    assert "plain file" in refusal(tmp_path / "loop.wav", folder)
    assert "not a file" in refusal(tmp_path / "pipe.wav", folder)
    assert "not a file" in refusal(tmp_path, folder)
    assert "not a file" in refusal("/dev/zero", folder)
    assert "not there" in refusal(tmp_path / "nowhere.wav", folder)
    assert "empty" in refusal(tmp_path / "empty.wav", folder)


def test_odd_names_are_only_names(tmp_path: Path, folder: Path):
    for name in ("-y.wav", "$(touch x).wav", "line\nbreak.wav", "‮gnos.wav", "é" * 100 + ".wav"):
        soundfile.write(tmp_path / name, tone(1.5), RATE)
        assert decode(tmp_path / name, folder).frames == round(1.5 * RATE)


def header(channels: int = 2, rate: int = RATE, bits: int = 16, kind: int = 1, claim: int | None = None) -> bytes:
    """A WAV of two seconds of noise whose header says what it is told to."""
    body = np.random.default_rng(1).integers(-9000, 9000, 2 * RATE * 2, "<i2").tobytes()
    form = struct.pack("<HHIIHH", kind, channels, rate, min(rate * 4, 2**32 - 1), 4, bits)
    size = len(body) if claim is None else claim
    return b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", size) + body


@pytest.mark.parametrize(
    "lie",
    [
        {"channels": 0},
        {"channels": 9},
        {"channels": 65_535},
        {"rate": 0},
        {"rate": 1},
        {"rate": 10_000_000},
        {"rate": 2**32 - 1},
        {"bits": 0},
        {"kind": 0x9999},
        {"claim": 0},
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, folder: Path, lie: dict[str, int]):
    (tmp_path / "a.wav").write_bytes(header(**lie))
    refusal(tmp_path / "a.wav", folder)


def test_a_flac_that_claims_two_weeks_is_refused(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] |= 0x0F  # 36 bits of frame count end STREAMINFO's eighteenth byte
    data[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(bytes(data))
    assert "longer than 10 minutes" in refusal(tmp_path / "a.flac", folder)


def test_length_is_counted_in_real_frames_too(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "a.flac", tone(6), RATE)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # "length unknown"
    (tmp_path / "a.flac").write_bytes(bytes(data))
    assert decode(tmp_path / "a.flac", folder).duration > 5.8
    next(folder.iterdir()).unlink()
    assert "longer than" in refusal(tmp_path / "a.flac", folder, Limits(max_seconds=4))


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_rot_never_breaks_anything(tmp_path: Path, folder: Path, kind: str):
    source = tmp_path / f"a.{kind}"
    with soundfile.SoundFile(source, "w", RATE, 2) as out:
        for start in range(0, 4 * RATE, 4096):
            out.write(tone(4)[start : start + 4096])
    for keep, rot in ((1.0, 3), (1.0, 40), (1.0, 400), (0.4, 0), (0.03, 0)):
        try:
            found = decode(damaged(source, keep, rot), folder)
        except BadRequest as refused:
            assert str(refused).startswith("source: ")
        else:
            now, _ = soundfile.read(found.path)
            assert np.isfinite(now).all() and np.abs(now).max() <= 1


def test_too_short_too_broken_and_too_quiet_are_refused(tmp_path: Path, folder: Path):
    source = tmp_path / "a.wav"
    soundfile.write(source, tone(0.9), RATE)
    assert "only 0.90 s" in refusal(source, folder)
    soundfile.write(source, np.zeros((0, 2)), RATE)
    assert refusal(source, folder)
    soundfile.write(source, np.zeros((3 * RATE, 2)), RATE)
    assert "silent" in refusal(source, folder)
    soundfile.write(source, tone() * 1000, RATE, subtype="FLOAT")
    assert "damaged" in refusal(source, folder)
    sound = tone()
    sound[: 2 * RATE] = np.inf
    soundfile.write(source, sound, RATE, subtype="FLOAT")
    assert "not numbers" in refusal(source, folder)


def test_a_decoder_that_dawdles_is_ended(tmp_path: Path, folder: Path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    assert "too long to unpack" in refusal(tmp_path / "a.wav", folder, Limits(wall_seconds=0.01))


def test_a_bomb_neither_grows_nor_lasts(tmp_path: Path, folder: Path):
    """Six hours of silence in half a megabyte, and the longest song that is allowed: memory stays small for both."""
    with soundfile.SoundFile(tmp_path / "bomb.flac", "w", 8_000, 1) as out:
        for _ in range(36):
            out.write(np.zeros(600 * 8_000, np.int16))
    assert (tmp_path / "bomb.flac").stat().st_size < 1_000_000
    assert "longer than 10 minutes" in refusal(tmp_path / "bomb.flac", folder)
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 48_000, 1) as out:
        for _ in range(60):
            out.write(np.full(10 * 48_000, 9000, np.int16))
    # The kernel's own peak of this process, since getrusage would also count the one it was started from.
    code = (
        "import pathlib, resource, sys, decode; decode.decode(*sys.argv[1:]);"
        "peak = pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0];"
        "print(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ran = [sys.executable, "-c", code, str(tmp_path / "long.flac"), str(folder)]
    said = subprocess.run(ran, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert max(map(int, said.split())) * 1024 < 150e6
