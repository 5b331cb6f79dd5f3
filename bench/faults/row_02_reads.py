"""Row 2: reads while others write. Twenty writers submit one song after the other; library, job, page and sound are
read all the while, through the doors that scripts and the page use."""

import sys
from pathlib import Path

import httpx

from bench.faults import Row, main, running
from bench.faults.traffic import Readers, others, song, told

RIGHT = "while 20 writers submit, library, job, page and sound by range answer with p95 <= 200 ms, and none fails"
WRITERS = 20
MOST = 200.0  # ms


def measure(home: Path, quick: bool) -> Row:
    seconds = 8.0 if quick else 30.0
    with running(home / "home", max_queue=10**6, max_queue_client=10**6) as studio:
        with httpx.Client(base_url=studio.url, timeout=60) as client:
            readers = Readers(studio.url, song(client))
        with others("write", studio.url, WRITERS, seconds) as writers:
            figures = readers.for_seconds(seconds)
            wrote = told(writers)
    worst = max(figures.values())
    wrong = [f"{name} is {value} ms" for name, value in figures.items() if value > MOST]
    wrong += [f"{len(readers.failed)} reads failed, as {readers.failed[0]}"] if readers.failed else []
    wrong += [] if wrote["taken"] else [f"no writer was let in: {wrote['said']}"]
    figures |= {"reads_p95_ms": worst, "submits_per_s": round(wrote["taken"] / seconds, 1)}
    return Row(figures | {"submits_refused": wrote["refused"]}, tuple(wrong))


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
