"""How fast MusicGen is here, against transformers in the same run. A table for people; the last line is JSON.

Random weights at musicgen-small's published shape, saved and loaded as a checkpoint is. Ways take turns; medians of a
whole step (guidance, so two rows a song), choice of codes included. The limit is the time that what a step must read
takes at the bandwidth that was measured in the same run: weights that are touched, keys and values.

    tokens_equal             greedy codes that are transformers' own, over kinds, batches and prompts, share of cases
    *_speedup                step of transformers over ours: fp32 against its fp32, bf16 and int8 against its bf16
    *_over_limit             step over its limit, at about 20 cached positions; _1500 at 1,500
    batch2_cost, batch4_cost a step of two and of four songs over that of one, bf16
    clip_speedup             10 s of sound, end to end: transformers bf16 over our int8
    seconds_per_second       of our 10 s clip
    encodec_share            of our 10 s clip that went into the codec

Run all, or parts: `python bench/musicgen.py --only tokens_equal,batch2_cost`; `--quick` takes fewer steps and rounds.
With `--threads 1` times are those of the processor, which other work hardly disturbs; with more they are wall times.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import tiny  # noqa: E402  (found by the line above, wherever this is started from)
from engines.musicgen.model import Model  # noqa: E402
from engines.musicgen.tokens import Chance  # noqa: E402
from engines.musicgen.windows import Asked, codes, played  # noqa: E402
from song.progress import silent  # noqa: E402

Figures = dict[str, float]
WORDS = ("a warm piano with soft drums, slow", "jazz", "dark techno with a hard bass and bright strings, fast")
SMALL: dict[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "ffn_dim": 4096,
    "vocab_size": 2048,
}
BYTES = {"fp32": 4, "bf16": 2, "int8": 1}
SKIPPED = 4  # first steps of a run, which are not counted


class Bench:
    """Checkpoints in a folder of their own, each loaded once."""

    def __init__(self, folder: Path, quick: bool):
        self.folder, self.quick = folder, quick
        self.steps, self.rounds = (12, 3) if quick else (24, 5)
        self._small: Path | None = None

    @property
    def small(self) -> Path:
        if self._small is None:
            self._small = _small(self.folder / "small")
        return self._small

    @cache  # noqa: B019 (a bench lives as long as its process)
    def ours(self, precision: str) -> Model:
        return Model("small", self.small, precision)

    @cache  # noqa: B019
    def theirs(self, precision: str) -> Any:
        import torch
        import transformers

        dtype = torch.float32 if precision == "fp32" else torch.bfloat16
        return transformers.MusicgenForConditionalGeneration.from_pretrained(self.small, dtype=dtype).eval()

    @cache  # noqa: B019
    def bandwidth(self) -> float:
        """Bytes a second that all threads read together: the best of some passes over 1 GiB."""
        import torch

        block = torch.ones(2**28)
        spent = []
        for _ in range(8):
            begun = now()
            block.sum()
            spent.append(now() - begun)
        _row("read bandwidth, best and median", f"{_gb(min(spent))}, {_gb(statistics.median(spent))} GB/s")
        return 2**30 / min(spent)


def now() -> float:
    """Seconds on the clock that counts, see above."""
    import torch

    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def _gb(seconds: float) -> str:
    return f"{2**30 / seconds / 1e9:.1f}"


def _small(folder: Path) -> Path:
    """A checkpoint of musicgen-small's shape: decoder 419.6 M weights, T5-base's encoder, the 32 kHz codec."""
    import torch
    import transformers as hf

    torch.manual_seed(0)
    text = hf.T5Config(d_model=768, d_ff=3072, num_layers=12, num_heads=12, d_kv=64, vocab_size=32_128)
    codec = hf.EncodecConfig(
        sampling_rate=32_000, upsampling_ratios=[8, 5, 4, 4], target_bandwidths=[2.2], num_filters=64,
        codebook_size=2048, codebook_dim=128, use_causal_conv=False, use_conv_shortcut=False,
    )  # fmt: skip
    config = hf.MusicgenConfig(text_encoder=text, audio_encoder=codec, decoder=hf.MusicgenDecoderConfig(**SMALL))
    net = hf.MusicgenForConditionalGeneration(config)
    said = net.generation_config
    said.bos_token_id = said.pad_token_id = said.decoder_start_token_id = SMALL["vocab_size"]
    said.max_length, said.guidance_scale, said.do_sample = 1500, 3.0, True
    with torch.no_grad():
        tiny.sharpen(net)
    net.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


# --- equality ---------------------------------------------------------------------------------------------------------


def equality(bench: Bench) -> Figures:
    equal = []
    for kind in (*tiny.KINDS, "small"):
        folder = bench.small if kind == "small" else tiny.checkpoint(bench.folder / kind, kind)
        model = bench.ours("fp32") if kind == "small" else Model(kind, folder, "fp32")
        for songs in (1, 3):
            chance, seeds = Chance(temperature=0), tuple((seed,) for seed in range(songs))
            frames = bench.steps
            asked = Asked(WORDS[:songs], seeds, frames, chance, stride=900)
            ours = np.concatenate(list(codes(model, asked)), axis=-1)
            theirs = _chosen(folder, model, songs, frames)
            equal.append(bool(np.array_equal(ours, theirs)))
            _row(f"{kind}, {songs} songs", f"{equal[-1]}, {len(np.unique(theirs))} distinct codes")
    return {"tokens_equal": sum(equal) / len(equal)}


def _chosen(folder: Path, model: Model, songs: int, frames: int) -> np.ndarray:
    """What transformers' `generate` chooses, greedily."""
    import torch
    import transformers

    kind: Any = transformers.MusicgenForConditionalGeneration
    kind = transformers.MusicgenMelodyForConditionalGeneration if model.melody else kind
    net, seen = kind.from_pretrained(folder).eval(), []
    decode = net.audio_encoder.decode

    def listened(found: Any, **said: Any) -> Any:
        seen.append(found[0])
        return decode(found, **said)

    net.audio_encoder.decode = listened
    words = model.tokenizer(list(WORDS[:songs]), padding=True, return_tensors="pt")
    net.generate(**words, do_sample=False, guidance_scale=3.0, max_new_tokens=frames + 3)
    return torch.stack(seen, dim=2).flatten(1, 2).numpy()


# --- steps ------------------------------------------------------------------------------------------------------------


def steps(bench: Bench) -> Figures:
    """Ways take turns, so that what else the machine does falls on all of them."""
    ways: dict[str, Callable[[], list[float]]] = {
        "transformers fp32": lambda: _their_steps(bench, "fp32"),
        "transformers bf16": lambda: _their_steps(bench, "bf16"),
        **{f"ours {precision}": partial(_our_steps, bench, precision) for precision in BYTES},
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(bench.rounds):
        for name, way in ways.items():
            spent[name] += way()
    median = {name: statistics.median(found) for name, found in spent.items()}
    speed, figures = bench.bandwidth(), dict[str, float]()
    for name, found in spent.items():
        precision = name.split()[1]
        limit = _bytes(bench.ours(precision), precision, songs=1, positions=20) / speed
        said = f"{median[name] * 1e3:6.1f} ms, least {min(found) * 1e3:.1f}, limit {limit * 1e3:.1f}"
        _row(name, f"{said}, {median[name] / limit:.2f} x")
        if name.startswith("ours"):
            figures[f"{precision}_over_limit"] = round(median[name] / limit, 2)
    figures["fp32_speedup"] = round(median["transformers fp32"] / median["ours fp32"], 2)
    for precision in ("bf16", "int8"):
        figures[f"{precision}_speedup"] = round(median["transformers bf16"] / median[f"ours {precision}"], 2)
    return figures


def _their_steps(bench: Bench, precision: str, songs: int = 1) -> list[float]:
    import torch
    import transformers

    times: list[float] = []

    class Clock(transformers.StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            times.append(now())
            return torch.zeros(input_ids.shape[0], dtype=torch.bool)

    words = bench.ours("bf16").tokenizer(list(WORDS[:songs]), padding=True, return_tensors="pt")
    stops = transformers.StoppingCriteriaList([Clock()])
    bench.theirs(precision).generate(**words, max_new_tokens=bench.steps + SKIPPED, stopping_criteria=stops)
    return list(np.diff(times)[SKIPPED:])


def _our_steps(bench: Bench, precision: str, songs: int = 1) -> list[float]:
    model, times = bench.ours(precision), list[float]()
    words, seeds = (WORDS[0],) * songs, tuple((seed,) for seed in range(songs))
    for _ in codes(model, Asked(words, seeds, bench.steps + SKIPPED, Chance(), stride=900)):
        times.append(now())
    return list(np.diff(times)[SKIPPED:])


def _bytes(model: Model, precision: str, songs: int, positions: int) -> float:
    """What a step with guidance has to read. Keys and values are bf16 unless everything is fp32."""
    config = model.net.decoder.config
    width, inner, layers = config.hidden_size, config.ffn_dim, config.num_hidden_layers
    weights = layers * (6 * width * width + 2 * width * inner) + model.tables.codebooks * config.vocab_size * width
    known = 2 * songs * 2 * layers * width * positions
    return weights * BYTES[precision] + known * (4 if precision == "fp32" else 2)


def late(bench: Bench) -> Figures:
    """The same step where 1,500 positions lie before it."""
    figures: Figures = {}
    spent: dict[str, list[float]] = {precision: [] for precision in BYTES}
    for _ in range(bench.rounds):
        for precision, found in spent.items():
            model = bench.ours(precision)
            model.begin(model.conditions(WORDS[:1], True), np.zeros((1, 4, 0), np.int64), 1504)
            heads = SMALL["num_attention_heads"]
            before = np.zeros((2, heads, 1500, SMALL["hidden_size"] // heads), np.float32)
            for layer in range(SMALL["num_hidden_layers"]):
                model.step.fill(layer, before, before, 0)
            entering = np.zeros((2, SMALL["hidden_size"]), np.float32)
            for number in range(bench.steps):
                begun = now()
                model.step(entering, 1500)
                if number >= SKIPPED:
                    found.append(now() - begun)
    for precision, found in spent.items():
        limit = _bytes(bench.ours(precision), precision, songs=1, positions=1500) / bench.bandwidth()
        typical = statistics.median(found)
        _row(f"ours {precision} at 1,500", f"{typical * 1e3:6.1f} ms, limit {limit * 1e3:.1f}, {typical / limit:.2f} x")
        figures[f"{precision}_over_limit_1500"] = round(typical / limit, 2)
    return figures


def batches(bench: Bench) -> Figures:
    spent: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for _ in range(bench.rounds):
        for songs, found in spent.items():
            found += _our_steps(bench, "bf16", songs)
    typical = {songs: statistics.median(found) for songs, found in spent.items()}
    for songs, median in typical.items():
        _row(f"ours bf16, {songs} songs", f"{median * 1e3:6.1f} ms, {median / songs * 1e3:.1f} for each")
    return {f"batch{songs}_cost": round(typical[songs] / typical[1], 2) for songs in (2, 4)}


# --- a clip -----------------------------------------------------------------------------------------------------------


def clip(bench: Bench) -> Figures:
    """10 s of sound from words, all parts of the way."""
    frames = 500
    ours, theirs, codec = list[float](), list[float](), list[float]()
    model = bench.ours("int8")
    words = model.tokenizer([WORDS[0]], padding=True, return_tensors="pt")
    for number in range(1 if bench.quick else 2):
        begun = now()
        _, made = played(model, Asked(WORDS[:1], ((number,),), frames, Chance(), stride=900), silent)
        ours.append(now() - begun)
        begun = now()
        model.codec.decode(made)
        codec.append(now() - begun)
        begun = now()
        bench.theirs("bf16").generate(**words, max_new_tokens=frames + 3)
        theirs.append(now() - begun)
        _row(f"clip {number}", f"ours {ours[-1]:.1f} s, codec {codec[-1]:.2f} s, transformers {theirs[-1]:.1f} s")
    return {
        "clip_speedup": round(statistics.median(theirs) / statistics.median(ours), 2),
        "seconds_per_second": round(statistics.median(ours) / 10, 3),
        "encodec_share": round(statistics.median(codec) / statistics.median(ours), 3),
    }


# --- run --------------------------------------------------------------------------------------------------------------

PARTS: dict[Callable[[Bench], Figures], tuple[str, ...]] = {
    equality: ("tokens_equal",),
    steps: (
        *("fp32_speedup", "bf16_speedup", "int8_speedup"),
        *("fp32_over_limit", "bf16_over_limit", "int8_over_limit"),
    ),
    late: ("fp32_over_limit_1500", "bf16_over_limit_1500", "int8_over_limit_1500"),
    batches: ("batch2_cost", "batch4_cost"),
    clip: ("clip_speedup", "seconds_per_second", "encodec_share"),
}


def _row(name: str, value: str) -> None:
    print(f"  {name:<32} {value}", flush=True)


def _asked() -> argparse.Namespace:
    names = [name for part in PARTS.values() for name in part]
    parser = argparse.ArgumentParser(description="Measure MusicGen.")
    parser.add_argument("--only", default=",".join(names), help="some of " + ", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer steps and rounds")
    parser.add_argument("--threads", type=int, default=2, help="threads that torch uses; 2")
    asked = parser.parse_args()
    asked.only = set(asked.only.split(","))
    if unknown := asked.only - set(names):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    import torch
    import transformers

    asked = _asked()
    torch.set_num_threads(asked.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print(f"{os.cpu_count()} cores, {asked.threads} threads, load {os.getloadavg()[0]:.1f} at the start")
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        bench = Bench(Path(folder), asked.quick)
        for part, names in PARTS.items():
            if asked.only & set(names):
                print(", ".join(names))
                figures |= part(bench)
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    for name, figure in figures.items():
        print(f"  {name:<22} {figure:>9g}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
