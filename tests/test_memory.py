"""Memory: what is counted, what is free, and the sentence in between."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import checkpoints
import memory
from memory import Need, Room
from song.errors import NotEnoughMemory

GB = 10**9
MEMINFO = (
    "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    9000000 kB\nHugePages_Total:       0\n"
)


def machine(root: Path, **files: str) -> Path:
    """A root with these files; __ in a name is a slash."""
    for name, text in {"proc__meminfo": MEMINFO, **files}.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("name", checkpoints.known("musicgen"))
def test_parameters_agree_with_what_is_published(name: str) -> None:
    one = checkpoints.known()[name]
    weights = sum(file.bytes for file in one.files if file.path.endswith(".safetensors"))
    half = name in ("musicgen-stereo-small", "musicgen-stereo-medium", "musicgen-stereo-large")
    counted = one.shape.parameters + memory.TEXT_ENCODER + memory.CODEC
    assert counted * (2 if half else 4) == pytest.approx(weights, rel=0.02)


def test_the_shape_is_read_from_a_config() -> None:
    decoder = {"num_hidden_layers": 48, "hidden_size": 2048, "num_codebooks": 4}
    large, melody = checkpoints.known()["musicgen-large"], checkpoints.known()["musicgen-melody-large"]
    assert memory.shape({"model_type": "musicgen", "decoder": decoder}) == large.shape
    assert memory.shape({"model_type": "musicgen_melody", "decoder": decoder}) == melody.shape


def test_what_makes_it_more() -> None:
    small = checkpoints.known()["musicgen-small"].shape
    one = memory.need(small)
    assert one.total == one.weights + one.cache + one.codec + one.working
    assert memory.need(small, "int8").weights < memory.need(small, "bf16").weights < one.weights
    assert memory.need(small, cache="bf16").cache * 2 == one.cache
    assert memory.need(small, batch=3).cache == 3 * one.cache and memory.need(small, batch=3).weights == one.weights
    assert memory.need(small, seconds=10).cache < one.cache
    assert memory.need(small, decoded_at_once=1.0).codec * 30 == one.codec
    frames = 2 * 24 * 1024 * 4 * 2  # keys and values, layers, width, 32 bit, with and without the words
    assert memory.need(small, seconds=20).cache - memory.need(small, seconds=10).cache == 500 * frames


def test_a_pipeline_needs_its_weights_and_what_its_song_takes() -> None:
    small = memory.pipeline(2_400_000_000, "bf16", seconds=60, rows=1, width=2048)
    assert small.weights == 4_800_000_000 and small.total < 9 * GB
    assert memory.pipeline(2_400_000_000, "fp32", seconds=60, rows=1, width=2048).weights == 2 * small.weights
    long = memory.pipeline(2_400_000_000, "bf16", seconds=600, rows=1, width=2048)
    assert long.cache == 10 * small.cache and long.codec == small.codec, "it is decoded piece by piece"
    eight = memory.pipeline(2_400_000_000, "bf16", seconds=60, rows=16, width=2048)
    assert eight.cache > 10 * small.cache and eight.weights == small.weights
    for one in checkpoints.known("acestep").values():
        assert 0 < one.needs["bf16"] < one.needs["fp32"]


def test_what_is_free(tmp_path: Path) -> None:
    room = memory.host(machine(tmp_path))
    assert room == Room(9_000_000 * 1024, 16_000_000 * 1024)
    assert room.usable == room.free - int(0.1 * room.whole)
    assert Room(100 * GB, 128 * GB).spare == 8 * GB and Room(GB, 128 * GB).usable == 0


def test_a_control_group_that_is_tighter(tmp_path: Path) -> None:
    group = "sys__fs__cgroup__studio.slice__"
    root = machine(
        tmp_path,
        proc__self__cgroup="0::/studio.slice/one.scope\n",
        **{
            f"{group}memory.max": f"{4 * GB}\n",
            f"{group}memory.current": f"{3 * GB}\n",
            f"{group}memory.stat": f"anon 5\ninactive_file {GB}\n",
            f"{group}one.scope__memory.max": "max\n",
            f"{group}one.scope__memory.current": "5\n",
        },
    )
    assert memory.host(root) == Room(2 * GB, 4 * GB)


def test_an_older_control_group(tmp_path: Path) -> None:
    group = "sys__fs__cgroup__memory__box__"
    root = machine(
        tmp_path,
        proc__self__cgroup="5:cpu,cpuacct:/box\n4:memory:/box\n0::/\n",
        **{
            f"{group}memory.limit_in_bytes": f"{6 * GB}",
            f"{group}memory.usage_in_bytes": f"{2 * GB}",
            f"{group}memory.stat": f"inactive_file 7\ntotal_inactive_file {GB}\n",
            "sys__fs__cgroup__memory__memory.limit_in_bytes": "9223372036854771712",
            "sys__fs__cgroup__memory__memory.usage_in_bytes": "5",
        },
    )
    assert memory.host(root) == Room(5 * GB, 6 * GB)


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughMemory, match="does not say how much memory is free"):
        memory.host(machine(tmp_path, proc__meminfo="MemTotal: 5 kB\n"))


def test_this_machine_says() -> None:
    assert 0 < memory.room("cpu").free <= memory.room("cpu").whole


def test_a_gpu_without_memory_of_its_own() -> None:
    assert memory.shares_memory("NVIDIA GB10", integrated=False)
    assert memory.shares_memory("some laptop", integrated=True)
    assert not memory.shares_memory("NVIDIA GH200 480GB", integrated=False)
    assert not memory.shares_memory("NVIDIA H100 80GB HBM3", integrated=False)


def test_a_gpu_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch is not a dependency of the studio, and few test machines have a GPU: this one is made up."""
    card = SimpleNamespace(name="NVIDIA H100 80GB HBM3", is_integrated=0)
    cuda = SimpleNamespace(get_device_properties=lambda _: card, mem_get_info=lambda _: (70 * GB, 80 * GB))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert memory.room("cuda:0") == Room(70 * GB, 80 * GB)
    card.name = "NVIDIA GB10"
    assert memory.room("cuda").whole == memory.host().whole
    assert memory.shared("cuda") and not memory.shared("cpu")


def test_torch_takes_no_more_than_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a made-up card with 80 GB, 30 of them free and 20 held by this process already."""
    said: list[tuple[float, str]] = []
    card = SimpleNamespace(name="NVIDIA H100 80GB HBM3", is_integrated=0, total_memory=80 * GB)
    cuda = SimpleNamespace(
        get_device_properties=lambda _: card,
        mem_get_info=lambda _: (30 * GB, 80 * GB),
        memory_reserved=lambda _: 20 * GB,
        set_per_process_memory_fraction=lambda share, device: said.append((share, device)),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    memory.require(5 * GB, "a song", "cuda")
    assert said == [(pytest.approx((20 + 30 - 8) / 80), "cuda")], "8 GB stay for everything else"
    with pytest.raises(NotEnoughMemory):
        memory.require(25 * GB, "a song", "cuda")
    cuda.mem_get_info = lambda _: (79 * GB, 80 * GB)
    memory.require(5 * GB, "a song", "cuda")
    assert said[-1][0] == 1.0, "there is no more than all"
    memory.require(5 * GB, "a song", "cpu", has=Room(30 * GB, 80 * GB))
    assert len(said) == 2, "and it means nothing on a processor"


def test_enough_is_enough() -> None:
    memory.require(Need(GB, GB, GB, GB), "anything", has=Room(10 * GB, 16 * GB))
    memory.require(4 * GB, "anything", has=Room(10 * GB, 16 * GB))


def test_too_much_is_refused_with_numbers() -> None:
    need, has = Need(11_400_000_000, 1_900_000_000, 200_000_000, 400_000_000), Room(10_800_000_000, 16 * GB)
    choices = {"musicgen-small": 4 * GB, "int8 precision": 7 * GB, "musicgen-medium": 12 * GB}
    with pytest.raises(NotEnoughMemory) as error:
        memory.require(need, "musicgen-large", choices=choices, has=has)
    assert str(error.value) == (
        "musicgen-large needs 13.9 GB here (weights 11.4 GB, cache 1.9 GB, codec 0.2 GB, working 0.4 GB), "
        "9.2 GB are free beside 1.6 GB for everything else; "
        "choose musicgen-small or int8 precision, or close something."
    )
    assert error.value.code == "not_enough_memory" and error.value.exit_code == 3
    with pytest.raises(NotEnoughMemory, match=r"needs 20\.0 GB here, 9\.2 GB .*; close something and try again"):
        memory.require(20 * GB, "a song", has=has)
