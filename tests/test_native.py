"""Checkpoints in ACE-Step's own layout: what diffusers makes of them once they are converted, and what is refused."""

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import checkpoints
import tiny_native
from checkpoints import shelf
from engines.acestep import AceStep, native
from engines.acestep.found import use
from engines.acestep.native import converted
from settings import settings
from song.errors import BadCheckpoint, Cancelled, DiskFull
from song.request import Generate

NAME = "acestep-v15-turbo"


@pytest.fixture(scope="module")
def pipeline():
    return tiny_native.built()


@pytest.fixture(scope="module")
def original(pipeline, tmp_path_factory) -> Path:
    return tiny_native.umbrella(tmp_path_factory.mktemp("native") / NAME, pipeline)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A studio that keeps its checkpoints here."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", "0")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    settings.cache_clear()
    settings().fetched.mkdir(parents=True)
    yield settings().fetched
    settings.cache_clear()


@pytest.fixture
def folder(original, home) -> Path:
    """A copy to break, where the studio downloads to."""
    return Path(shutil.copytree(original, home / NAME))


def loaded(place: Path):
    import diffusers

    return diffusers.AceStepPipeline.from_pretrained(place, local_files_only=True)


def assert_same(found, pipeline, parts=(*tiny_native.PREFIXES, "vae", "text_encoder")):
    import torch

    for part in parts:
        ours, theirs = (getattr(one, part).state_dict() for one in (found, pipeline))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), part


def played(pipeline):
    """A second of it, by way of audio codes, so that all parts have their say."""
    import torch

    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt="warm piano",
        lyrics="[verse]\nla",
        audio_duration=1.0,
        audio_codes="<|audio_code_17|><|audio_code_63000|>",
        num_inference_steps=2,
        guidance_scale=1.0,
        shift=3.0,
        generator=torch.Generator().manual_seed(5),
    ).audios


def left_over(home: Path) -> list[str]:
    return [path.name for path in home.iterdir() if path.name.startswith((".diffusers", ".tmp"))]


def test_every_tensor_and_the_sound_are_the_same(folder, pipeline):
    import torch

    place = converted(NAME, folder)
    assert checkpoints.layout(place) == "diffusers" and checkpoints.kind(place) == "turbo"
    found = loaded(place)
    assert_same(found, pipeline)
    assert found.is_turbo and found.scheduler.config.shift == 1.0 and found.scheduler.config.num_train_timesteps == 1
    ours, theirs = played(found), played(pipeline)
    assert torch.allclose(ours, theirs, atol=1e-5) and float(ours.std()) > 0.01


def test_it_is_done_once(folder, home):
    seen = []
    place = converted(NAME, folder, lambda done, total, what: seen.append((done, total, what)))
    assert seen[-1][0] == seen[-1][1] > 0 and {what for _, _, what in seen} == set(tiny_native.PREFIXES)
    assert left_over(home) == [place.name]
    made = place.stat().st_mtime_ns
    assert converted(NAME, folder, lambda *said: pytest.fail("began anew")) == place
    assert place.stat().st_mtime_ns == made
    assert [found.name for found in checkpoints.there()] == [NAME]  # what was made is no checkpoint of its own
    assert (place / "vae" / "config.json").samefile(folder / "vae" / "config.json")  # linked: no second copy


def test_it_is_converted_when_it_is_first_played(folder):
    engine = AceStep()
    assert engine.available() is None and engine.checkpoints() == (NAME,)
    assert "cover" in use(NAME, folder).tasks
    engine.load()
    assert engine._model is None, "nobody asked for it yet"
    seen: list[str] = []
    asked = Generate(prompt="warm piano", seed=1, duration=10, precision="fp32", inference_steps=1)
    take = engine.generate(asked, lambda fraction, stage: seen.append(stage))
    assert seen[0].startswith(f"Converting {NAME}, ") and f"Loading {NAME}" in seen
    assert take.audio.frames == 480_000 and np.abs(take.audio.samples).max() > 0.01


def test_shards_xl_and_another_kind(home, tmp_path, original):
    """A model alone, wider than its encoders, in shards; what it shares lies in the umbrella on another shelf."""
    xl = tiny_native.built("base", xl=True)
    folder = tiny_native.model(tmp_path / "elsewhere" / "acestep-v15-xl-base", xl, shards=3)
    with pytest.raises(BadCheckpoint, match=r"needs vae.*studio models get acestep-v15-turbo"):
        converted("acestep-v15-xl-base", folder)
    shutil.copytree(original, home / NAME)
    found = loaded(converted("acestep-v15-xl-base", folder))
    assert_same(found, xl, tiny_native.PREFIXES)
    assert not found.is_turbo and found.transformer.config.encoder_hidden_size == 32


@pytest.mark.parametrize("borrowed", ["vae/diffusion_pytorch_model", "Qwen3-Embedding-0.6B/model"])
def test_what_is_borrowed_is_held_against_its_hash(folder, home, tmp_path, original, borrowed):
    """Both ways that one is known of a file of the umbrella: the studio's list, and the note of the hub's own tools."""
    path = folder / f"{borrowed}.safetensors"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    listed = {str(path.relative_to(folder)): {"bytes": path.stat().st_size, "hash": digest}}
    (folder / "studio.json").write_text(json.dumps({"files": listed}))
    alone = Path(shutil.copytree(original / NAME, tmp_path / "mine"))
    made = converted("mine", alone)
    shutil.rmtree(made)
    rotten = bytearray(path.read_bytes())
    rotten[-100] ^= 1
    path.write_bytes(rotten)
    with pytest.raises(BadCheckpoint, match=rf"{borrowed}.safetensors is not what was published"):
        converted("mine", alone)
    assert not left_over(home)
    (folder / "studio.json").unlink()
    note = folder / ".cache" / "huggingface" / "download" / f"{borrowed}.safetensors.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{'0' * 40}\n{digest}\n1.0\n")
    with pytest.raises(BadCheckpoint, match=rf"{borrowed}.safetensors is not what was published"):
        converted("mine", alone)


def test_a_checkpoint_without_audio_tokens(folder, pipeline):
    rewrite(folder, lambda tensors: {name: one for name, one in tensors.items() if "tokenizer." not in name})
    found = loaded(converted(NAME, folder))
    assert found.audio_tokenizer is None and found.audio_token_detokenizer is None
    assert "cover" not in use(NAME, folder).tasks
    assert_same(found, pipeline, ("transformer", "condition_encoder"))


def test_bfloat16_stays_what_it_is(folder, pipeline):
    import torch

    rewrite(folder, lambda tensors: {name: one.to(torch.bfloat16) for name, one in tensors.items()})
    said = checkpoints.header(converted(NAME, folder) / "condition_encoder" / "diffusion_pytorch_model.safetensors")
    assert {name: dtype for name, (dtype, *_) in said.items() if dtype != "BF16"} == {"silence_latent": "F32"}


def test_forgetting_a_checkpoint_forgets_what_was_made_of_it(folder, home):
    (folder / "studio.json").write_text(json.dumps({"files": {}}))
    place = converted(NAME, folder)
    assert shelf.forget(NAME) > 0
    assert not place.exists() and not folder.exists()


# --- what is refused --------------------------------------------------------------------------------------------------


def rewrite(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / NAME / "model.safetensors"
    save_file(change(load_file(path)), path)


def renamed(old: str, new: str):
    return lambda folder: rewrite(
        folder, lambda tensors: {new if name == old else name: tensors[name] for name in tensors}
    )


def lost(name: str):
    return lambda folder: rewrite(folder, lambda tensors: {one: tensors[one] for one in tensors if one != name})


def cut(path: str, size: int):
    return lambda folder: os.truncate(folder / path, size)


def said(path: str, **values):
    def change(folder: Path) -> None:
        config = json.loads((folder / path).read_text())
        left = {name: value for name, value in (config | values).items() if value != "gone"}
        (folder / path).write_text(json.dumps(left))

    return change


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def hostile(folder: Path) -> None:
    import torch

    torch.save(Hostile(), folder / NAME / "silence_latent.pt")


def flat(folder: Path) -> None:
    import torch

    torch.save(torch.zeros(5), folder / NAME / "silence_latent.pt")


def short_silence(folder: Path) -> None:
    import torch

    torch.save(torch.zeros(1, tiny_native.tiny_acestep.LATENTS, 100), folder / NAME / "silence_latent.pt")


def disguised(folder: Path) -> None:
    (folder / NAME / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))


def alone(folder: Path) -> None:
    rewrite(folder, lambda tensors: {"null_condition_emb": tensors["null_condition_emb"]})


def without(path: str):
    def change(folder: Path) -> None:
        shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()

    return change


MODEL, CONFIG, SILENCE = (f"{NAME}/{file}" for file in ("model.safetensors", "config.json", "silence_latent.pt"))
VAE, TEXT = "vae", "Qwen3-Embedding-0.6B"
FAULTS = {
    "cut off": (cut(MODEL, 100_000), "model.safetensors is cut off"),
    "a pickle": (disguised, "model.safetensors is a pickle"),
    "missing": (lost("decoder.norm_out.weight"), "transformer .* lacks norm_out.weight"),
    "renamed": (renamed("null_condition_emb", "encoder.other"), "lacks null_condition_emb and has an unknown other"),
    "of no part": (renamed("null_condition_emb", "lm_head.weight"), "unknown lm_head.weight, which is no part"),
    "no transformer": (alone, "lacks condition_embedder.bias"),
    "another shape": (said(CONFIG, intermediate_size=65), r"shape \(64, 32\), but by its config.json it is \(65, 32\)"),
    "a silent config": (said(CONFIG, head_dim="gone"), "config.json does not say head_dim"),
    "a strange config": (said(CONFIG, head_dim="wide"), "describes no AceStepTransformer1DModel"),
    "endless layers": (said(CONFIG, num_hidden_layers=10**9), "how many layers"),
    "no windows": (said(CONFIG, use_sliding_window=False), "attention without windows"),
    "no silence": (without(SILENCE), "not in ACE-Step's own layout"),
    "a hostile silence": (hostile, "silence_latent.pt does not hold one tensor"),
    "a flat silence": (flat, "silence_latent.pt does not hold one tensor"),
    "another silence": (short_silence, r"silence_latent in the shape \(1, 100, 8\)"),
    "no VAE": (without(VAE), "needs vae"),
    "no text encoder": (without(TEXT), "needs Qwen3-Embedding-0.6B"),
    "another VAE": (said(f"{VAE}/config.json", decoder_input_channels=64), "is not the VAE of this checkpoint"),
    "half a VAE": (cut(f"{VAE}/diffusion_pytorch_model.safetensors", 100_000), "is cut off"),
    "another text encoder": (said(f"{TEXT}/config.json", hidden_size=1024), "is not the text encoder"),
    "half a text encoder": (cut(f"{TEXT}/model.safetensors", 5000), "is cut off"),
    "no tokenizer": (without(f"{TEXT}/tokenizer.json"), "tokenizer.json is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_said(folder, home, fault, monkeypatch):
    monkeypatch.chdir(home)
    spoil, says = FAULTS[fault]
    spoil(folder)
    with pytest.raises(BadCheckpoint, match=says) as refused:
        converted(NAME, folder)
    assert str(refused.value).count("\n") == 0 and str(refused.value).endswith(".")
    assert not left_over(home) and not (home / "ran").exists()


def test_no_room(folder, home, monkeypatch):
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", str(10**15))
    settings.cache_clear()
    with pytest.raises(DiskFull, match=r"takes 0\.00 GB of disk; [\d.]+ GB are free and 1000000\.00 GB"):
        converted(NAME, folder)
    assert not left_over(home)


def test_a_disk_that_fills_up(folder, home, monkeypatch):
    def full(*said):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native, "put", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        converted(NAME, folder)
    assert not left_over(home)


def test_cancel_and_what_a_killed_process_left(folder, home):
    def cancel(done, total, what):
        if what == "condition_encoder":
            raise Cancelled

    with pytest.raises(Cancelled):
        converted(NAME, folder, cancel)
    assert not left_over(home)
    begun = home / f".tmp-.diffusers-{NAME}-{checkpoints.fingerprint(folder)}"
    (begun / "transformer").mkdir(parents=True)
    assert loaded(converted(NAME, folder)) and not begun.exists()
