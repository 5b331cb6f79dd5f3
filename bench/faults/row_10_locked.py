"""Row 10: another program holds the library for 5, 13 and 30 s while a song is made."""

import contextlib
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.faults import Row, main, running
from bench.faults.songs import Refused, audit, call, ended, rows, submit

RIGHT = "writes wait for 5 s without an error; beyond, the song is kept once it can be and new ones are told why not"
WAITS = "Ready; waiting for the library, which another program has locked"
BUSY = 10.0  # seconds that a door waits


def measure(home: Path, quick: bool) -> Row:
    home, wrong, seeds, slowest = home / "home", [], iter(range(1, 99)), 0.0
    with running(home) as studio:
        ended(home, [submit(studio.url, seed=next(seeds))], 60)
        for held in (5.0, 13.0) if quick else (5.0, 13.0, 30.0):
            asked = [submit(studio.url, seed=next(seeds), duration=60)]
            while rows(home)[asked[0]].state == "queued":
                time.sleep(0.02)
            with _locked(home):
                until, said, stage = time.monotonic() + held, "", ""
                if held < BUSY:
                    time.sleep(held)
                else:
                    try:
                        asked.append(submit(studio.url, seed=next(seeds)))
                    except Refused as no:
                        said = str(no)
                    while WAITS not in stage and time.monotonic() < until:
                        stage = call(studio.url, "job", job_id=asked[0])[0]["stage"]
                        time.sleep(0.1)
                    time.sleep(max(0.0, until - time.monotonic()))
            began = time.monotonic()
            job = ended(home, asked, 60)[asked[0]]
            slowest = max(slowest, time.monotonic() - began)
            if (job.state, job.attempts) != ("done", 1):
                wrong.append(f"held for {held:g} s: the song is {job.state}, made {job.attempts} times: {job.sentence}")
            if held > BUSY and "locked by another program" not in said:
                wrong.append(f"held for {held:g} s: a new song is told {said!r}")
            if held > BUSY and stage != WAITS:
                wrong.append(f"held for {held:g} s: the song says {stage!r}")
            asked.append(submit(studio.url, seed=next(seeds)))
            ended(home, asked, 60)
            wrong += [f"held for {held:g} s: {sentence}" for sentence in audit(home, asked)]
        if studio.tracebacks:
            wrong.append(f"{studio.tracebacks} tracebacks in the log")
    return Row({"kept_after_s": round(slowest, 2), "locked_wrong": len(wrong)}, tuple(wrong))


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(home / "studio.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
