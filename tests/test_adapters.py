"""LoRAs on a tiny random ACE-Step: what they add is held against weights that were merged by hand."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backend
import loras
import memory
import settings
import tasks
import tiny_acestep
import tiny_loras as tiny
from bench.faults import adapters as bench
from engines.acestep.adapters import Adapters, check_width, wanted
from engines.base import unread
from song.errors import BadRequest, CannotMake, EngineMissing, NotEnoughMemory
from song.progress import silent
from song.request import read
from song.take import Kept


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """LoRAs "erhu" (rank 4, alpha 8), "choir" (rank 3, alpha 2) and "bare" (no alpha), in three dialects."""
    folder = tmp_path_factory.mktemp("loras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(folder / "home"))
        settings.settings.cache_clear()
        loras.add(tiny.folder(folder / "erhu", alpha=8))
        loras.add(tiny.lora(folder / "choir.safetensors", "LyCORIS", 2, seed=1, rank=3))
        loras.add(tiny.lora(folder / "bare.safetensors", "diffusers", seed=2))
        loras.add(tiny.lora(folder / "wide.safetensors", "ComfyUI", width=tiny_acestep.XL))
        loras.add(tiny.lora(folder / "deep.safetensors", "ComfyUI", layers=3))
        for name, held in kin().items():
            loras.add(tiny.lycoris(folder / f"{name}.safetensors", held))
        yield folder
    settings.settings.cache_clear()


@cache
def kin() -> dict[str, dict[str, tiny.Parts]]:
    """What the LoRAs of other kinds hold: "gong" a LoKr, "reed" a LoHa, "bell" a DoRA, "drone" a LoKr with DoRA."""
    net = tiny_acestep.transformer()
    return {
        "gong": tiny.kin("LoKr both", net, 11),
        "reed": tiny.kin("LoHa", net, 12),
        "bell": tiny.kin("LoRA", net, 13, lengths="rows"),
        "drone": tiny.kin("LoKr w2", net, 14, lengths="columns"),
    }


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Any]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny work: threads would wait for each other
    built = tiny_acestep.built("turbo")
    built.set_progress_bar_config(disable=True)
    yield built
    torch.set_num_threads(threads)


@pytest.fixture
def adapters(pipeline: Any, shelf: Path) -> Iterator[Adapters]:
    """On the one pipeline of all tests, which they leave as they found it."""
    found = Adapters(pipeline)
    yield found
    found.remove()


def latents(pipeline: Any) -> np.ndarray:
    """What the pipeline makes of one seed, before it is decoded: (1, frames, channels)."""
    import torch

    said = {"num_inference_steps": 2, "guidance_scale": 1.0, "shift": 3.0, "audio_duration": 1.0}
    chance = torch.Generator().manual_seed(5)
    return pipeline(prompt="warm piano", generator=chance, output_type="latent", **said).audios.float().numpy()


def merged(pipeline: Any, *parts: tuple[tiny.Matrices, float], kin: Mapping[str, np.ndarray] = {}) -> np.ndarray:
    """What a pipeline makes whose weights are W + factor * up @ down, by hand, or those of `kin`; they are put back."""
    import torch

    weights = dict(pipeline.transformer.named_parameters())
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    with torch.no_grad():
        for matrices, factor in parts:
            for module, (down, up) in matrices.items():
                weights[f"{module}.weight"] += torch.from_numpy(factor * up @ down)
        for module, change in kin.items():
            weights[f"{module}.weight"] += torch.from_numpy(change)
        made = latents(pipeline)
        for name, weight in weights.items():
            weight.copy_(before[name])
    return made


ERHU, CHOIR, BARE = tiny.matrices(), tiny.matrices(seed=1, rank=3), tiny.matrices(seed=2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("erhu", [(ERHU, 8 / 4)]),
        ("erhu:0.5", [(ERHU, 0.5 * 8 / 4)]),
        ("choir:1.5", [(CHOIR, 1.5 * 2 / 3)]),
        ("bare:0.7", [(BARE, 0.7)]),
        ("erhu:0.3, choir:0.4, bare:0.5", [(ERHU, 0.3 * 8 / 4), (CHOIR, 0.4 * 2 / 3), (BARE, 0.5)]),
    ],
)
def test_a_lora_adds_exactly_its_product(adapters: Adapters, text: str, parts: Any) -> None:
    plain, expected = latents(adapters.pipeline), merged(adapters.pipeline, *parts)
    adapters.use(wanted(text))
    heard = latents(adapters.pipeline)
    assert np.abs(expected - plain).max() > 0.05
    assert np.abs(heard - expected).max() < 1e-4 * np.abs(expected).max()


def test_taking_off_leaves_the_model_bit_for_bit_as_it_was(adapters: Adapters) -> None:
    import torch

    transformer = adapters.pipeline.transformer
    plain, kinds = latents(adapters.pipeline), [type(one) for one in transformer.modules()]
    before = {name: weight.clone() for name, weight in transformer.state_dict().items()}
    for text in ("erhu:0.5", "erhu, choir:1.2", "gong, bell:0.4", "reed, erhu:0.2, drone", "bare"):
        adapters.use(wanted(text))
    assert not np.array_equal(latents(adapters.pipeline), plain)
    adapters.use(())
    after = transformer.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], before[name]) for name in before)
    assert [type(one) for one in transformer.modules()] == kinds
    assert np.array_equal(latents(adapters.pipeline), plain)


def test_the_order_makes_no_difference(adapters: Adapters) -> None:
    heard = []
    for steps in (["erhu:0.5, choir, bare:0.2"], ["bare:0.2, choir, erhu:0.5"], ["bare", "choir:0.1, erhu", ""]):
        for text in steps:
            adapters.use(wanted(text))
        adapters.use(wanted("choir, erhu:0.5, bare:0.2"))
        heard.append(latents(adapters.pipeline))
    assert np.array_equal(heard[0], heard[1]) and np.array_equal(heard[0], heard[2])


def test_strength_nothing_is_the_model_itself(adapters: Adapters) -> None:
    plain = latents(adapters.pipeline)
    adapters.use(wanted("erhu:0, choir:0"))
    assert np.array_equal(latents(adapters.pipeline), plain) and wanted("erhu:0") == ()


def test_another_strength_loads_nothing_again(adapters: Adapters) -> None:
    adapters.use(wanted("erhu:0.5"))
    layer = adapters.pipeline.transformer.layers[0].self_attn.to_q
    first = latents(adapters.pipeline)
    adapters.use(wanted("erhu:1"))
    assert adapters.pipeline.transformer.layers[0].self_attn.to_q is layer
    assert not np.array_equal(latents(adapters.pipeline), first)
    adapters.use(wanted("erhu:0.5"))
    assert np.array_equal(latents(adapters.pipeline), first)


def test_in_half_precision_a_lora_is_of_the_models_kind(shelf: Path) -> None:
    import torch

    half = tiny_acestep.built("turbo")
    half.set_progress_bar_config(disable=True)
    half.transformer.to(torch.bfloat16)
    adapters = Adapters(half)
    adapters.use(wanted("erhu:0.5, choir"))
    assert {one.dtype for one in half.transformer.parameters()} == {torch.bfloat16}
    layer = half.transformer.layers[1].cross_attn.to_k
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    (down, up), (other_down, other_up) = ERHU["layers.1.cross_attn.to_k"], CHOIR["layers.1.cross_attn.to_k"]
    weight = layer.base_layer.weight.float().numpy() + up @ down + other_up @ other_down * (2 / 3)
    expected = x.float().numpy() @ weight.T
    with torch.no_grad():
        assert np.abs(layer(x).float().numpy() - expected).max() < 0.02 * np.abs(expected).max()


def test_what_a_take_says_of_them(shelf: Path) -> None:
    erhu = wanted("choir:0, erhu:0.8")[0]
    assert erhu.notice == "LoRA erhu at 0.8: applied 32 of 32 tensors."
    assert erhu.version == f"{loras.find('erhu').sha256} at 0.8, alpha over rank 2"
    assert "alpha is said nowhere and taken as its rank" in wanted("bare")[0].notice


# --- LoKr, LoHa and DoRA ----------------------------------------------------------------------------------------------


def test_every_kind_is_what_its_trainer_computes(tmp_path: Path) -> None:
    row = bench.measure(tmp_path, quick=True)
    assert row.green, row.wrong
    assert row.figures["adapter_error"] <= 1e-6 and row.figures["adapter_cases"] >= 18


def change(pipeline: Any, asked: dict[str, float]) -> dict[str, np.ndarray]:
    """What the kin that are asked for add to each weight, all together, float32."""
    own = {name: pipeline.transformer.get_submodule(name).weight.numpy() for name in kin()["gong"]}
    added = {
        name: sum(tiny.changed(weight, kin()[one][name], strength) - weight for one, strength in asked.items())
        for name, weight in own.items()
    }
    return {name: np.asarray(one, np.float32) for name, one in added.items()}


@pytest.mark.parametrize(
    ("text", "asked", "plain"),
    [
        ("gong:0.7", {"gong": 0.7}, []),
        ("bell:0.4", {"bell": 0.4}, []),
        ("gong:0.3, reed:0.5, bell:0.8, drone:0.2", {"gong": 0.3, "reed": 0.5, "bell": 0.8, "drone": 0.2}, []),
        ("drone:0.3, erhu:0.2, gong:0.2", {"gong": 0.2, "drone": 0.3}, [(ERHU, 0.2 * 8 / 4)]),
    ],
)
def test_kinds_play_together(adapters: Adapters, text: str, asked: dict[str, float], plain: Any) -> None:
    own = latents(adapters.pipeline)
    expected = merged(adapters.pipeline, *plain, kin=change(adapters.pipeline, asked))
    adapters.use(wanted(text))
    heard = latents(adapters.pipeline)
    assert np.abs(expected - own).max() > 0.05
    assert np.abs(heard - expected).max() < 1e-4 * np.abs(expected).max()


def test_neither_order_nor_what_was_on_before_is_heard_of_other_kinds(adapters: Adapters) -> None:
    heard = []
    for steps in (["gong:0.5, reed, erhu:0.2"], ["erhu, bell", "erhu:0.2, reed, gong:0.5"], ["gong", "gong:0.7", ""]):
        for text in steps:
            adapters.use(wanted(text))
        adapters.use(wanted("reed, erhu:0.2, gong:0.5"))
        heard.append(latents(adapters.pipeline))
    assert np.array_equal(heard[0], heard[1]) and np.array_equal(heard[0], heard[2])
    adapters.use(wanted("reed, erhu:0.2, gong:0.6"))
    assert not np.array_equal(latents(adapters.pipeline), heard[0])


def test_in_half_precision_other_kinds_are_rounded_once(shelf: Path) -> None:
    import torch

    half = tiny_acestep.built("turbo")
    half.transformer.to(torch.bfloat16)
    before = {name: one.clone() for name, one in half.transformer.state_dict().items()}
    name = "layers.1.mlp.down_proj"
    weight = before[f"{name}.weight"].float().numpy()
    adapters = Adapters(half)
    adapters.use(wanted("gong:0.5, drone"))
    expected = sum(tiny.changed(weight, kin()[one][name], much) - weight for one, much in (("gong", 0.5), ("drone", 1)))
    found = half.transformer.get_submodule(name).weight
    assert found.dtype == torch.bfloat16
    assert np.abs(found.float().numpy() - (weight + expected)).max() <= 2**-8 * np.abs(weight + expected).max()
    adapters.remove()
    assert all(one.equal(before[name]) for name, one in half.transformer.state_dict().items())


def test_what_a_take_says_of_other_kinds(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.acestep.adapters.find_spec", lambda name: None)  # PEFT plays none of these
    gong, reed, bell, drone = (wanted(name)[0] for name in ("gong", "reed:0.5", "bell:0.5", "drone"))
    assert gong.notice == f"LoKr gong at 1: applied {4 * 29} of {4 * 29} tensors."
    assert reed.notice == f"LoHa reed at 0.5: applied {4 * 29} of {4 * 29} tensors."
    assert bell.notice.startswith("DoRA bell at 0.5: applied 87 of 87 tensors. Its strength scales how long")
    assert drone.notice.startswith("LoKr with DoRA drone at 1: applied") and "strength" not in drone.notice
    assert gong.version == f"{loras.find('gong').sha256} at 1, LoKr, alpha over rank 1.5"


def test_the_weights_that_are_kept_are_counted(adapters: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = sum(out * into for out, into in tiny.matrix_shapes(adapters.pipeline.transformer).values())
    largest = max(out * into for out, into in tiny.matrix_shapes(adapters.pipeline.transformer).values())
    needed = 4 * numbers + 8 * 4 * largest
    for free, fits in ((needed - 1, False), (needed, True)):
        monkeypatch.setattr(memory, "room", lambda device, free=free: memory.Room(free=free, whole=0))
        if fits:
            adapters.use(wanted("gong, reed"))
        else:
            with pytest.raises(NotEnoughMemory, match="LoRA"):
                adapters.use(wanted("gong, reed"))


def test_weights_that_would_be_no_numbers_are_refused(adapters: Adapters, tmp_path: Path) -> None:
    plain, held = latents(adapters.pipeline), tiny.kin("LoKr", tiny_acestep.transformer(), 15)
    held["condition_embedder"] |= {"lokr_w1": np.full((8, 8), 1e30, np.float32), "lokr_w2": np.full((4, 4), 1e30)}
    loras.add(tiny.lycoris(tmp_path / "loud.safetensors", held))
    with pytest.raises(CannotMake, match="loud would make condition_embedder something that is no number; lower"):
        adapters.use(wanted("loud"))
    assert np.array_equal(latents(adapters.pipeline), plain)
    loras.forget("loud")


# --- that are refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("erhu, wide:0.5", r"wide is made for another size \(48\), loaded is another size \(32\)"),
        ("erhu, deep", r"deep does not fit what is loaded: layers\.2\.\S+ is no matrix of the model"),
        ("violin", r'there is no "violin" here \(bare, bell, choir, deep, drone, erhu, gong, reed, wide\)'),
    ],
)
def test_loras_that_do_not_fit_leave_the_model_alone(adapters: Adapters, text: str, why: str) -> None:
    plain = latents(adapters.pipeline)
    adapters.use(wanted("choir"))
    with pytest.raises(BadRequest, match=why) as no:
        adapters.use(wanted(text))
    assert no.value.field == "loras"
    adapters.use(())
    assert np.array_equal(latents(adapters.pipeline), plain)


def test_a_width_is_refused_before_anything_is_loaded(shelf: Path) -> None:
    check_width(wanted("erhu, choir"), tiny.WIDTH)
    with pytest.raises(BadRequest, match=r"erhu is made for another size \(32\), loaded is 2B \(2048\)"):
        check_width(wanted("erhu"), 2048)


def test_what_could_not_be_placed_is_named(adapters: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers logs what it could not place, and goes on."""
    plain, load = latents(adapters.pipeline), adapters.pipeline.load_lora_weights

    def lossy(named: dict[str, Any], **said: Any) -> None:
        load({name: matrix for name, matrix in named.items() if "layers.1.cross_attn.to_v" not in name}, **said)

    monkeypatch.setattr(adapters.pipeline, "load_lora_weights", lossy)
    with pytest.raises(CannotMake, match=r"only 30 of 32 tensors could be applied, layers.1.cross_attn.to_v.lora_A"):
        adapters.use(wanted("erhu"))
    assert np.array_equal(latents(adapters.pipeline), plain)


def test_what_does_not_fit_into_memory_is_said_in_numbers(adapters: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "room", lambda device: memory.Room(free=1000, whole=1000))
    with pytest.raises(NotEnoughMemory, match=r"LoRA \w+ and \w+ needs 0.0 GB here, 0.0 GB are free"):
        adapters.use(wanted("erhu, choir"))


def test_a_file_that_was_changed_on_the_shelf_is_not_used(adapters: Adapters, tmp_path: Path) -> None:
    kept = loras.add(tiny.lora(tmp_path / "spoilt.safetensors", seed=9))
    asked = wanted("spoilt")
    kept.path.write_bytes(tiny.lora(tmp_path / "other.safetensors", seed=10).read_bytes())
    with pytest.raises(BadRequest, match="spoilt was changed on disk"):
        adapters.use(asked)
    loras.forget("spoilt")


def test_settings_that_come_later_count_from_then_on(adapters: Adapters, tmp_path: Path) -> None:
    bare = loras.add(tiny.lora(tmp_path / "late.safetensors", seed=7))
    adapters.use(wanted("late"))
    before = latents(adapters.pipeline)
    config = tiny.folder(tmp_path / "late", alpha=8) / "adapter_config.json"
    assert loras.add(tmp_path / "late.safetensors", config=config) == bare
    adapters.use(wanted("late"))
    heard = latents(adapters.pipeline)
    adapters.remove()
    expected = merged(adapters.pipeline, (tiny.matrices(seed=7), 2.0))
    assert not np.array_equal(heard, before)
    assert np.abs(heard - expected).max() < 1e-4 * np.abs(expected).max()
    loras.forget("late")


# --- in the studio ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def studio(neural: Path, shelf: Path) -> Iterator[backend.Studio]:
    opened = backend.Studio(settings.Settings(lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


def made(studio: backend.Studio, **knobs: Any) -> Kept:
    asked = {"engine": "acestep", "precision": "fp32", "inference_steps": 1, "checkpoint": "turbo"}
    asked |= {"prompt": "warm piano", "duration": 10, "seed": 1}
    job = list(studio.follow(studio.submit(read(asked | knobs)).id))[-1]
    assert job.state == "done", job
    return studio.library.take(job.takes[0])


def test_a_take_is_made_with_them_says_so_and_is_made_again(studio: backend.Studio, tmp_path: Path) -> None:
    take = made(studio, loras="erhu:0.5, choir:1.2")
    assert {"LoRA erhu at 0.5: applied 32 of 32 tensors.", "LoRA choir at 1.2: applied 32 of 32 tensors."} <= {
        *take.recipe.notices
    }
    said = {name: value for name, value in take.recipe.versions.items() if name.startswith("lora")}
    assert said.keys() == {"lora erhu", "lora choir"}
    assert said["lora erhu"] == f"{loras.find('erhu').sha256} at 0.5, alpha over rank 2"
    plain = tasks.engines()["acestep"].generate(take.recipe.request.model_copy(update={"loras": ""}), silent)
    assert not any("lora" in name for name in plain.versions) and not any("LoRA" in one for one in plain.notices)
    _, _, identical = studio.replay(take.recipe, tmp_path)
    assert identical


def test_a_take_with_another_kind_is_made_again(studio: backend.Studio, tmp_path: Path) -> None:
    take = made(studio, loras="gong:0.5, erhu:0.3")
    assert f"LoKr gong at 0.5: applied {4 * 29} of {4 * 29} tensors." in take.recipe.notices
    assert take.recipe.versions["lora gong"] == f"{loras.find('gong').sha256} at 0.5, LoKr, alpha over rank 1.5"
    _, _, identical = studio.replay(take.recipe, tmp_path)
    assert identical


def test_a_lora_that_is_gone_is_said_when_a_take_is_made_again(studio: backend.Studio, tmp_path: Path) -> None:
    kept = loras.add(tiny.lora(tmp_path / "brief.safetensors", seed=20))
    take = made(studio, loras="brief:0.5")
    loras.forget("brief")
    with pytest.raises(CannotMake, match=rf"the LoRA brief \(SHA-256 {kept.sha256[:12]}.*--name brief"):
        studio.replay(take.recipe, tmp_path)
    with pytest.raises(BadRequest, match='there is no "brief" here'):
        studio.submit(take.recipe.request.model_copy(update={"seed": None}))
    loras.add(tiny.lora(tmp_path / "brief.safetensors", seed=21))  # another one of its name
    with pytest.raises(CannotMake, match="the LoRA brief"):
        studio.replay(take.recipe, tmp_path)
    loras.forget("brief")


def test_what_cannot_be_used_is_refused_before_it_waits_in_line(
    studio: backend.Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"engine": "acestep", "prompt": "x", "checkpoint": "turbo"}
    with pytest.raises(BadRequest, match=r"wide is made for another size \(48\), loaded is another size \(32\)"):
        studio.submit(read(asked | {"loras": "wide"}))
    with pytest.raises(BadRequest, match="is too strong"):
        read(asked | {"loras": "erhu:2"})
    monkeypatch.setattr("engines.acestep.adapters.find_spec", lambda name: None)
    with pytest.raises(EngineMissing, match="PEFT"):
        studio.submit(read(asked | {"loras": "erhu"}))


def test_only_engines_that_know_loras_read_them() -> None:
    request = read({"prompt": "x", "loras": "erhu"})
    reading = {name for name, engine in tasks.engines().items() if "loras" not in unread(engine, request)}
    assert reading == {"acestep"}
