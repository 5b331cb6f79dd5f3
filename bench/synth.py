"""How fast the instruments and the desk are: CPU seconds, since other work shares the machine.

python -m bench.synth "house" 30 180
"""

import argparse
import resource
import time

import dsp
from composer.arrange import compose
from composer.mix import mixdown
from composer.plan import plan
from composer.synth import render, warm
from song.audio import SAMPLE_RATE
from song.request import Generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt")
    parser.add_argument("seconds", type=float, nargs="+")
    asked = parser.parse_args()
    warm()
    for seconds in asked.seconds:
        decided = plan(Generate(prompt=asked.prompt, duration=seconds, seed=7))
        score = compose(decided)
        for run in ("first", "again"):  # the first song of a style makes its drum hits
            wall, begun = time.perf_counter(), time.process_time()
            stems = render(score, decided)
            played = time.process_time()
            mixed = mixdown(stems, score, decided)
            done, waited = time.process_time(), time.perf_counter() - wall
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"{seconds:g} s, {len(mixed.stems)} stems, {run}: "
                f"play {played - begun:.2f} + mix {done - played:.2f} CPU s, {waited:.2f} s wall, "
                f"{dsp.loudness(mixed.master, SAMPLE_RATE):.1f} LUFS, {memory} MB at most"
            )
            del stems, mixed


if __name__ == "__main__":
    main()
