"""Row 12: an engine raises whatever there is to raise, or makes sound that is none; in a worker, and inline."""

import sys
import time
from pathlib import Path

from backend import Studio
from bench.faults import Row, hostile, main
from engines.composer import Composer
from settings import Settings
from song.job import Job
from song.request import Generate
from worker import InWorker

RIGHT = "each is one failed job with its own code, and the next job is done; the lane takes it in under 2 s"
NEXT = 2.0  # seconds until the next job has begun
FIRST = ("KeyboardInterrupt", "SystemExit", "thread", "full", "recursion")


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    slowest = 0.0
    codes = {f"raise {name}": code for name, (_, code) in hostile.RAISED.items() if not quick or name in FIRST}
    codes |= {f"sound {name}": "engine_failed" for name in hostile.SOUNDS}
    for lane in ("process", "inline"):
        proper = Composer.generate
        studio = Studio(Settings(home=home / lane, lane="process" if lane == "process" else "inline"))
        if isinstance(studio.lane.runner, InWorker):
            studio.lane.runner.entry = hostile.ENTRY
        else:
            hostile.patch()
        studio.start()
        try:
            _ended(studio, "warm")
            for title, code in codes.items():
                bad = _ended(studio, title)
                if (bad.state, bad.error_code, bad.attempts) != ("failed", code, 1) or "Traceback" in (bad.error or ""):
                    wrong.append(f"{lane}, {title}: {bad.state}, {bad.error_code}: {bad.error}")
                began = time.monotonic()
                good = studio.submit(Generate(prompt="lofi", duration=5, seed=2, engine="composer"))
                job = next((job for job in studio.follow(good.id, beat=0.05) if job.state != "queued"), good)
                slowest = max(slowest, time.monotonic() - began)
                if list(studio.follow(good.id))[-1].state != "done" or job.state == "failed":
                    wrong.append(f"{lane}, after {title}: the next job is {job.state}")
        finally:
            studio.close()
            Composer.generate = proper  # type: ignore[method-assign]
    if slowest > NEXT:
        wrong.append(f"the next job began after {slowest:.1f} s")
    return Row({"engine_faults": 2 * len(codes), "next_job_s": round(slowest, 2)}, tuple(wrong))


def _ended(studio: Studio, title: str) -> Job:
    asked = studio.submit(Generate(prompt="lofi", duration=5, seed=1, engine="composer", title=title))
    return list(studio.follow(asked.id))[-1]


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
