"""LoRAs before they are used: what a file is, what it holds, why it is refused, and how the shelf keeps it."""

import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checkpoints
import cli
import loras
import settings
import tiny_loras as tiny
from checkpoints import table as tables
from loras import file as files
from loras import names
from song.errors import BadRequest, DiskFull, NotFound
from song.loras import Wanted, parse, written
from song.request import read
from tiny_hub import REPO, hub

TENSORS = 32  # of a tiny LoRA: two layers, two attentions, four projections, two matrices


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shelf of this test's own."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", "0")
    settings.settings.cache_clear()
    yield tmp_path / "home"
    settings.settings.cache_clear()


def refused(path: Path, config: dict[str, Any] | None = None) -> str:
    with pytest.raises(BadRequest) as no:
        loras.inside(path, path.name, config)
        files.check_finite(path, path.name)
    assert no.value.field == "loras" and path.name[:80] in str(no.value)
    assert "\n" not in str(no.value) and len(str(no.value)) < 400
    return str(no.value)


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("erhu:0.8, choir", [("erhu", 0.8), ("choir", 1)]),
        (" a-b_c.1 : .5 ;\n d:1.5", [("a-b_c.1", 0.5), ("d", 1.5)]),
        ("off:0", [("off", 0)]),
    ],
)
def test_loras_are_asked_for_by_name_and_strength(text: str, found: list[tuple[str, float]]) -> None:
    assert parse(text) == tuple(Wanted(*one) for one in found)
    assert parse(written(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("erhu:1.6", "0 to 1.5"),
        ("erhu:-1", 'like "name:0.8"'),
        ("erhu:loud", "cannot be read"),
        ("two words", "cannot be read"),
        ("a:1, b, a:0.5", "named twice"),
        (",".join("abcdefghi"), "at most 8"),
    ],
)
def test_what_cannot_be_asked_for_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


# --- dialects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["PEFT", "ComfyUI", "LyCORIS", "diffusers"])
@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_every_dialect_is_read(tmp_path: Path, dialect: str, dtype: str) -> None:
    found = loras.inside(tiny.lora(tmp_path / "erhu.safetensors", dialect, 8, dtype), "erhu")
    assert (found.dialect, found.width, found.tensors, found.alpha) == (dialect, tiny.WIDTH, TENSORS, "the file")
    assert {one.module for one in found.patches} == set(tiny.matrices())
    assert {(one.rank, one.scale) for one in found.patches} == {(4, 2.0)}
    for one in found.patches:
        down, up, _ = tiny.named(one.module, dialect)
        assert (one.parts["down"], one.parts["up"]) == (down, up)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("base_model.model.layers.31.cross_attn.o_proj.lora_A.default.weight", "layers.31.cross_attn.to_out.0"),
        ("transformer.layers.3.self_attn.to_out.0.lora_A.weight", "layers.3.self_attn.to_out.0"),
        ("diffusion_model.decoder.layers.3.mlp.gate_proj.lora_down.weight", "layers.3.mlp.gate_proj"),
        ("lora_unet_layers_0_mlp_down_proj.lora_down.weight", "layers.0.mlp.down_proj"),
        ("lycoris_layers_12_cross_attn_k_proj.lora_down.weight", "layers.12.cross_attn.to_k"),
        ("layers.0.self_attn.q_proj.lora.down.weight", "layers.0.self_attn.to_q"),
        ("base_model.model.time_embed_r.linear_2.lora_A.weight", "time_embed_r.linear_2"),
        ("lycoris_time_embed_time_proj.lora_down.weight", "time_embed.time_proj"),
        ("diffusion_model.condition_embedder.lora_down.weight", "condition_embedder"),
    ],
)
def test_names_as_they_are_met(name: str, module: str) -> None:
    assert names.read(name) == (module, "down")


def test_who_says_the_alpha(tmp_path: Path) -> None:
    plain = tiny.lora(tmp_path / "plain.safetensors")

    def scales(path: Path = plain, config: dict[str, Any] | None = None) -> tuple[str, set[float]]:
        found = loras.inside(path, "x", config)
        return found.alpha, {one.scale for one in found.patches}

    assert scales() == ("nobody", {1.0}) and "taken as the rank" in loras.inside(plain, "x").words()
    assert scales(config={"lora_alpha": 8}) == ("adapter_config.json", {2.0})
    assert scales(config={"lora_alpha": 8, "use_rslora": True}) == ("adapter_config.json", {4.0})
    alphas = {"layers.0.self_attn.q_proj": 2, "cross_attn.v_proj": 16, "(a+)+$": 3}
    _, found = scales(config={"lora_alpha": 8, "alpha_pattern": alphas})
    assert found == {0.5, 2.0, 4.0}
    beside = tiny.lora(tmp_path / "beside.safetensors", "ComfyUI", 2)
    assert scales(beside, {"lora_alpha": 8}) == ("the file", {0.5})
    tensors = {name: values for down_up in zip_named("diffusers") for name, values in down_up}
    said = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 16})}
    assert scales(tiny.write(tmp_path / "header.safetensors", tensors, metadata=said)) == ("the file", {4.0})


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ({"ss_network_alpha": "2.0", "ss_network_dim": "4"}, 0.5),
        ({"lora_alpha": "8"}, 2.0),
        ({"alpha": "None"}, 1.0),
        ({"lora_adapter_metadata": "no json"}, 1.0),
        ({"lora_adapter_metadata": "[1]", "alpha": "8"}, 2.0),
    ],
)
def test_alphas_in_headers(tmp_path: Path, header: dict[str, str], scale: float) -> None:
    tensors = {name: values for pair in zip_named("PEFT") for name, values in pair}
    found = loras.inside(tiny.write(tmp_path / "x.safetensors", tensors, metadata=header), "x")
    assert {one.scale for one in found.patches} == {scale}


def zip_named(dialect: str) -> list[list[tuple[str, np.ndarray]]]:
    """The matrices of a tiny LoRA by their names in a dialect."""
    return [list(zip(tiny.named(module, dialect)[:2], pair, strict=True)) for module, pair in tiny.matrices().items()]


def test_words_for_people(tmp_path: Path) -> None:
    path = tiny.lora(tmp_path / "x.safetensors", "PEFT", 8, width=2560)
    assert loras.inside(path, "x").words() == "PEFT, rank 4, made for XL (2560), 32 tensors"


# --- LoKr, LoHa and DoRA ----------------------------------------------------------------------------------------------

MODULES = {"layers.0.self_attn.to_q": (32, 32), "layers.1.mlp.down_proj": (32, 64), "time_embed.linear_1": (32, 256)}


def kin(kind: str = "LoKr both", lengths: str = "", **changed: np.ndarray | None) -> dict[str, tiny.Parts]:
    """An adapter of a kind with three modules; `changed` replaces parts of the first, or leaves them out."""
    chance = np.random.default_rng(0)
    held = {name: tiny.parts(kind, *shape, chance, lengths=lengths) for name, shape in MODULES.items()}
    first = held["layers.0.self_attn.to_q"] | changed
    held["layers.0.self_attn.to_q"] = {part: values for part, values in first.items() if values is not None}
    return held


@pytest.mark.parametrize("dialect", ["PEFT", "ComfyUI", "LyCORIS", "diffusers"])
@pytest.mark.parametrize(
    ("kind", "lengths", "words", "scale", "tensors"),
    [
        ("LoKr", "", "LoKr, whole", 1.0, 6),
        ("LoKr w2", "", "LoKr, rank 2", 1.5, 9),
        ("LoKr both", "rows", "LoKr with DoRA, rank 2", 1.5, 15),
        ("LoHa", "", "LoHa, rank 2", 1.5, 12),
        ("LoRA", "columns", "DoRA, rank 2", 1.5, 9),
    ],
)
def test_every_kind_is_read_in_every_dialect(
    tmp_path: Path, dialect: str, kind: str, lengths: str, words: str, scale: float, tensors: int
) -> None:
    path = tiny.lycoris(tmp_path / "x.safetensors", kin(kind, lengths), dialect)
    found = loras.inside(path, "x")
    assert {one.module: (one.out, one.into) for one in found.patches} == MODULES
    assert {one.scale for one in found.patches} == {scale} and found.alpha == "the file"
    assert found.words().startswith(
        (f"{dialect} {words}, made for another size (32), {tensors} tensors", "ComfyUI DoRA")
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("lycoris_layers_0_cross_attn_k_proj.lokr_w2_b", ("layers.0.cross_attn.to_k", "lokr_w2_b")),
        ("lycoris_decoder_layers_0_cross_attn_k_proj.lokr_w1", ("layers.0.cross_attn.to_k", "lokr_w1")),
        ("lycoris_time_embed_r_time_proj.dora_scale", ("time_embed_r.time_proj", "dora_scale")),
        ("lycoris_condition_embedder.hada_w1_a", ("condition_embedder", "hada_w1_a")),
        ("lora_transformer_layers_9_cross_attn_to_out_0.lokr_w1_a", ("layers.9.cross_attn.to_out.0", "lokr_w1_a")),
        ("diffusion_model.layers.3.mlp.gate_proj.hada_w2_b", ("layers.3.mlp.gate_proj", "hada_w2_b")),
        ("layers.3.self_attn.o_proj.lokr_w1", ("layers.3.self_attn.to_out.0", "lokr_w1")),
        ("base_model.model.layers.3.self_attn.q_proj.lokr_w2.default", ("layers.3.self_attn.to_q", "lokr_w2")),
        ("base_model.model.layers.3.mlp.up_proj.lora_magnitude_vector", ("layers.3.mlp.up_proj", "magnitude")),
        (
            "transformer.layers.3.cross_attn.to_q.lora_magnitude_vector.weight",
            ("layers.3.cross_attn.to_q", "magnitude"),
        ),
    ],
)
def test_names_of_other_kinds_as_they_are_met(name: str, known: tuple[str, str]) -> None:
    assert names.read(name) == known


@pytest.mark.parametrize(
    ("kind", "changed", "why"),
    [
        ("LoKr both", {"lokr_w1_b": None}, "is not whole: lycoris_layers_0_self_attn_q_proj.lokr_w1_a has no"),
        ("LoKr", {"lokr_w2": None}, "is not whole"),
        ("LoHa", {"hada_w2_a": None}, "is not whole"),
        ("LoKr both", {"lokr_w1": np.ones((8, 8))}, "holds lokr_w1 of layers.0.self_attn.to_q both whole and as a"),
        ("LoKr both", {"lokr_w1_a": np.ones((8, 3)), "lokr_w1_b": np.ones((3, 8))}, "two ranks for layers.0"),
        ("LoKr both", {"lokr_w2_a": np.ones((4, 3))}, "two ranks for layers.0.self_attn.to_q, 2 and 3"),
        ("LoHa", {"hada_w2_a": np.ones((16, 2))}, "is made for two sizes of layers.0.self_attn.to_q, 32 x 32 and 16"),
        ("LoKr", {"lokr_w2": np.ones((4, 4, 2))}, "changes layers.0.self_attn.to_q by 4 x 4 x 2; only pairs of"),
        ("LoKr", {"lokr_w1": np.ones((8, 16))}, "is made for several widths at once, 32, 64"),
        ("LoKr both", {"dora_scale": np.ones((31, 1))}, "has 31 x 1 lengths for layers.0.self_attn.to_q, which is 32"),
        ("LoRA", {"dora_scale": np.ones(32), "lora_magnitude_vector": np.ones(32)}, "says the lengths of"),
        ("LoKr both", {"alpha": np.array(np.nan)}, "has nan as alpha"),
        ("LoHa", {"hada_w1_a": np.full((32, 2), np.nan, np.float32)}, "NaN or infinity"),
    ],
)
def test_other_kinds_that_cannot_be_played(tmp_path: Path, kind: str, changed: Any, why: str) -> None:
    assert why in refused(tiny.lycoris(tmp_path / "x.safetensors", kin(kind, **changed)))


def test_the_alpha_of_whole_factors_counts_for_peft_alone(tmp_path: Path) -> None:
    """Trainers ask for them with a rank beyond all sizes, which becomes the alpha: it means nothing."""
    path = tiny.lycoris(tmp_path / "x.safetensors", kin("LoKr", alpha=np.array(1e10)))
    assert {one.scale for one in loras.inside(path, "x").patches} == {1.0}
    bare = tiny.lycoris(tmp_path / "bare.safetensors", kin("LoKr", alpha=None), "PEFT")
    config = {"peft_type": "LOKR", "r": 4, "alpha": 8, "rank_pattern": {"linear_1": 8}, "alpha_pattern": {"q_proj": 6}}
    found = {one.module: one.scale for one in loras.inside(bare, "x", config).patches}
    assert found == {"layers.0.self_attn.to_q": 1.5, "layers.1.mlp.down_proj": 2.0, "time_embed.linear_1": 1.0}
    assert "has None as rank of layers.0.self_attn.to_q in its adapter_config" in refused(bare, {"peft_type": "LOKR"})


def test_a_config_belongs_to_its_file(tmp_path: Path) -> None:
    loha = tiny.lycoris(tmp_path / "loha.safetensors", kin("LoHa"))
    assert "is a LoHa, and its adapter_config.json describes a LoKr" in refused(loha, {"peft_type": "LOKR", "r": 2})
    plain = tiny.lora(tmp_path / "plain.safetensors")
    said = {"peft_type": "LORA", "lora_alpha": 8, "use_dora": True}
    assert "describes a DoRA, and there is no lora_magnitude_vector for layers.0" in refused(plain, said)
    loras.inside(plain, "plain", said | {"use_dora": False})


def test_a_product_as_large_as_no_model_is_never_built(tmp_path: Path) -> None:
    """32 kB that would be 16 GB: it is held against the model first."""
    huge = {"lokr_w1": np.ones((64, 64), np.float32), "lokr_w2": np.ones((1000, 1), np.float32), "alpha": np.ones(1)}
    path = tiny.lycoris(tmp_path / "huge.safetensors", {"condition_embedder": huge})
    with pytest.raises(BadRequest, match=r"condition_embedder is 32 x 32 in the model and 64000 x 64 in the LoKr"):
        loras.check_fit(loras.inside(path, "huge"), "huge", {"condition_embedder": (32, 32)}, 32)


def test_other_kinds_on_the_shelf(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ney").mkdir()  # as ACE-Step's own trainer leaves a LoKr
    tiny.lycoris(tmp_path / "ney" / "lokr_weights.safetensors", kin())
    code, out, _ = studio(capsys, "loras", "add", str(tmp_path / "ney"))
    assert code == 0 and out.startswith("ney: LyCORIS LoKr, rank 2, made for another size (32), 12 tensors.")
    loras.add(tiny.lora(tmp_path / "erhu.safetensors"))
    (erhu, ney) = json.loads(studio(capsys, "loras", "--json")[1])["loras"]
    assert (ney["kind"], ney["tensors"], ney["problem"]) == ("LoKr", 12, None) and erhu["kind"] == "LoRA"
    assert "ney " in (listed := studio(capsys, "loras")[1]) and "LyCORIS LoKr" in listed


# --- files that are refused -------------------------------------------------------------------------------------------


def test_files_that_are_something_else(tmp_path: Path) -> None:
    cases: dict[str, tuple[bytes, str]] = {
        "text": (b"just some words that somebody saved", "is a text, no safetensors"),
        "html": (b"<!DOCTYPE html><html><body>Not found</body></html>", "is a web page"),
        "spaced": (b"\n\n  <html><body>Sign in to continue, please</body></html>", "is a web page"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
        "empty": (b"", "is empty"),
        "short": (b"\x01", "is something else"),
        "zeros": (bytes(1000), "is something else"),
        "elf": (b"\x7fELF" + bytes(100), "is something else"),
        "gguf": (b"GGUF" + bytes(100), "GGUF"),
        "wav": (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00", "is something else"),
        "json": (json.dumps({"weights": [1] * 50}).encode(), "is a text"),
    }
    for protocol in range(2, 6):
        cases[f"pickle{protocol}"] = (pickle.dumps({"weight": [1.0] * 9}, protocol), "could run code")
    for name, (body, why) in cases.items():
        (tmp_path / f"{name}.safetensors").write_bytes(body)
        assert why in refused(tmp_path / f"{name}.safetensors"), name
    with zipfile.ZipFile(tmp_path / "torch.safetensors", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(1))
    assert "pickle or an archive" in refused(tmp_path / "torch.safetensors")


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")  # whoever opens it waits for ever
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    assert "is no file" in refused(tmp_path / "pipe.safetensors")
    assert "is no file" in refused(tmp_path / "folder.safetensors")
    assert "cannot be read" in refused(tmp_path / "gone.safetensors")
    assert "cannot be read" in refused(tmp_path / "loop.safetensors")


def test_files_that_are_not_whole(tmp_path: Path) -> None:
    whole = tiny.lora(tmp_path / "whole.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    for size, why in ((12, "is cut off"), (length // 2, "is cut off"), (length + 8, "is cut off"), (-1, "is cut off")):
        (tmp_path / "cut.safetensors").write_bytes(whole[:size])
        assert why in refused(tmp_path / "cut.safetensors"), size
    (tmp_path / "more.safetensors").write_bytes(whole + b"more")
    assert "is cut off" in refused(tmp_path / "more.safetensors")


@pytest.mark.parametrize(
    ("header", "data", "why"),
    [
        (b'{"a": 1}', 0, "damaged"),
        (b"{" * 50_000, 0, "damaged"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 0, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}', 4, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4, "damaged"),
        (b'{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}', 4, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
         4, "damaged"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
         4, "damaged"),
        (b"{}", 0, "holds 0 tensors"),
        (b'{"__metadata__":{"a":"b"}}', 0, "holds 0 tensors"),
    ],
)  # fmt: skip
def test_headers_that_lie(tmp_path: Path, header: bytes, data: int, why: str) -> None:
    assert why in refused(tiny.assemble(tmp_path / "lie.safetensors", header, bytes(data)))


@pytest.mark.parametrize("length", [0x10280, 0x10380, 0x10480, 0x10580])
def test_a_header_whose_length_begins_as_pickles_do_is_read(tmp_path: Path, length: int) -> None:
    whole = tiny.lora(tmp_path / "x.safetensors").read_bytes()
    short = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + short].ljust(length)
    assert loras.inside(tiny.assemble(tmp_path / "y.safetensors", header, whole[8 + short :]), "y").tensors == TENSORS


def test_sizes_that_no_lora_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    announced = tiny.assemble(tmp_path / "announced.safetensors", b'{"a":', length=2**62)
    assert "announces a header" in refused(announced)
    huge = tiny.lora(tmp_path / "huge.safetensors")
    with huge.open("r+b") as file:
        file.truncate(files.MAX_BYTES + 1)  # holes, which take no disk
    assert "2.1 GB, which no LoRA needs" in refused(huge)
    many = {f"layers.{number}.self_attn.q_proj.lora_A.weight": np.zeros((1, 1)) for number in range(30)}
    monkeypatch.setattr(files, "MAX_TENSORS", 20)
    assert "holds 30 tensors" in refused(tiny.write(tmp_path / "many.safetensors", many))


def changed(path: Path, **tensors: np.ndarray | None) -> Path:
    """A tiny LoRA with tensors of its first module replaced or, where None, left out: down, up, alpha."""
    first = next(iter(tiny.matrices()))
    named = dict(zip(("down", "up", "alpha"), tiny.named(first, "PEFT"), strict=True))
    whole = {name: values for pair in zip_named("PEFT") for name, values in pair}
    whole |= {named[part]: values for part, values in tensors.items() if values is not None}
    lost = {named[part] for part, values in tensors.items() if values is None}
    return tiny.write(path, {name: values for name, values in whole.items() if name not in lost})


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"up": None}, "is not whole: base_model.model.layers.0.self_attn.q_proj.lora_A.weight has no counterpart"),
        ({"up": None, "down": None, "alpha": np.ones(1)}, "is not whole"),
        ({"up": np.zeros((32, 5), np.float32)}, "two ranks for layers.0.self_attn.to_q, 4 and 5"),
        ({"down": np.zeros((4, 32, 1), np.float32)}, "only pairs of matrices"),
        ({"down": np.zeros(4, np.float32)}, "only pairs of matrices"),
        ({"down": np.zeros((0, 32), np.float32), "up": np.zeros((32, 0), np.float32)}, "only pairs of matrices"),
        ({"down": np.zeros((2000, 32), np.float32), "up": np.zeros((32, 2000), np.float32)}, "rank 2000"),
        ({"down": np.zeros((4, 48), np.float32)}, "several widths at once, 32, 48"),
        ({"down": np.full((4, 32), np.nan, np.float32)}, "NaN or infinity in base_model"),
        ({"up": np.full((32, 4), np.inf, np.float32)}, "NaN or infinity"),
        ({"alpha": np.ones(3)}, "has 3 numbers in"),
        ({"alpha": np.array(np.nan)}, "has nan as alpha"),
        ({"alpha": np.array(-1.0)}, "has -1.0 as alpha"),
        ({"alpha": np.array(np.inf)}, "has inf as alpha"),
    ],
)
def test_pairs_that_cannot_be_played(tmp_path: Path, tensors: dict[str, Any], why: str) -> None:
    assert why in refused(changed(tmp_path / "odd.safetensors", **tensors))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_one_number_that_is_none_is_found(tmp_path: Path, dtype: str, value: float) -> None:
    tensors = {name: values for pair in zip_named("PEFT") for name, values in pair}
    files.check_finite(tiny.write(tmp_path / "good.safetensors", tensors, dtype), "good")
    tensors[list(tensors)[-1]].flat[-1] = value
    assert "NaN or infinity" in refused(tiny.write(tmp_path / "bad.safetensors", tensors, dtype))


@pytest.mark.parametrize("dtype", ["F64", "F8_E4M3"])
def test_kinds_of_numbers_that_are_not_read(tmp_path: Path, dtype: str) -> None:
    assert f"as {dtype}; only F32, F16 and BF16" in refused(tiny.lora(tmp_path / "x.safetensors", dtype=dtype))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lycoris_layers_0_self_attn_q_proj.lokr_w1", "is LoKr and LoRA at once for layers.0.self_attn.to_q"),
        ("lycoris_layers_0_self_attn_q_proj.hada_w1_a", "is LoHa and LoRA at once for layers.0.self_attn.to_q"),
        (
            "diffusion_model.layers.0.self_attn.q_proj.dora_scale",
            "has 4 x 4 lengths for layers.0.self_attn.to_q, which is 32 x 32",
        ),
        ("base_model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "has 4 x 4 lengths for"),
        (
            "lycoris_layers_0_self_attn_q_proj.oft_blocks",
            "is an OFT, which the studio cannot play; it plays LoRA, LoKr",
        ),
        ("lycoris_layers_0_self_attn_q_proj.lokr_t2", "changes a convolution by lycoris_layers_0"),
        ("lycoris_layers_0_self_attn_q_proj.hada_t1", "changes a convolution by"),
        ("lycoris_proj_in_1.lokr_w1", "changes a convolution by lycoris_proj_in_1.lokr_w1; only what changes matrices"),
        ("transformer_blocks.0.attn.to_q.lora_A.weight", "ACE-Step 1 or an image model"),
        ("speaker_embedder.lora_A.weight", "ACE-Step 1"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "an image model"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "a text encoder"),
        ("base_model.model.layers.0.self_attn.q_proj.lora_B.bias", "no part of a LoRA"),
        ("base_model.model.layers.0.self_attn.x_proj.lora_A.weight", "no part of a LoRA"),
        ("encoder.layers.0.self_attn.q_proj.lora_A.weight", "no part of a LoRA"),
        ("layers.99999.self_attn.q_proj.lora_A.weight", "no part of a LoRA"),
        ("__import__('os').system('true')", "no part of a LoRA"),
        ("x" * 5000, "no part of a LoRA"),
    ],
)
def test_adapters_of_another_kind_or_model(tmp_path: Path, name: str, why: str) -> None:
    tensors = {name: values for pair in zip_named("PEFT") for name, values in pair}
    assert why in refused(tiny.write(tmp_path / "x.safetensors", tensors | {name: np.ones((4, 4))}))


def test_a_module_that_is_there_twice(tmp_path: Path) -> None:
    twice = {name: values for dialect in ("PEFT", "diffusers") for pair in zip_named(dialect) for name, values in pair}
    assert "holds layers.0.self_attn.to_q twice" in refused(tiny.write(tmp_path / "x.safetensors", twice))


@pytest.mark.parametrize("flips", range(60))
def test_headers_with_a_byte_changed_are_read_or_refused(tmp_path: Path, flips: int) -> None:
    whole = bytearray(tiny.lora(tmp_path / "x.safetensors", layers=1, rank=1).read_bytes())
    chance = np.random.default_rng(flips)
    for _ in range(chance.integers(1, 4)):
        whole[chance.integers(0, 1200)] = chance.integers(0, 256)
    (tmp_path / "x.safetensors").write_bytes(whole)
    try:
        loras.inside(tmp_path / "x.safetensors", "x")
        files.check_finite(tmp_path / "x.safetensors", "x")
    except BadRequest as no:
        assert str(no).startswith("loras: x ")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"no json", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "does not say what kind"),
        (b"{}", "does not say what kind"),
        (b'{"peft_type": "BOFT"}', "describes BOFT, which the studio cannot play; it plays LoRA, LoKr, LoHa and DoRA"),
        (b'{"peft_type": ["LORA"]}', "describes"),
    ],
)
def test_configs_that_describe_something_else(tmp_path: Path, said: bytes, why: str) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_bytes(said)
    with pytest.raises(BadRequest, match=why):
        loras.read_config(path)


@pytest.mark.parametrize("alpha", ["8", True, [], float("nan"), 0, -8, 1e30])
def test_alphas_that_are_none(tmp_path: Path, alpha: Any) -> None:
    assert "as alpha of layers.0" in refused(tiny.lora(tmp_path / "x.safetensors"), {"lora_alpha": alpha})


# --- against a model --------------------------------------------------------------------------------------------------


def shapes(width: int = tiny.WIDTH) -> dict[str, tuple[int, ...]]:
    return {module: (len(up), down.shape[1]) for module, (down, up) in tiny.matrices(width=width).items()}


def test_a_lora_is_held_against_the_model(tmp_path: Path) -> None:
    found = loras.inside(tiny.lora(tmp_path / "x.safetensors"), "x")
    loras.check_fit(found, "x", shapes(), tiny.WIDTH)
    odd = shapes() | {"layers.0.self_attn.to_k": (99, 32)}
    with pytest.raises(BadRequest, match=r"to_k is 99 x 32 in the model and 16 x 32 in the LoRA"):
        loras.check_fit(found, "x", odd, tiny.WIDTH)
    fewer = {module: shape for module, shape in shapes().items() if not module.startswith("layers.1.")}
    with pytest.raises(BadRequest, match=r"layers.1.* is no matrix of the model"):
        loras.check_fit(found, "x", fewer, tiny.WIDTH)


def test_a_lora_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    large = loras.inside(tiny.lora(tmp_path / "erhu.safetensors", width=2560, layers=1), "erhu")
    with pytest.raises(BadRequest, match=r"erhu is made for XL \(2560\), loaded is 2B \(2048\); choose"):
        loras.check_fit(large, "erhu", shapes(2048), 2048)


# --- the shelf --------------------------------------------------------------------------------------------------------


def test_a_lora_is_kept_found_and_forgotten(home: Path, tmp_path: Path) -> None:
    given = tiny.lora(tmp_path / "Erhu solo (v2).safetensors", "ComfyUI", 4)
    kept = loras.add(given)
    assert kept.name == "Erhu-solo-v2" and kept.path.read_bytes() == given.read_bytes()
    assert loras.there() == [kept] == [loras.find("Erhu-solo-v2")]
    assert kept.inside().tensors == TENSORS
    kept.check()
    assert loras.forget("Erhu-solo-v2") == kept and loras.there() == [] and list((home / "loras").iterdir()) == []
    with pytest.raises(NotFound):
        loras.forget("Erhu-solo-v2")
    with pytest.raises(BadRequest, match=r'there is no "Erhu-solo-v2" here \(none yet\); add it'):
        loras.find("Erhu-solo-v2")


def test_the_same_file_twice_is_one(home: Path, tmp_path: Path) -> None:
    first = loras.add(tiny.lora(tmp_path / "one.safetensors"))
    again = loras.add(tiny.lora(tmp_path / "two.safetensors"), "another name")
    other = loras.add(tiny.lora(tmp_path / "one.safetensors", seed=1))
    assert again == first and other.name == "one-2" and other.sha256 != first.sha256
    assert [lora.name for lora in loras.there()] == ["one", "one-2"]


def test_pefts_folder_comes_with_its_settings(home: Path, tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "new-year", alpha=8)
    for given in (folder, folder / "adapter_model.safetensors"):
        kept = loras.add(given)
        assert (kept.name, kept.inside().alpha, kept.inside().patches[0].scale) == (
            "new-year",
            "adapter_config.json",
            2,
        )
    # A stranger's file beside somebody else's config has nothing to do with it.
    tiny.lora(folder / "other.safetensors", seed=1)
    assert loras.add(folder / "other.safetensors").inside().alpha == "nobody"
    with pytest.raises(BadRequest, match="is a folder without adapter_model"):
        loras.add(tmp_path)


def test_settings_that_come_later_are_taken(home: Path, tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "new-year", alpha=8)
    bare = loras.add(tiny.lora(tmp_path / "bare.safetensors"))
    assert bare.inside().patches[0].scale == 1
    assert (
        loras.add(tmp_path / "bare.safetensors", config=folder / "adapter_config.json").inside().patches[0].scale == 2
    )
    assert [lora.name for lora in loras.there()] == ["bare"]


def test_what_is_refused_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind, only words")
    nan = changed(tmp_path / "nan.safetensors", up=np.full((32, 4), np.nan, np.float32))
    for path in (tmp_path / "bad.safetensors", nan, tmp_path / "missing.safetensors"):
        with pytest.raises(BadRequest):
            loras.add(path)
    assert loras.there() == [] and [*home.rglob("*.safetensors")] == []


def test_a_disk_that_is_too_small_is_said(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", str(2**60))
    settings.settings.cache_clear()
    with pytest.raises(DiskFull, match="MB are free"):
        loras.add(tiny.lora(tmp_path / "x.safetensors"))


def test_a_file_that_was_changed_on_the_shelf_is_noticed(home: Path, tmp_path: Path) -> None:
    kept = loras.add(tiny.lora(tmp_path / "x.safetensors"))
    kept.path.write_bytes(tiny.lora(tmp_path / "y.safetensors", seed=1).read_bytes())
    with pytest.raises(BadRequest, match="was changed on disk"):
        kept.check()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", ".hidden", "\u202eevil\x00", "'; drop", "", "e\u0301" * 9, "x" * 300]
)
def test_names_of_strangers_become_plain(home: Path, tmp_path: Path, name: str) -> None:
    kept = loras.add(tiny.lora(tmp_path / "x.safetensors"), name)
    assert parse(kept.name) == (Wanted(kept.name, 1),) and len(kept.name) <= 60
    assert read({"prompt": "x", "loras": f"{kept.name}:0.5"}).loras == f"{kept.name}:0.5"
    assert kept.path.parent.parent == home / "loras" and loras.find(kept.name) == kept


# --- the command line -------------------------------------------------------------------------------------------------


def studio(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, what came out, what was complained."""
    capsys.readouterr()
    code = cli.main(list(arguments))
    return code, *capsys.readouterr()


def test_add_list_forget(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = str(tiny.folder(tmp_path / "erhu"))
    code, out, err = studio(capsys, "loras", "add", given)
    assert (code, err) == (0, "") and "erhu: PEFT, rank 4" in out and "--loras erhu:1" in out
    code, out, _ = studio(capsys, "loras", "add", given, "--name", "other", "--json")
    assert code == 0 and json.loads(out)["name"] == "erhu" and json.loads(out)["tensors"] == TENSORS
    loras.find("erhu").path.write_bytes(b"")
    _, out, _ = studio(capsys, "loras", "--json")
    (row,) = json.loads(out)["loras"]
    assert row["name"] == "erhu" and "is empty" in row["problem"]
    assert "is empty" in studio(capsys, "loras")[1]
    code, out, err = studio(capsys, "loras", "forget", "erhu")
    assert code == 2 and out == "" and "--yes" in err
    assert studio(capsys, "loras", "forget", "erhu", "--yes")[0] == 0 and loras.there() == []
    assert studio(capsys, "loras", "forget", "erhu", "--yes")[0] == 2


def test_what_cannot_be_added_is_one_sentence(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad\x1b[31m.safetensors"
    bad.write_bytes(pickle.dumps({"weight": 1}))
    code, out, err = studio(capsys, "loras", "add", str(bad))
    assert (code, out) == (2, "") and "could run code" in err and len(err.splitlines()) == 1 and "\x1b" not in err


def test_a_published_lora_is_fetched_and_kept_with_its_licence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (preset,) = checkpoints.known("lora").values()
    assert preset.licence.non_commercial and preset.pinned and "adapter_config.json" in preset.wanted
    text = tables.TABLE.read_text("utf-8").replace(preset.repo, REPO).replace(preset.revision, "main")
    monkeypatch.setattr(tables, "TABLE", tmp_path / "checkpoints.toml")
    tables.TABLE.write_text(text, "utf-8")
    tables._table.cache_clear()
    made = tiny.folder(tmp_path / "made", alpha=8)
    with hub() as server:
        server.files = {path.name: path.read_bytes() for path in made.iterdir()} | {"evil.bin": b"pickle"}
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        assert "get it: studio models get chinese-new-year-lora" in studio(capsys, "loras")[1]
        code, _, err = studio(capsys, "models", "get", "chinese-new-year-lora")
        assert code == 2 and "forbids commercial use" in err and loras.there() == []
        code, _, err = studio(capsys, "models", "get", "chinese-new-year-lora", "--accept-licence")
    tables._table.cache_clear()
    assert code == 0, err
    kept = loras.find("chinese-new-year-lora")
    assert kept.inside().patches[0].scale == 2 and "forbids commercial use" in kept.licence
    assert not [*home.rglob("evil.bin")]
