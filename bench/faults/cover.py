"""Covers at strength 0: two sources, one song. See bench/faults/__init__.py."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.faults import ROOT, Row, main

sys.path[:0] = [str(ROOT / "tests")]
import tiny_acestep  # noqa: E402
from engines.acestep.asked import Told  # noqa: E402
from engines.acestep.model import Model, Wanted  # noqa: E402
from song.progress import silent  # noqa: E402

RIGHT = (
    "At strength 0 a cover of ACE-Step is the song of its words, whatever its source; at 1 it is not; both cost as much"
)
STEPS, RATE = 4, 48_000


def measure(home: Path, quick: bool) -> Row:
    """Over tiny checkpoints of every kind, with guidance where they have it, one song and two side by side."""
    zero, wrong = 0.0, []
    for kind in tiny_acestep.KINDS:
        model = Model(kind, tiny_acestep.checkpoint(home / kind, kind), "fp32")
        for seeds in [(1,)] if quick else [(1,), (1, 2)]:
            for method in ["ode"] if quick else ["ode", "sde"]:
                asked = replace(_asked(kind), seeds=seeds, method=method)
                least, most, faults = _differences(model, asked)
                zero = max(zero, least)
                wrong += [f"{kind}, {len(seeds)} songs, {method}: {fault}" for fault in faults]
                if most == 0:
                    wrong.append(f"{kind}: at strength 1 two sources give one song")
    if zero != 0:
        wrong.append(f"at strength 0 the songs of two sources differ by {zero:g}")
    return Row({"cover_zero_diff": zero}, tuple(wrong))


def _asked(kind: str) -> Wanted:
    guidance = 1.0 if kind == "turbo" else 7.0
    return Wanted("text2music", Told("warm jazz", "la la"), (1,), 2.0, steps=STEPS, guidance=guidance, shift=3.0)


def _differences(model: Model, words: Wanted) -> tuple[float, float, list[str]]:
    """How far covers of two sources are apart at strength 0 and at 1, and what is wrong besides."""
    calls: list[int] = []
    hook = model.net.transformer.register_forward_hook(lambda *_: calls.append(1))
    dice = np.random.default_rng(0)
    sources = [(dice.standard_normal((2, 2 * RATE)) * level).astype(np.float32) for level in (0.3, 0.05)]
    covers = [replace(words, task="cover", source=source) for source in sources]
    alone, faults, apart = model.latents(words, silent), [], {}
    for share in (0.0, 0.5, 1.0):
        calls.clear()
        one, other = (model.latents(replace(cover, strength=share), silent) for cover in covers)
        apart[share] = float((one - other).abs().max())
        if len(calls) != 2 * STEPS:
            faults.append(f"{len(calls)} passes for {2 * STEPS} steps at strength {share:g}")
        if share == 0 and float((one - alone).abs().max()) != 0:
            faults.append("at strength 0 it is not the song of its words")
    hook.remove()
    return apart[0.0], apart[1.0], faults


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
