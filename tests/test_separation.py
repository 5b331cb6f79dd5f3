"""Songs taken apart by Demucs: a tiny random model in the published format, through the real loading code."""

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import checkpoints
import cli
import memory
import separation
import tiny_demucs
from backend import Studio
from settings import settings
from song.audio import Audio
from song.errors import BadCheckpoint, BadRequest, Cancelled, EngineMissing, NotEnoughMemory
from song.progress import silent

RATE = 44_100
CHUNK = int(RATE * tiny_demucs.SEGMENT)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of checkpoints with one tiny HTDemucs in it; torch keeps to one core."""
    import torch

    folder = tmp_path_factory.mktemp("checkpoints")
    tiny_demucs.checkpoint(folder / "htdemucs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield folder
    torch.set_num_threads(threads)
    separation.separator().unload()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of chance, as a stranger's file."""
    place = tmp_path_factory.mktemp("song") / "noise.wav"
    soundfile.write(place, noise(1.5).samples.T, RATE, subtype="PCM_24")
    return place


@pytest.fixture
def studio(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    opened = _studio(shelf, tmp_path, monkeypatch)
    opened.start()
    yield opened
    opened.close()
    settings.cache_clear()


def _studio(shelf: Path, home: Path, patch: pytest.MonkeyPatch) -> Studio:
    said = {"HOME": home / "home", "CHECKPOINTS": shelf, "LANE": "inline", "MIN_FREE_DISK": 0}
    for name, value in said.items():
        patch.setenv(f"STUDIO_{name}", str(value))
    patch.setenv("HF_HOME", str(home / "cache"))
    settings.cache_clear()
    return Studio(settings())


def noise(seconds: float, channels: int = 2, rate: int = RATE) -> Audio:
    chance = np.random.default_rng(1)
    return Audio(chance.normal(0, 0.1, (channels, round(seconds * rate))).astype(np.float32), rate)


def unzipped(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """The sounds of a zip of stems by name, (2, frames), and its words."""
    with zipfile.ZipFile(path) as archive:
        sounds = {
            name.removesuffix(".wav"): soundfile.read(io.BytesIO(archive.read(name)), dtype="float32")[0].T
            for name in archive.namelist()
            if name.endswith(".wav")
        }
        return sounds, archive.read("About.txt").decode()


def test_the_stems_are_those_that_the_model_itself_gives(shelf):
    """One chunk of sound, handed to a model that was built by hand of the same weights."""
    import torch

    audio = noise(float(tiny_demucs.SEGMENT))
    mean, spread = audio.samples.mean(), audio.samples.mean(axis=0).std()
    with torch.no_grad():
        net = tiny_demucs.built().half().float()
        theirs = net(torch.from_numpy((audio.samples - mean) / spread)[None])[0].numpy() * spread
    ours = separation.separator().separate(audio, "htdemucs", shelf / "htdemucs", silent)
    assert tuple(ours) == tiny_demucs.SOURCES
    for part, expected in zip(ours.values(), theirs, strict=True):
        # The second chunk begins at three quarters of the first, and they go over into each other.
        assert np.abs(part.samples - expected)[:, : CHUNK * 3 // 4].max() < 1e-5
        assert np.abs(part.samples).max() > 1e-3


@pytest.mark.parametrize(("channels", "rate"), [(1, 48_000), (2, 32_000)])
def test_stems_have_the_rate_length_and_channels_of_their_song(shelf, channels, rate):
    audio = noise(0.7001, channels, rate)
    for part in separation.separator().separate(audio, "htdemucs", shelf / "htdemucs", silent).values():
        assert (part.sample_rate, part.samples.shape) == (rate, audio.samples.shape)
        assert np.abs(part.samples).max() > 1e-3


def test_silence_is_taken_apart_into_finite_numbers(shelf):
    audio = Audio(np.zeros((2, RATE // 2), np.float32), RATE)
    parts = separation.separator().separate(audio, "htdemucs", shelf / "htdemucs", silent)
    assert all(np.abs(part.samples).max() < 1e-3 for part in parts.values())


def test_an_upload_comes_as_stems_with_what_is_left_and_a_null_test(studio, song, capsys):
    id = studio.add_source(song).id
    heard: list[float] = []
    path = studio.separate(id, progress=lambda fraction, stage: heard.append(fraction))
    sounds, words = unzipped(path)
    assert list(sounds) == ["01 Drums", "02 Bass", "03 Other", "04 Vocals", "05 Residual"]
    whole = soundfile.read(studio.source(id).path, dtype="float32")[0].T
    left = whole - sum(sounds.values())
    assert 10 * np.log10(np.square(left, dtype=np.float64).mean() / np.square(whole).mean()) <= -90
    assert np.abs(whole - sum(list(sounds.values())[:4])).max() > 0.01, "random weights leave a lot"
    assert "scientific purposes only" in words and "Demucs 4.1" in words and "with the residual to -1" in words
    assert heard == sorted(heard) and len({round(one, 3) for one in heard}) >= 4
    assert studio.export(id, "stems") == path and studio.separate(id, "htdemucs") == path
    studio.close()
    assert cli.main(["separate", id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["out"] == str(path) and told["null"]["whole_db"] <= -90 and told["model"] == "htdemucs"


def test_a_cancelled_separation_ends_at_the_next_chunk_and_leaves_nothing(studio, song):
    origin = studio.source(studio.add_source(song).id)
    seen: list[float] = []

    def cancel(fraction: float, stage: str) -> None:
        seen.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        studio.separate(origin.id, progress=cancel)
    assert max(seen) < 0.6 and {path.name for path in origin.path.parent.iterdir()} == {"source.wav", "source.json"}


def test_what_is_missing_is_said_with_what_to_get(studio, song, shelf, tmp_path, monkeypatch):
    id = studio.add_source(song).id
    with pytest.raises(BadRequest, match=r"there is no model \.\./htdemucs that takes songs apart; choose htdemucs"):
        studio.separate(id, "../htdemucs")
    with pytest.raises(EngineMissing, match="get it with: studio models get htdemucs_6s"):
        studio.separate(id, "htdemucs_6s")
    monkeypatch.setattr(separation.model, "find_spec", lambda name: None if name == "demucs" else name)
    with pytest.raises(EngineMissing, match=r"PyTorch and Demucs, which are not installed; .* make neural"):
        studio.separate(id)
    monkeypatch.undo()
    bare = _studio(tmp_path / "empty", tmp_path, monkeypatch)
    with pytest.raises(EngineMissing, match="none is here; get one with: studio models get htdemucs --accept-licence"):
        bare.separate(id)
    bare.close()
    assert checkpoints.known("demucs")["htdemucs"].licence.non_commercial


def cut(folder: Path) -> None:
    weights = folder / "0ddba11.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def pickled(folder: Path) -> None:
    (folder / "0ddba11.safetensors").write_bytes(b"\x80\x04pickle")


def rewritten(folder: Path, **about: str) -> None:
    tiny_demucs.checkpoint(folder, **about)


def said(folder: Path, words: str) -> None:
    (folder / "htdemucs.yaml").write_text(words)


def smaller(folder: Path) -> None:
    rewritten(folder, kwargs=json.dumps(tiny_demucs.ARGUMENTS | {"channels": 16, "segment": 1}))


BROKEN = {
    "cut off": (cut, "is cut off: 1 of its bytes"),
    "pickle": (pickled, "is a pickle under another name"),
    "no weights": (lambda folder: (folder / "0ddba11.safetensors").unlink(), "0ddba11.safetensors is missing"),
    "other class": (lambda folder: rewritten(folder, klass="os.system"), "is for 'os.system'"),
    "structure": (lambda folder: rewritten(folder, structure="{}"), "the studio knows demucs.htdemucs.HTDemucs only"),
    "other path": (
        lambda folder: (folder / "htdemucs.yaml").write_text("models: ['../x']"),
        "does not name its models",
    ),
    "no yaml": (lambda folder: (folder / "htdemucs.yaml").write_text("]["), "does not name its models"),
    "other size": (smaller, "do not fit Demucs"),
    "no arguments": (lambda folder: rewritten(folder, kwargs="{"), "do not fit Demucs"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_checkpoint_is_refused_in_one_sentence(shelf, tmp_path, monkeypatch, fault):
    shutil.copytree(shelf / "htdemucs", tmp_path / "shelf" / "htdemucs")
    spoil, sentence = BROKEN[fault]
    spoil(tmp_path / "shelf" / "htdemucs")
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path / "shelf"))
    settings.cache_clear()
    with pytest.raises(BadCheckpoint, match=sentence) as error:
        separation.separator().separate(noise(0.5), *separation.chosen("htdemucs"), silent)
    settings.cache_clear()
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_what_does_not_fit_into_memory_is_refused_with_numbers(shelf, monkeypatch):
    separation.separator().unload()
    monkeypatch.setattr(memory, "host", lambda: memory.Room(10**9, 16 * 10**9))
    with pytest.raises(NotEnoughMemory, match=r"Taking 1 s apart with htdemucs needs .* GB here .* are free"):
        separation.separator().separate(noise(1.0), "htdemucs", shelf / "htdemucs", silent)


def test_the_published_sizes_are_those_of_the_architecture():
    """Counted by the real class with the published arguments, once: 41,984,456 and 27,414,996 parameters."""
    known = checkpoints.known("demucs")
    assert {name: (one.repo, one.parameters) for name, one in known.items()} == {
        "htdemucs": ("adefossez/HTDemucs", 41_984_456),
        "htdemucs_6s": ("adefossez/HTDemucs-6s", 27_414_996),
    }
    assert all(1.5e9 < one.needs["fp32"] < 3e9 for one in known.values())
