"""Row 9: each write, sync, rename and new folder of a started studio fails once, with ENOSPC and with EIO.

Calls are those of the kernel, so SQLite's own are among them; see bench/faults/calls.py.
"""

import errno
import itertools
import sys
from pathlib import Path

from bench.faults import Row, free_port, main, surroundings, wait_until_ready
from bench.faults.calls import watched
from bench.faults.songs import Refused, audit, ended, submit

RIGHT = "0 songs lost, 0 half, none another's, and the next song is made without a restart"
FAULTS = (errno.ENOSPC, errno.EIO)
WITHIN = 30.0  # seconds until songs are ended, with what a failing disk makes them wait


def measure(home: Path, quick: bool) -> Row:
    home, port = home / "home", free_port()
    home.mkdir()
    url, log = f"http://127.0.0.1:{port}", home.with_suffix(".log")
    wrong, jobs, failed, refused = [], [], 0, 0
    with (
        log.open("w") as out,
        watched(["app.py"], home, env=surroundings(home, port=port), stdout=out, stderr=out) as (
            process,
            calls,
        ),
    ):
        wait_until_ready(url, process, log)
        ended(home, [submit(url, seed=1)], WITHIN)
        calls.arm(-1, 0)
        jobs.append(submit(url, seed=2))
        ended(home, jobs, WITHIN)
        total, seeds = calls.count, itertools.count(3)
        for at in range(0, total, 9 if quick else 1):
            calls.arm(at, FAULTS[at % 2])
            asked = []
            for _ in range(2):
                try:
                    asked.append(submit(url, seed=next(seeds)))
                except Refused:
                    refused += 1
            last = ended(home, asked, WITHIN)
            what, failed = calls.failed, failed + bool(calls.failed)
            calls.arm(-1, 0)
            try:
                asked.append(submit(url, seed=next(seeds)))
                last = ended(home, asked, WITHIN)
            except Refused as no:
                wrong.append(f"after {what} failed nothing is taken: {no}")
            if asked and last[asked[-1]].state != "done":
                wrong.append(f"after {what} failed the next song is {last[asked[-1]].state}")
            wrong += [f"{what}: {sentence}" for sentence in audit(home, asked)]
            jobs += asked
    figures: dict[str, float] = {"calls": total, "calls_failed": failed, "songs": len(jobs), "refused": refused}
    if failed < (6 if quick else 50):
        wrong.append(f"only {failed} calls were let fail")
    return Row(figures | {"faults_not_survived": len(wrong)}, tuple(wrong[:20]))


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
