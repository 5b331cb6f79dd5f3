"""Row 13: a worker that never ends: a loop, a call that holds Python's lock, SIGSTOP, progress for ever.

The limit is made short by STUDIO_PATIENCE, and the silence that is borne is 10 s here (60 s in a studio).
"""

import os
import sys
import time
from pathlib import Path

import worker
from backend import Studio
from bench.faults import Row, hostile, main
from limits import limit
from settings import Settings
from song.request import Generate
from worker import InWorker

RIGHT = (
    "killed in its limit + 10 s with a code of its own, the lane says meanwhile what is wrong, and the next job is done"
)
PATIENCE, SILENCE = 0.15, 10.0
SPARE = 10.0  # seconds beyond the limit
CODES = {"loop": "took_too_long", "progress": "took_too_long", "stop": "worker_silent", "lock": "worker_silent"}

FIRST = ("loop", "stop")


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    latest = 0.0
    before, worker.SILENCE = worker.SILENCE, 5.0 if quick else SILENCE
    studio = Studio(Settings(home=home / "home", lane="process", patience=PATIENCE))
    assert isinstance(studio.lane.runner, InWorker)
    studio.lane.runner.entry = hostile.ENTRY
    studio.start()
    try:
        for kind in FIRST if quick else CODES:
            code = CODES[kind]
            good, bad = (
                Generate(prompt="lofi", duration=5, seed=1, engine="composer", title=t) for t in ("", f"hang {kind}")
            )
            list(studio.follow(studio.submit(good).id))
            most = limit(bad, 5.0, studio.settings.patience) if code == "took_too_long" else worker.SILENCE
            asked, ill, pids, last = studio.submit(bad), False, set(), time.monotonic()
            for job in studio.follow(asked.id, beat=0.2):  # noqa: B007
                process = studio.lane.runner._process
                if process is not None and process.pid not in pids:
                    pids.add(process.pid)
                    last = time.monotonic()  # each attempt has its own limit
                ill = ill or bool(studio.lane.ailing and "sign of life" in studio.lane.ailing)
            latest = max(latest, time.monotonic() - last - most)
            if (job.state in ("failed", "interrupted"), job.error_code) != (True, code):
                wrong.append(f"{kind}: {job.state}, {job.error_code}: {job.error}")
            if code == "worker_silent" and not ill:
                wrong.append(f"{kind}: nothing said that anything was wrong")
            wrong += [f"{kind}: worker {pid} lives on" for pid in pids if _alive(pid, studio)]
            if (state := list(studio.follow(studio.submit(good).id))[-1].state) != "done":
                wrong.append(f"after {kind} the next job is {state}")
    finally:
        studio.close()
        worker.SILENCE = before
    if latest > SPARE:
        wrong.append(f"ended {latest:.1f} s after its limit")
    return Row({"hangs": len(FIRST if quick else CODES), "past_limit_s": round(latest, 2)}, tuple(wrong))


def _alive(pid: int, studio: Studio) -> bool:
    assert isinstance(studio.lane.runner, InWorker)
    process = studio.lane.runner._process
    if process is not None and process.pid == pid:
        return False  # it is the one that works now
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
