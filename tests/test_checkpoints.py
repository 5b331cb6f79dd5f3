"""Models of others: the table, what a whole one is, where they are found, and the ways a download goes wrong."""

import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

import checkpoints
import settings
from checkpoints import classes
from checkpoints import hub as fetching
from checkpoints import table as tables
from engines.musicgen import brief
from settings import ROOT
from song.errors import BadCheckpoint, BadRequest, Cancelled, CannotFetch, DiskFull, EngineMissing, NotFound
from song.request import Generate
from tiny_hub import COMMIT, CONFIG, FILES, Hub, folder, hub, safetensors, table

WEIGHTS = len(FILES["model.safetensors"])
ALL = sum(map(len, FILES.values()))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own, no other shelf, and no patience."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", "0")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for name in ("STUDIO_CHECKPOINTS", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetching, "WAITS", (0.01, 0.05))
    settings.settings.cache_clear()
    yield tmp_path / "home"
    settings.settings.cache_clear()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the one checkpoint that is known now."""
    monkeypatch.setattr(tables, "TABLE", table(tmp_path / "checkpoints.toml"))
    tables._table.cache_clear()
    with hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
    tables._table.cache_clear()


def says(error: pytest.ExceptionInfo[Any], *words: str) -> None:
    """One plain sentence with these words, and none of the machinery's."""
    said = str(error.value)
    assert all(word in said for word in words), said
    assert "\n" not in said and "Error(" not in said and "Traceback" not in said, said


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_published_musicgen_is_known() -> None:
    sizes = ("small", "medium", "large", "melody", "melody-large")
    names = {f"musicgen-{mono}{size}" for mono in ("", "stereo-") for size in sizes}
    known = checkpoints.known("musicgen")
    assert known.keys() == names and not checkpoints.known("another")
    for name, one in known.items():
        assert one.repo == f"facebook/{name}"
        assert one.channels == (2 if "stereo" in name else 1) and one.shape.codebooks == 4 * one.channels
        assert one.kind == ("melody" if "melody" in name else "text") == ("text" if one.shape.cross else "melody")
        assert one.licence.non_commercial and one.licence.name == "CC-BY-NC 4.0"
        assert one.licence.sentence.endswith(".") and one.licence.url.startswith("https://")


def test_every_published_ace_step_is_known_with_its_own_defaults() -> None:
    known = checkpoints.known("acestep")
    turbo = {"inference_steps": 8, "guidance_scale": 1.0, "shift": 3.0}
    others = {"inference_steps": 50, "guidance_scale": 7.0, "shift": 1.0}
    for name, one in known.items():
        kind = next(kind for kind in ("turbo", "sft", "base", "lm") if kind in name)
        assert one.kind == ("planner" if kind == "lm" else kind) and one.licence.sentence.endswith(".")
        if kind != "lm":
            shift = {"shift": 1.0} if name == "acestep-v15-turbo-shift1" else {}
            assert one.defaults == (turbo if kind == "turbo" else others) | shift
            assert ("lego" in one.use.tasks) == (kind == "base")
        assert one.layout == (
            "diffusers" if name.endswith("-diffusers") else "native" if kind != "lm" else "transformers"
        )
        assert one.licence.name == ("see its card" if one.repo.startswith("Runware/") else "MIT")
    assert {"acestep-v15-xl-turbo-diffusers", "acestep-v15-turbo", "acestep-5hz-lm-1.7b"} <= known.keys()
    assert checkpoints.uses("acestep")["turbo"].defaults == turbo


def test_only_what_transformers_reads_is_downloaded() -> None:
    for one in checkpoints.known("musicgen").values():
        paths = [file.path for file in one.files]
        assert len(paths) == len(set(paths)) and "config.json" in paths and "tokenizer.json" in paths
        assert all(re.fullmatch(r"[\w.-]+\.(json|safetensors|model)", path) for path in paths)
        shards = [path for path in paths if path.endswith(".safetensors")]
        assert shards == ["model.safetensors"] or "model.safetensors.index.json" in paths
        assert all(file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256) for file in one.files)
        assert re.fullmatch("[0-9a-f]{40}|main|refs/pr/[0-9]+", one.revision)


def test_the_table_is_found_from_anywhere(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import checkpoints; print(len(checkpoints.known('musicgen')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "10"


# --- whole or not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_header_whose_length_begins_as_pickles_do_is_read(tmp_path: Path, length: int) -> None:
    whole = safetensors({"a": 4})
    short = int.from_bytes(whole[:8], "little")
    padded = length.to_bytes(8, "little") + whole[8 : 8 + short].ljust(length) + whole[8 + short :]
    checkpoints.check(folder(tmp_path / "x", model_safetensors=padded))


def test_a_whole_folder_passes(tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny")
    checkpoints.check(place)
    assert checkpoints.kind(place) == "text" and checkpoints.layout(place) == "transformers"
    assert checkpoints.header(place / "model.safetensors")["b"] == ("F32", (50_000,), 400_000, 600_000)


def index(**where: str) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": where}).encode()


def lied(length: int) -> bytes:
    return length.to_bytes(8, "little") + FILES["model.safetensors"][8:]


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:1bdc99d4\nsize 2364439600\n"
BROKEN = {
    "missing": ({"model_safetensors": None}, "model.safetensors is missing"),
    "no config": ({"config_json": None}, "config.json is missing"),
    "empty": ({"model_safetensors": b""}, "model.safetensors is empty"),
    "truncated": ({"model_safetensors": FILES["model.safetensors"][:-1]}, "is cut off: 1 of its bytes"),
    "too long": ({"model_safetensors": FILES["model.safetensors"] + b"x"}, "overlap or leave holes"),
    "lfs": ({"model_safetensors": LFS}, "is a Git LFS pointer"),
    "no tokenizer": ({"tokenizer_json": None}, "tokenizer.json is missing"),
    "lfs tokenizer": ({"tokenizer_json": LFS}, "tokenizer.json is a Git LFS pointer"),
    "pickle": ({"model_safetensors": pickle.dumps({"a": 1})}, "is a pickle under another name"),
    "torch zip": ({"model_safetensors": b"PK\x03\x04" + bytes(100)}, "is a pickle under another name"),
    "header longer than the file": ({"model_safetensors": lied(WEIGHTS)}, "announces a header"),
    "header of 2^63": ({"model_safetensors": lied(2**63)}, "announces a header"),
    "header of 0": ({"model_safetensors": lied(0)}, "announces a header"),
    "header cut short": ({"model_safetensors": lied(50)}, "does not hold the JSON"),
    "seven bytes": ({"model_safetensors": b"1234567"}, "announces a header"),
    "no tensors": ({"model_safetensors": safetensors({})}, "holds 0 tensors"),
    "beyond the end": (
        {"model_safetensors": safetensors({"a": 4}, a={"dtype": "F32", "shape": [9], "data_offsets": [0, 36]})},
        "is cut off: 20",
    ),
    "overlapping": (
        {
            "model_safetensors": safetensors(
                {"a": 4, "b": 4}, b={"dtype": "F32", "shape": [5], "data_offsets": [12, 32]}
            )
        },
        "overlap or leave holes",
    ),
    "shape and bytes differ": (
        {"model_safetensors": safetensors({"a": 4}, a={"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 16]})},
        "describes a in a way",
    ),
    "negative": (
        {"model_safetensors": safetensors({"a": 4}, a={"dtype": "F32", "shape": [-4], "data_offsets": [16, 0]})},
        "describes a in a way",
    ),
    "a dtype nobody knows": (
        {"model_safetensors": safetensors({"a": 4}, a={"dtype": "X", "shape": [4], "data_offsets": [0, 16]})},
        "describes a in a way",
    ),
    "no entry at all": ({"model_safetensors": safetensors({"a": 4}, a=[1])}, "describes a in a way"),
    "config is no JSON": ({"config_json": b"{'a': 1}"}, "config.json is damaged"),
    "config is a list": ({"config_json": b"[]"}, "config.json holds JSON, but no object"),
    "config is deep": ({"config_json": b"[" * 100_000}, "config.json is damaged"),
    "config of another model": ({"config_json": b'{"model_type": "gpt2"}'}, "says model_type 'gpt2'"),
    "a name twice": ({"config_json": b'{"model_type": "musicgen", "model_type": "gpt2"}'}, "config.json is damaged"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(case: str, tmp_path: Path) -> None:
    changed, words = BROKEN[case]
    place = folder(tmp_path / "tiny", **changed)
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, words, str(place))


INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (index(a="one.safetensors", b="two.safetensors"), "two.safetensors is missing"),
        (index(a="../one.safetensors"), "'../one.safetensors', which is no safetensors file beside it"),
        (index(a="one.bin"), "'one.bin'"),
        (index(z="one.safetensors"), "one.safetensors lacks z"),
        (b'{"weight_map": {"a": 1}}', "does not say which file"),
        (b"{}", "does not say which file"),
        (b"[", "is damaged"),
    ],
)
def test_an_index_is_held_to_its_shards(where: bytes, words: str, tmp_path: Path) -> None:
    sharded = {name: FILES[name] for name in ("config.json", "tokenizer.json")} | {
        "one.safetensors": safetensors({"a": 4})
    }
    place = folder(tmp_path / "tiny", sharded | {INDEX: index(a="one.safetensors")})
    checkpoints.check(place)
    (place / INDEX).write_bytes(where)
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, words)


def test_bit_rot_is_seen_where_a_hash_is_known(tiny: Hub, home: Path, tmp_path: Path) -> None:
    ours, theirs = checkpoints.fetch("tiny"), folder(tmp_path / "theirs")
    assert checkpoints.verify(ours) == ()
    assert checkpoints.verify(theirs) == ("config.json", "model.safetensors", "tokenizer.json")
    notes = theirs / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    for name, data in FILES.items():
        (notes / f"{name}.metadata").write_text(f"{COMMIT}\n{hashlib.sha256(data).hexdigest()}\n{time.time()}\n")
    assert checkpoints.verify(theirs) == ()
    for place in (ours, theirs):
        rots(place / "model.safetensors")
        checkpoints.check(place)
        with pytest.raises(BadCheckpoint) as error:
            checkpoints.verify(place)
        says(error, str(place / "model.safetensors"), "is not what was published")


def rots(path: Path) -> None:
    """One bit of a file turns."""
    rotten = bytearray(path.read_bytes())
    rotten[-5000] ^= 4
    path.write_bytes(rotten)


def test_files_of_the_hubs_cache_are_called_by_their_hash(tmp_path: Path) -> None:
    place = tmp_path / "models--somebody--tiny" / "snapshots" / COMMIT
    blobs = place.parent.parent / "blobs"
    for made in (place, blobs):
        made.mkdir(parents=True)
    for name, data in FILES.items():
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        blob = blobs / (hashlib.sha256(data).hexdigest() if name.endswith(".safetensors") else git)
        blob.write_bytes(data)
        (place / name).symlink_to(blob)
    assert checkpoints.verify(place) == ()
    rots((place / "model.safetensors").resolve())
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.verify(place)
    says(error, str(place / "model.safetensors"), "is not what was published")


def test_a_copy_by_hand_is_held_against_what_the_vendor_published(tmp_path: Path, monkeypatch: Any) -> None:
    sha256 = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    monkeypatch.setattr(tables, "TABLE", table(tmp_path / "checkpoints.toml", sha256=sha256))
    tables._table.cache_clear()
    for name, without in (("tiny", ("config.json", "tokenizer.json")), ("mine", tuple(sorted(FILES)))):
        place = folder(tmp_path / name)
        assert checkpoints.verify(place) == without
    rots(tmp_path / "tiny" / "model.safetensors")
    rots(tmp_path / "mine" / "model.safetensors")
    assert checkpoints.verify(tmp_path / "mine") == tuple(sorted(FILES)), "nobody knows"
    with pytest.raises(BadCheckpoint, match="is not what was published"):
        checkpoints.verify(tmp_path / "tiny")
    tables._table.cache_clear()


def test_what_was_read_is_not_read_again_until_it_changes(tiny: Hub, home: Path) -> None:
    place, read = checkpoints.fetch("tiny"), []

    def heard(done: int, total: int, what: str) -> None:
        read.append(what)

    checkpoints.verify(place, heard)
    assert not read, "it was held against its hashes as it came"
    checkpoints.verify(place, heard, again=True)
    assert read == ["config.json", "model.safetensors", "tokenizer.json"]
    os.utime(place / "config.json")
    checkpoints.verify(place, heard)
    assert read[3:] == ["config.json"]

    def cancels(done: int, total: int, what: str) -> None:
        if what == "tokenizer.json":
            raise Cancelled("Cancelled.")

    (home / "checkpoints" / ".hashed.json").write_text("damaged")
    with pytest.raises(Cancelled):
        checkpoints.verify(place, cancels)
    checkpoints.verify(place, heard)
    assert read[4:] == ["tokenizer.json"], "what was read before the cancel counts"


def test_every_broken_checkpoint_is_seen_before_it_is_used(tmp_path: Path) -> None:
    for library in ("torch", "transformers", "diffusers", "demucs"):
        pytest.importorskip(library)
    from bench.faults.row_27_weights import CASES, measure, named

    row = measure(tmp_path / "row", quick=True)
    assert row.green, row.wrong
    assert row.figures == {"broken": len(CASES), "seen_by_check": len(CASES)} and len(CASES) >= 14
    for words in ("It is broken.", f"Traceback {tmp_path}.", f"{tmp_path} ends\nlate."):  # the judge itself
        assert not named("one", words, tmp_path, wrong := []) and wrong


def test_a_broken_folder_of_ones_own_says_what_is_wrong_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "shelf" / "whole")
    lost = folder(tmp_path / "shelf" / "mine", tokenizer_json=None) / "tokenizer.json"
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path / "shelf"))
    settings.settings.cache_clear()
    with pytest.raises(BadCheckpoint) as error:
        brief.chosen(Generate(prompt="lofi", engine="musicgen", checkpoint="mine"))
    says(error, f"{lost} is missing")
    assert checkpoints.broken("whole") is None and checkpoints.broken("nobody") is None
    with pytest.raises(BadRequest, match="none of this name here; there is whole"):
        brief.chosen(Generate(prompt="lofi", engine="musicgen", checkpoint="nobody"))


def test_words_that_somebody_edited_are_theirs(tmp_path: Path) -> None:
    place = folder(tmp_path / "theirs")
    notes = place / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        digest = hashlib.sha256(FILES[name]).hexdigest()
        (notes / f"{name}.metadata").write_text(f"{COMMIT}\n{digest}\n{time.time() - 60}\n")
    told(place / "config.json", auto_map=None)
    assert checkpoints.verify(place) == ("config.json", "tokenizer.json")


def test_a_language_model_needs_a_chat_template(tmp_path: Path) -> None:
    said = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}
    place = folder(tmp_path / "chat", config_json=json.dumps(said).encode())
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, str(place / "tokenizer_config.json"), "no chat template")
    (place / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    checkpoints.check(place)
    (place / "tokenizer_config.json").write_text("{}")
    (place / "chat_template.jinja").write_text("{{ messages }}")
    checkpoints.check(place)


def test_a_fifo_or_a_folder_is_no_file(tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny", model_safetensors=None)
    os.mkfifo(place / "model.safetensors")
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, "model.safetensors is no file")
    with pytest.raises(BadCheckpoint, match="is no folder"):
        checkpoints.check(place / "config.json")


def test_pickles_beside_nothing_else_are_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny", model_safetensors=None)
    (place / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadCheckpoint, match=r"as pickle \(\.bin\) only"):
        checkpoints.check(place)


def test_audiocraft_folders(tmp_path: Path) -> None:
    place = tmp_path / "tune"
    place.mkdir()
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        with zipfile.ZipFile(place / name, "w") as archive:
            archive.writestr("archive/data.pkl", b"never opened")
    checkpoints.check(place)
    assert checkpoints.layout(place) == "audiocraft" and checkpoints.kind(place) == ""
    (place / "compression_state_dict.bin").unlink()
    checkpoints.check(place)  # the codec is the same for all of them
    whole = (place / "state_dict.bin").read_bytes()
    (place / "state_dict.bin").write_bytes(whole[:60])
    with pytest.raises(BadCheckpoint, match=r"state_dict\.bin is cut off"):
        checkpoints.check(place)


def test_no_mutated_header_raises_anything_else(tmp_path: Path) -> None:
    """500 headers with a byte or two changed: refused in a sentence, or fine."""
    import random

    chance, whole = random.Random(1), bytearray(safetensors({"a": 8, "b": 8}))
    path = tmp_path / "model.safetensors"
    refused = 0
    for _ in range(500):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 2))):
            changed[chance.randrange(130)] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            checkpoints.header(path)
        except BadCheckpoint:
            refused += 1
    assert 200 < refused < 500


def part(place: Path, **files: bytes) -> None:
    place.mkdir(parents=True)
    for name, data in files.items():
        (place / name.replace("__", ".")).write_bytes(data)


def pipeline(place: Path, **changed: Any) -> Path:
    """A pipeline in the layout of diffusers, with three of its parts."""
    index = {"_class_name": "AceStepPipeline", "transformer": ["diffusers", "AceStepTransformer1DModel"]}
    index |= {
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }
    part(place, model_index__json=json.dumps(index | {"audio_tokenizer": [None, None]} | changed).encode())
    config = json.dumps({"is_turbo": False, "model_version": "sft"}).encode()
    part(place / "transformer", config__json=config, diffusion_pytorch_model__safetensors=safetensors({"a": 4}))
    part(place / "tokenizer", tokenizer__json=b"{}")
    part(place / "scheduler", scheduler_config__json=b"{}")
    return place


def test_a_pipeline_is_whole_where_every_part_is(tmp_path: Path) -> None:
    place = pipeline(tmp_path / "one")
    checkpoints.check(place)
    assert (checkpoints.layout(place), checkpoints.kind(place)) == ("diffusers", "sft")
    before = checkpoints.fingerprint(place)
    weights = place / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(safetensors({"a": 5}))
    assert checkpoints.fingerprint(place) != before
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BadCheckpoint, match=r"diffusion_pytorch_model.safetensors is cut off"):
        checkpoints.check(place)
    (place / "tokenizer" / "tokenizer.json").unlink()
    weights.write_bytes(safetensors({"a": 5}))
    with pytest.raises(BadCheckpoint, match=r"tokenizer.json is missing"):
        checkpoints.check(place)
    with pytest.raises(BadCheckpoint, match=r"is for 'FluxPipeline'; the studio knows AceStepPipeline"):
        checkpoints.check(pipeline(tmp_path / "two", _class_name="FluxPipeline"))


# --- code of others ---------------------------------------------------------------------------------------------------


def told(path: Path, **changed: Any) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changed))


def evil_part(place: Path, spring: str) -> None:
    (place / "vae" / "evil.py").write_text(f"{spring}class Evil: pass\n")
    told(place / "model_index.json", vae=["evil", "Evil"])


def evil_pipeline(place: Path, spring: str) -> None:
    (place / "pipeline.py").write_text(f"{spring}class Mine: pass\n")
    told(place / "model_index.json", _class_name=["pipeline", "Mine"])


def foreign_module(place: Path, spring: str) -> None:
    told(place / "model_index.json", vae=["os", "system"])


def side_effect(place: Path, spring: str) -> None:
    (place.parent / "springs.py").write_text(spring)  # on Python's path
    told(place / "model_index.json", vae=["springs", "AutoencoderOobleck"])


def auto_model(place: Path, spring: str) -> None:
    (place / "text_encoder" / "mine.py").write_text(f"{spring}class Mine: pass\n")
    told(place / "model_index.json", text_encoder=["transformers", "AutoModel"])
    told(place / "text_encoder" / "config.json", auto_map={"AutoModel": "mine.Mine"})


def auto_map(place: Path, spring: str) -> None:
    (place / "text_encoder" / "mine.py").write_text(f"{spring}class Mine: pass\n")
    told(place / "text_encoder" / "config.json", auto_map={"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"})


def auto_tokenizer(place: Path, spring: str) -> None:
    (place / "tokenizer" / "mine.py").write_text(f"{spring}class Mine: pass\n")
    told(place / "tokenizer" / "tokenizer_config.json", auto_map={"AutoTokenizer": ["mine.Mine", None]})


def another_tokenizer(place: Path, spring: str) -> None:
    told(place / "tokenizer" / "tokenizer_config.json", tokenizer_class="CodeRunner")


def unknown_part(place: Path, spring: str) -> None:
    told(place / "model_index.json", **{"../outside": ["diffusers", "AutoencoderOobleck"]})


def library_alone(place: Path, spring: str) -> None:
    (place.parent / "springs.py").write_text(spring)
    told(place / "model_index.json", vae=["springs", None])


def class_forgotten(place: Path, spring: str) -> None:
    told(place / "model_index.json", vae=["diffusers", None])


def another_class_inside(place: Path, spring: str) -> None:
    told(place / "vae" / "config.json", _class_name="AutoencoderKL")


def another_scheduler(place: Path, spring: str) -> None:
    told(place / "scheduler" / "scheduler_config.json", _class_name="Evil")


DOCTORED = {
    evil_part: "names 'Evil' of 'evil' for its vae",
    evil_pipeline: "is for ['pipeline', 'Mine']",
    foreign_module: "names 'system' of 'os' for its vae",
    side_effect: "names 'AutoencoderOobleck' of 'springs' for its vae",
    auto_model: "names 'AutoModel' of 'transformers' for its text_encoder",
    auto_map: "text_encoder/config.json names code of its own (auto_map)",
    auto_tokenizer: "tokenizer/tokenizer_config.json names code of its own (auto_map)",
    another_tokenizer: "says tokenizer_class 'CodeRunner'",
    unknown_part: "names a part '../outside'",
    library_alone: "names None of 'springs' for its vae",
    class_forgotten: "names None of 'diffusers' for its vae",
    another_class_inside: "says _class_name 'AutoencoderKL'",
    another_scheduler: "says _class_name 'Evil'",
}


def whole_pipeline(place: Path) -> Path:
    told(pipeline(place) / "model_index.json", vae=["diffusers", "AutoencoderOobleck"])
    told(place / "model_index.json", text_encoder=["transformers", "Qwen3Model"])
    config = {"vae": {"_class_name": "AutoencoderOobleck"}, "text_encoder": {"architectures": ["Qwen3ForCausalLM"]}}
    for name, weights in (("vae", "diffusion_pytorch_model__safetensors"), ("text_encoder", "model__safetensors")):
        files = {"config__json": json.dumps(config[name]).encode(), weights: safetensors({"a": 4})}
        part(place / name, **files)
    return place


@pytest.mark.parametrize("doctor", DOCTORED)
def test_code_of_others_is_refused_before_anything_is_imported(
    doctor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = whole_pipeline(tmp_path / "one")
    checkpoints.check(place)
    canary = tmp_path / "sprung"
    doctor(place, f"open({str(canary)!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, DOCTORED[doctor], str(place))
    assert not canary.exists() and set(sys.modules) == before


@pytest.mark.parametrize(
    ("file", "said", "words"),
    [
        ("config.json", {"architectures": ["EvilForCausalLM"]}, "says architectures 'EvilForCausalLM'"),
        ("config.json", {"architectures": [["x"]]}, "says architectures"),
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "mine.Mine"}}, "config.json names code of its own"),
        ("config.json", {"text_encoder": {"auto_map": {"AutoModel": "mine.Mine"}}}, "names code of its own"),
        ("config.json", {"attn_implementation": "somebody/kernel"}, "wants attention from 'somebody/kernel'"),
        ("tokenizer_config.json", {"tokenizer_class": "Evil"}, "says tokenizer_class 'Evil'"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["a.B", None]}}, "names code of its own"),
        ("preprocessor_config.json", {"auto_map": {"AutoProcessor": "a.B"}}, "names code of its own"),
    ],
)
def test_a_model_names_no_class_that_is_not_known(file: str, said: dict[str, Any], words: str, tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny")
    told(place / "config.json", architectures=["MusicgenForConditionalGeneration"], model_type="musicgen")
    told(place / "tokenizer_config.json", tokenizer_class="T5Tokenizer", auto_map=None)
    checkpoints.check(place)
    told(place / file, **said)
    with pytest.raises(BadCheckpoint) as error:
        checkpoints.check(place)
    says(error, words, str(place / file))


def test_the_classes_that_are_known_are_there() -> None:
    transformers, diffusers = pytest.importorskip("transformers"), pytest.importorskip("diffusers")
    rooms = {"transformers": transformers, "diffusers": diffusers, "ace_step": diffusers.pipelines.ace_step}
    for name in (*classes.MODELS, *classes.TOKENIZERS):
        assert hasattr(transformers, name), name
    for library, name in (pair for pairs in classes.PARTS.values() for pair in pairs):
        assert hasattr(rooms[library], name), (library, name)


def test_ace_steps_own_layout_is_known(tmp_path: Path) -> None:
    import io

    silence = io.BytesIO()
    with zipfile.ZipFile(silence, "w") as archive:
        archive.writestr("archive/data.pkl", b"never opened here")
    files = {"config__json": b'{"is_turbo": true}', "model__safetensors": safetensors({"a": 4})}
    part(tmp_path / "alone", **files, silence_latent__pt=silence.getvalue())
    part(tmp_path / "umbrella" / "acestep-v15-turbo", **files, silence_latent__pt=silence.getvalue())
    for place in (tmp_path / "alone", tmp_path / "umbrella"):
        checkpoints.check(place)
        assert (checkpoints.layout(place), checkpoints.kind(place)) == ("native", "turbo")
    (tmp_path / "alone" / "silence_latent.pt").write_bytes(silence.getvalue()[:50])
    with pytest.raises(BadCheckpoint, match=r"silence_latent.pt is cut off"):
        checkpoints.check(tmp_path / "alone")


# --- where they lie ---------------------------------------------------------------------------------------------------


def shelve(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(place))
    settings.settings.cache_clear()


def test_a_shelf_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    melody = json.dumps(CONFIG | {"model_type": "musicgen_melody"}).encode()
    folder(tmp_path / "shelf" / "musicgen-small")
    folder(tmp_path / "shelf" / "my-tune", config_json=melody)
    (tmp_path / "shelf" / "photos").mkdir()
    folder(tmp_path / "shelf" / "broken", model_safetensors=LFS)
    shelve(monkeypatch, tmp_path / "shelf")
    found = {one.name: one for one in checkpoints.there()}
    assert found.keys() == {"musicgen-small", "my-tune", "broken"}
    assert found["musicgen-small"].checkpoint is checkpoints.known()["musicgen-small"]
    assert (found["my-tune"].kind, found["my-tune"].checkpoint, found["my-tune"].bytes > WEIGHTS) == (
        "melody",
        None,
        True,
    )
    assert "LFS pointer" in (found["broken"].problem or "") and not found["broken"].ours
    assert checkpoints.find("musicgen-small") == tmp_path / "shelf" / "musicgen-small"
    assert checkpoints.find("broken") is None
    with pytest.raises(BadCheckpoint, match="LFS pointer"):
        checkpoints.need("broken")
    with pytest.raises(EngineMissing, match="studio models get musicgen-large"):
        checkpoints.need("musicgen-large")
    with pytest.raises(EngineMissing, match="is no checkpoint here"):
        checkpoints.need("nothing")


def test_one_checkpoints_own_folder_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "my-tune")
    assert checkpoints.find(str(place)) == place and checkpoints.find("my-tune") is None
    shelve(monkeypatch, place)
    assert checkpoints.find("my-tune") == place == checkpoints.need("my-tune")
    monkeypatch.chdir(tmp_path)
    assert checkpoints.find("./my-tune") == Path("my-tune")


def test_the_hugging_face_cache(tmp_path: Path) -> None:
    small = checkpoints.known()["musicgen-small"]
    snapshots = tmp_path / "cache" / "hub" / "models--facebook--musicgen-small" / "snapshots"
    folder(snapshots / "older")
    assert checkpoints.find("musicgen-small") is None  # a file is missing there
    assert not checkpoints.there()
    names = {"preprocessor_config.json": b"{}"}
    folder(snapshots / "older", names | FILES)
    assert checkpoints.find("musicgen-small") == snapshots / "older"
    folder(snapshots / small.revision, names | FILES)
    assert checkpoints.find("musicgen-small") == snapshots / small.revision


def test_what_a_space_preloads_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    preloaded = tmp_path / ".cache" / "huggingface" / "hub" / "models--facebook--musicgen-small" / "snapshots" / "one"
    folder(preloaded, {"preprocessor_config.json": b"{}"} | FILES)
    assert checkpoints.find("musicgen-small") is None
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    assert checkpoints.find("musicgen-small") == preloaded


# --- download ---------------------------------------------------------------------------------------------------------


def test_a_download(tiny: Hub, home: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    place = checkpoints.fetch("tiny", lambda *news: seen.append(news))
    assert place == home / "checkpoints" / "tiny" == checkpoints.find("tiny")
    assert {path.name: path.read_bytes() for path in place.iterdir() if path.name != "studio.json"} == FILES
    assert checkpoints.manifest(place)["revision"] == COMMIT
    assert seen[-1][:2] == (ALL, ALL)
    counted = [done for done, total, _ in seen if total == ALL]
    assert counted == sorted(counted) and len(counted) > 4
    assert not list(place.parent.glob(".partial-*"))
    asked = len(tiny.asked)
    assert checkpoints.fetch("tiny") == place and len(tiny.asked) == asked
    assert [one.ours for one in checkpoints.there()] == [True]


def test_where_the_files_are_not_known_the_hub_is_asked(tiny: Hub, home: Path, tmp_path: Path) -> None:
    """Folders are kept, one of them may be taken alone, and only what fits a pattern comes."""
    place = pipeline(tmp_path / "theirs")
    said = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    beside = {
        "README.md": b"words",
        "pytorch_model.bin": b"PK",
        "transformer/../x.json": b"{}",
        ".hidden/config.json": b"{}",
    }
    tiny.files = {f"inner/{name}": data for name, data in said.items()} | {"inner/" + name: b"x" for name in beside}
    whole = (
        tables.TABLE.read_text()
        .split("weights = [")[0]
        .replace("layers = 2\nhidden = 16\ncodebooks = 4\ncross = true", "")
    )
    files = whole.split("files = [")[1].split("]")[0]
    wanted = (
        'layout = "diffusers"\nbytes = 400_000\ninside = "inner"\nwanted = ["*.json", "*/*.json", "*/*.safetensors"]\n'
    )
    tables.TABLE.write_text(whole.replace(f"files = [{files}]", "files = []") + wanted + 'notes = ""\n')
    tables._table.cache_clear()
    tiny.faults["inner/transformer/diffusion_pytorch_model.safetensors"] = [("drop", 20)]
    got = checkpoints.fetch("tiny")
    assert {str(path.relative_to(got)) for path in got.rglob("*") if path.is_file()} == {*said, "studio.json"}
    checkpoints.check(got)
    assert checkpoints.find("tiny") == got and checkpoints.layout(got) == "diffusers"
    tiny.files = {"inner/README.md": b"words"}
    checkpoints.forget("tiny")
    with pytest.raises(CannotFetch, match="has no weights that the studio can read"):
        checkpoints.fetch("tiny")


def test_dropped_connections_are_gone_on_with(tiny: Hub) -> None:
    tiny.faults["model.safetensors"] = [("drop", 100_000), ("drop", 0), ("drop", 200_000), ("status", 503)]
    checkpoints.fetch("tiny")
    assert tiny.sent["model.safetensors"] == WEIGHTS  # no byte came twice
    assert ("model.safetensors", "bytes=300000-") in tiny.asked


def test_a_cancelled_download_is_resumed(tiny: Hub, home: Path) -> None:
    tiny.faults["model.safetensors"] = [("drop", 250_000), *[("drop", 0)] * 9]

    def stop(done: int, total: int, what: str) -> None:
        if done >= 200_000:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        checkpoints.fetch("tiny", stop)
    assert checkpoints.find("tiny") is None and not (home / "checkpoints" / "tiny").exists()
    (part,) = (home / "checkpoints" / ".partial-tiny").glob("model.safetensors.*.part")
    come = part.stat().st_size
    assert 190_000 < come <= 250_000
    tiny.faults.clear()
    tiny.asked.clear()
    tiny.sent.clear()
    checkpoints.fetch("tiny")
    assert tiny.sent["model.safetensors"] == WEIGHTS - come
    assert tiny.asked == [("", None), ("model.safetensors", f"bytes={come}-")]  # the small ones were there


def test_a_slow_answer_can_be_cancelled(tiny: Hub) -> None:
    gate = threading.Event()
    tiny.faults["model.safetensors"] = [("gate", gate)]

    def stop(done: int, total: int, what: str) -> None:
        if done > WEIGHTS // 4:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        checkpoints.fetch("tiny", stop)
    assert not gate.is_set()  # the second half was never waited for
    gate.set()


def test_silence_is_not_waited_for_forever(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    gate = threading.Event()
    tiny.faults["model.safetensors"] = [("gate", gate)]
    checkpoints.fetch("tiny")
    gate.set()
    assert any(name == "model.safetensors" and span for name, span in tiny.asked)


def test_a_hub_that_ignores_ranges(tiny: Hub) -> None:
    tiny.faults["model.safetensors"] = [("drop", 100_000), ("whole",)]
    checkpoints.check(checkpoints.fetch("tiny"))


def test_a_wrong_checksum(tiny: Hub, home: Path) -> None:
    tiny.faults["model.safetensors"] = [("wrong",)]
    with pytest.raises(CannotFetch) as error:
        checkpoints.fetch("tiny")
    says(error, "model.safetensors of somebody/tiny came damaged", "try again")
    assert not (home / "checkpoints" / "tiny").exists()
    assert checkpoints.fetch("tiny").is_dir()


def test_a_small_file_is_verified_too(tiny: Hub) -> None:
    tiny.faults["config.json"] = [("wrong",)]
    with pytest.raises(CannotFetch, match=r"config\.json of somebody/tiny came damaged"):
        checkpoints.fetch("tiny")


def test_other_weights_than_the_studio_knows(tiny: Hub, tmp_path: Path) -> None:
    table(tmp_path / "checkpoints.toml", sha256="ab" * 32)
    tables._table.cache_clear()
    with pytest.raises(CannotFetch, match=r"another model\.safetensors than the studio knows"):
        checkpoints.fetch("tiny")
    assert not tiny.sent["model.safetensors"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "set HF_TOKEN"),
        (403, "set HF_TOKEN"),
        (404, "at revision main (404); update the studio"),
        (429, "asks for patience (429)"),
        (500, "is in trouble (500)"),
        (503, "try again later with the same command"),
    ],
)
@pytest.mark.parametrize("path", ["", "model.safetensors"])
def test_what_the_hub_says_no_with(tiny: Hub, code: int, words: str, path: str) -> None:
    tiny.faults[path] = [("status", code, "always")]
    with pytest.raises(CannotFetch) as error:
        checkpoints.fetch("tiny")
    says(error, words, "somebody/tiny")
    asked = sum(name == path for name, _ in tiny.asked)
    assert asked == (fetching.TRIES if code in fetching.BUSY else 1)
    assert checkpoints.find("tiny") is None


def test_a_short_fit_of_the_hub_is_waited_for(tiny: Hub) -> None:
    tiny.faults |= {"": [("status", 429)], "config.json": [("status", 500), ("status", 502)]}
    assert checkpoints.fetch("tiny").is_dir()


def test_offline(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CannotFetch) as error:
        checkpoints.fetch("tiny")
    says(error, "cannot be reached for somebody/tiny", "HF_ENDPOINT")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CannotFetch, match="HF_HUB_OFFLINE is set"):
        checkpoints.fetch("tiny")


def test_a_login_page_is_no_hub(tiny: Hub) -> None:
    tiny.faults[""] = [("html",)]
    with pytest.raises(CannotFetch, match="asks for a login first"):
        checkpoints.fetch("tiny")


def test_the_token_is_sent(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    checkpoints.fetch("tiny")
    assert tiny.tokens == {"Bearer hf_secret"}


def test_the_bytes_come_from_another_host_which_is_not_told_the_token(
    tiny: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    tiny.faults["model.safetensors"] = [("cdn",), ("drop", 100_000), ("cdn",), ("fine",)]
    checkpoints.fetch("tiny")
    assert tiny.tokens == {"Bearer hf_secret"} and tiny.cdn_tokens == {None}
    assert tiny.asked[-1] == ("model.safetensors", "bytes=100000-") and tiny.sent["model.safetensors"] == WEIGHTS


def test_patience_can_be_cancelled(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WAITS", (60.0, 60.0))
    tiny.faults["model.safetensors"] = [("drop", 1000)]
    looks = 0

    def stop(done: int, total: int, what: str) -> None:
        nonlocal looks
        looks += what == "model.safetensors" and done > 1000
        if looks > 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        checkpoints.fetch("tiny", stop)


def test_a_file_that_the_hub_does_not_have(tiny: Hub) -> None:
    del tiny.files["tokenizer.json"]
    with pytest.raises(CannotFetch, match=r"has no tokenizer\.json at revision main"):
        checkpoints.fetch("tiny")


def test_weights_that_lie_are_not_published(tiny: Hub, home: Path) -> None:
    """The hub itself has a broken file: every byte arrives as announced."""
    tiny.files["model.safetensors"] = FILES["model.safetensors"][:-4]
    with pytest.raises(BadCheckpoint, match="is cut off"):
        checkpoints.fetch("tiny")
    assert not list((home / "checkpoints").glob("*tiny/*"))


def test_a_disk_that_is_too_small(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", str(10**18))
    settings.settings.cache_clear()
    with pytest.raises(DiskFull) as error:
        checkpoints.fetch("tiny")
    says(error, "tiny takes 0.00 GB of disk", "GB are free", "STUDIO_HOME")
    assert not tiny.sent["model.safetensors"]


def test_a_disk_that_fills_on_the_way(tiny: Hub, home: Path) -> None:
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000));" + ELSEWHERE
    done = elsewhere(code, tiny, home)
    assert done.stdout.strip() == "DiskFull: The disk is full; free some space and try again."
    assert not (home / "checkpoints" / "tiny").exists()
    assert checkpoints.fetch("tiny").is_dir()
    assert tiny.sent["model.safetensors"] < 2 * WEIGHTS  # gone on with


ELSEWHERE = """
import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
import checkpoints, checkpoints.table
from song.errors import StudioError
checkpoints.table.TABLE = Path(sys.argv[1])
try:
    print(checkpoints.fetch("tiny"))
except StudioError as error:
    print(f"{type(error).__name__}: {error}")
"""


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code, str(tables.TABLE)]


def elsewhere(code: str, tiny: Hub, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(code), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)


def test_two_processes_at_once(tiny: Hub, home: Path) -> None:
    gate = threading.Event()
    tiny.faults["model.safetensors"] = [("gate", gate)]
    both = [subprocess.Popen(command(ELSEWHERE), cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    threading.Timer(2.0, gate.set).start()
    said = [process.communicate(timeout=60)[0].strip() for process in both]
    assert said == [str(home / "checkpoints" / "tiny")] * 2
    assert tiny.sent["model.safetensors"] == WEIGHTS  # once
    checkpoints.check(home / "checkpoints" / "tiny")


def test_a_killed_download_is_resumed(tiny: Hub, home: Path) -> None:
    gate = threading.Event()
    tiny.faults["model.safetensors"] = [("gate", gate)]
    process = subprocess.Popen(command(ELSEWHERE), cwd=ROOT)
    begun = home / "checkpoints" / ".partial-tiny"
    while not any(path.stat().st_size for path in begun.glob("model*.part")):
        assert process.poll() is None
    process.kill()
    process.wait()
    gate.set()
    (part,) = begun.glob("model*.part")
    come = part.stat().st_size
    checkpoints.fetch("tiny")
    assert 0 < come < WEIGHTS and tiny.asked[-1] == ("model.safetensors", f"bytes={come}-")


def test_another_revision_does_not_mix(tiny: Hub, home: Path) -> None:
    tiny.faults["model.safetensors"] = [("drop", 100_000), *[("drop", 0)] * 5]
    with pytest.raises(CannotFetch, match="has come is kept"):
        checkpoints.fetch("tiny")
    tiny.faults.clear()
    tiny.files["model.safetensors"] = safetensors({"a": 90_000, "b": 60_000})
    place = checkpoints.fetch("tiny")
    assert (place / "model.safetensors").read_bytes() == tiny.files["model.safetensors"]


def test_a_broken_download_is_replaced_and_a_strangers_folder_is_not(tiny: Hub, home: Path) -> None:
    place = checkpoints.fetch("tiny")
    (place / "model.safetensors").write_bytes(FILES["model.safetensors"][:1000])
    with pytest.raises(BadCheckpoint, match=f"has 1000 bytes instead of {WEIGHTS}"):
        checkpoints.need("tiny")
    checkpoints.check(checkpoints.fetch("tiny"))
    (place / "studio.json").unlink()
    (place / "config.json").write_bytes(b"mine")
    with pytest.raises(BadCheckpoint):
        checkpoints.fetch("tiny")
    assert (place / "config.json").read_bytes() == b"mine"


def test_forget(tiny: Hub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        checkpoints.forget("tiny")
    place = checkpoints.fetch("tiny")
    assert checkpoints.forget("tiny") > WEIGHTS and not place.exists()
    folder(place)
    with pytest.raises(BadRequest, match="was not downloaded by the studio"):
        checkpoints.forget("tiny")
    own = folder(tmp_path / "shelf" / "own")
    shelve(monkeypatch, own.parent)
    with pytest.raises(BadRequest, match="was not downloaded by the studio"):
        checkpoints.forget("own")
    for name in ("../home", "/", "..", ".partial-tiny"):
        with pytest.raises(BadRequest):
            checkpoints.forget(name)
    assert place.is_dir() and own.is_dir()


def test_a_name_that_nobody_knows(tiny: Hub) -> None:
    with pytest.raises(NotFound, match="there are tiny"):
        checkpoints.fetch("../x")
