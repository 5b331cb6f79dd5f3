"""Finish and files, judged by other people's meters: pyloudnorm for loudness, scipy's resampler for true peak."""

import io
import resource
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy.signal import resample_poly

import dsp
import masters
import post_process
from song.audio import Audio
from song.errors import BadRequest, DiskFull, EngineFailed
from takes import MADE
from test_tags import recipe

RATE = 48_000


def sound(kind: str, seconds: float = 6, channels: int = 2) -> Audio:
    """Test signals: each breaks careless mastering in its own way."""
    t = np.arange(int(seconds * RATE)) / RATE
    chance = np.random.default_rng(1)
    beat = np.mod(t, 0.5)
    kick = np.sin(2 * np.pi * (50 * beat + 8 * (1 - np.exp(-30 * beat)))) * np.exp(-12 * beat)
    noise = chance.standard_normal((channels, len(t))) * 0.2 * np.clip(np.sin(2 * np.pi * 1.3 * t), 0.05, 1)
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220, 277.2, 329.6)) * np.minimum(1, t / seconds + 0.2)
    made = {
        "bursts": noise,
        "sine": np.sin(2 * np.pi * 440 * t) * 0.5,
        "between samples": np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4),  # true peak 3 dB above every sample
        "square": np.sign(np.sin(2 * np.pi * 110 * t + 1e-3)),
        "kick": kick,
        "leaning pulse": (np.mod(100 * t, 1) < 0.1) + 0.3,
        "music": 0.8 * kick + 0.3 * noise + 0.1 * chord,
        "far too loud": 50 * (kick + noise),
        "far too quiet": 0.01 * (kick + noise),
    }[kind]
    return Audio(np.broadcast_to(made, (channels, len(t))).astype(np.float32))


def lufs(audio: Audio) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(audio.sample_rate).integrated_loudness(audio.samples.T.astype(np.float64)))


def true_peak(audio: Audio, up: int) -> float:
    return max(
        20 * np.log10(np.abs(resample_poly(row.astype(np.float64), up, 1)).max() + 1e-9) for row in audio.samples
    )


# --- finish -----------------------------------------------------------------------------------------------------------

KINDS = (
    "bursts",
    "sine",
    "between samples",
    "square",
    "kick",
    "leaning pulse",
    "music",
    "far too loud",
    "far too quiet",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("target", "channels"), [(-14, 2), (-16, 1), (-23, 2)])
def test_loudness_true_peak_and_length(kind: str, target: float, channels: int) -> None:
    given = sound(kind, channels=channels)
    made = post_process.finish(given, target_lufs=target)
    assert made.audio.samples.shape == given.samples.shape and made.audio.samples.dtype == np.float32
    assert abs(lufs(made.audio) - target) <= 0.15 and not made.notices
    assert abs(made.lufs - target) <= 0.1
    assert max(true_peak(made.audio, 4), true_peak(made.audio, 8)) <= -1.0
    assert abs(made.true_peak_dbtp - true_peak(made.audio, 4)) < 0.1
    assert np.abs(made.audio.samples.mean(axis=1)).max() < 1e-5


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1, 61.7])
def test_any_length(seconds: float) -> None:
    made = post_process.finish(sound("music", seconds), fade_in=0.5, fade_out=20)
    assert made.audio.frames == int(seconds * RATE) and np.isfinite(made.audio.samples).all()
    assert true_peak(made.audio, 4) <= -1.0
    if seconds >= 1:
        assert abs(lufs(made.audio) + 14) <= 0.5 or made.notices


def test_what_cannot_be_reached_without_crushing_stays_below_and_is_said() -> None:
    made = post_process.finish(sound("kick"), target_lufs=-8)
    assert lufs(made.audio) < -9 and true_peak(made.audio, 8) <= -1.0
    assert len(made.notices) == 1 and "instead of -8" in made.notices[0]


def test_a_lower_ceiling_is_kept() -> None:
    assert true_peak(post_process.finish(sound("music"), ceiling_dbtp=-6, target_lufs=-16).audio, 8) <= -6


@pytest.mark.parametrize("level", [0.0, 0.25, 1e-5])
def test_silence_stays_silence(level: float) -> None:
    made = post_process.finish(Audio(np.full((2, RATE), level, np.float32)), fade_out=0.2)
    assert np.abs(made.audio.samples).max() < 1e-6 or level == 0
    assert made.lufs == -70.0 and np.isfinite(made.true_peak_dbtp) and "silent" in made.notices[0]
    if level == 0:
        assert not made.audio.samples.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_sound_is_refused(bad: float) -> None:
    samples = sound("sine", 1).samples.copy()
    samples[1, 77] = bad
    with pytest.raises(EngineFailed):
        post_process.finish(Audio(samples))
    with pytest.raises(EngineFailed):
        post_process.finish(Audio(np.zeros((2, 0), np.float32)))


def test_fades_start_and_end_at_nothing_and_leave_the_middle_alone() -> None:
    plain = post_process.finish(sound("sine", 8)).audio.samples
    faded = post_process.finish(sound("sine", 8), fade_in=1, fade_out=2).audio.samples
    envelope = np.abs(faded[0]).reshape(-1, 480).max(axis=1)
    assert envelope[0] < 1e-3 and envelope[-1] < 1e-3 and abs(faded[0, -1]) < 1e-6
    assert (np.diff(envelope[:100]) > -1e-4).all() and (np.diff(envelope[-200:]) < 1e-4).all()
    middle = slice(2 * RATE, 5 * RATE)
    assert np.corrcoef(plain[0, middle], faded[0, middle])[0, 1] > 0.9999


def test_finish_is_deterministic_and_leaves_its_input_alone() -> None:
    given = sound("music")
    before = given.samples.copy()
    hashes = {post_process.samples_sha256(post_process.finish(given).audio) for _ in range(2)}
    assert len(hashes) == 1 and np.array_equal(before, given.samples)


# --- 24-bit numbers and files -----------------------------------------------------------------------------------------


def test_pcm24_rounds_and_clips() -> None:
    step = 1 / 2**23
    rows = [[0, step, -step, 2.6 * step, 1.0, 7.0, -1.0, -7.0], [2.5 * step, 3.5 * step, *[0] * 6]]
    given = np.array(rows, np.float32)
    raw = dsp.pcm24(given).reshape(-1, 2, 3)
    numbers = np.array([[int.from_bytes(bytes(raw[i, c]), "little", signed=True) for i in range(8)] for c in range(2)])
    assert numbers[0].tolist() == [0, 1, -1, 3, 2**23 - 1, 2**23 - 1, -(2**23), -(2**23)]
    assert numbers[1].tolist() == [2, 4, *[0] * 6]  # halves go to the even number
    moved = given + np.float32(0.4 * step) * (given == 0)  # the same numbers; one more step is another number
    assert dsp.differing24(given, moved) == 0
    moved[0, 0] += np.float32(step)
    assert dsp.differing24(given, moved) == 1


@pytest.mark.parametrize(("seconds", "channels"), [(2.345678, 2), (1.00001, 1)])
def test_wav_and_flac_hold_the_same_numbers(tmp_path: Path, seconds: float, channels: int) -> None:
    audio = post_process.finish(sound("music", seconds, channels)).audio
    post_process.write_wav(tmp_path / "a.wav", audio, recipe())
    masters.convert(tmp_path / "a.wav", tmp_path / "a.flac", recipe())
    masters.convert(tmp_path / "a.wav", tmp_path / "b.wav", recipe())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    for name in ("a.wav", "a.flac"):
        about = soundfile.info(tmp_path / name)
        assert (about.subtype, about.samplerate, about.channels) == ("PCM_24", RATE, channels)
        back = post_process.read(tmp_path / name)
        assert np.array_equal(back.samples, audio.samples)
        assert post_process.samples_sha256(back) == post_process.samples_sha256(audio)


def test_mp3_sounds_like_the_song(tmp_path: Path) -> None:
    audio = post_process.finish(sound("music", 3)).audio
    post_process.write_wav(tmp_path / "a.wav", audio, recipe())
    masters.convert(tmp_path / "a.wav", tmp_path / "a.mp3", recipe())
    back = post_process.read(tmp_path / "a.mp3")
    assert back.sample_rate == RATE and abs(back.frames - audio.frames) <= 2400
    assert abs(lufs(back) - lufs(audio)) < 0.2
    assert (tmp_path / "a.mp3").stat().st_size > 3 * 38_000  # 320 kbit/s


def test_wav_header_is_what_the_hash_says(tmp_path: Path) -> None:
    """Read with nothing but the specification: sizes add up, and the bytes are those that are hashed."""
    import hashlib

    audio = post_process.finish(sound("sine", 0.50001, 1)).audio  # odd length: chunks need padding
    post_process.write_wav(tmp_path / "a.wav", audio, recipe())
    raw = (tmp_path / "a.wav").read_bytes()
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8
    at, chunks = 12, {}
    while at < len(raw):
        size = int.from_bytes(raw[at + 4 : at + 8], "little")
        chunks[raw[at : at + 4]] = raw[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(raw) and set(chunks) == {b"fmt ", b"bext", b"iXML", b"LIST", b"data", b"id3 "}
    assert hashlib.sha256(chunks[b"data"]).hexdigest() == post_process.samples_sha256(audio)


def test_stems_sum_to_the_mix(tmp_path: Path) -> None:
    stems = {
        "drums": sound("kick", 1),
        "Bass / sub": sound("sine", 1),
        "夜": sound("bursts", 1),
        "..": sound("sine", 1),
    }
    mix = Audio(np.sum([audio.samples for audio in stems.values()], axis=0), RATE)
    for name in ("stems.zip", "again.zip"):
        null = post_process.write_stems_zip(tmp_path / name, stems, "Rain", mix, MADE)
    assert (tmp_path / "stems.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "stems.zip") as archive:
        names = ["01 Drums.wav", "02 Bass sub.wav", "03 夜.wav", "04 Stem.wav"]
        assert archive.namelist() == [*names, "Residual.wav", "stems.json", "About.txt"]
        assert archive.testzip() is None
        parts = [soundfile.read(io.BytesIO(archive.read(name)), dtype="float32")[0].T for name in names]
    assert np.array_equal(sum(parts), sum(audio.samples for audio in stems.values()))
    assert null.exact and null.whole_db <= -140


def test_what_stems_lack_is_measured_named_and_kept(tmp_path: Path) -> None:
    """A stem at half its level: what is left is the other half, 6 dB below it."""
    mix = sound("music", 1)
    half = Audio(mix.samples * np.float32(0.5), RATE)
    null = post_process.write_stems_zip(tmp_path / "stems.zip", {"all": half}, "Rain", mix, MADE)
    assert null.stems_db == -6.0 and null.whole_db <= -140 and not null.exact
    with zipfile.ZipFile(tmp_path / "stems.zip") as archive:
        left, _ = soundfile.read(io.BytesIO(archive.read("02 Residual.wav")), dtype="float32")
        assert "the song to -6 dB" in archive.read("About.txt").decode()
    assert np.abs(left.T + half.samples - mix.samples).max() < 1e-7
    told = post_process.stems_told(tmp_path / "stems.zip")
    assert told["files"] == ["01 All.wav", "02 Residual.wav"] and told["null"]["stems_db"] == -6.0


def test_conversion_and_reading_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="kind"):
        masters.convert(tmp_path / "a.wav", tmp_path / "a.aac", recipe())
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(BadRequest, match="file"):
        post_process.read(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "zip"])
@pytest.mark.parametrize("room", [0, 5_000, 200_000])
def test_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, kind: str, room: int, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept" / "song.wav"
    kept.parent.mkdir()
    path = tmp_path / f"song.{kind}"
    path.write_bytes(b"the old file")
    audio = sound("music", 8)
    post_process.write_wav(kept, audio, recipe())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # the kernel itself refuses to write any further
    try:
        with pytest.raises(DiskFull, match="disk is full"):
            if kind == "zip":
                post_process.write_stems_zip(path, {"a": audio}, "t", audio, MADE)
            elif kind == "wav":
                post_process.write_wav(path, audio, recipe())
            else:
                masters.convert(kept, path, recipe())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"the old file" and set(tmp_path.iterdir()) == {path, kept.parent}
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["music", "square", "bursts"])
def test_ten_minutes(kind: str) -> None:
    made = post_process.finish(sound(kind, 600))
    assert made.audio.frames == 600 * RATE and abs(lufs(made.audio) + 14) <= 0.15 and true_peak(made.audio, 4) <= -1.0
