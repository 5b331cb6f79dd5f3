"""A whole studio without a page, to be killed by tests/test_kill.py: `python studio_process.py COUNT`.

Queues COUNT short songs if the library knows no jobs yet, then works until every job is final.
"""

import sys
import time

import sqlalchemy as sa

import library
from backend import studio
from song.request import Generate

PROMPTS = ("lofi", "house", "rock", "ambient")


def states() -> list[str]:
    with studio().library._reading.connect() as connection:
        return list(connection.execute(sa.select(library.jobs.c.state)).scalars())


def unfinished() -> bool:
    return not {"queued", "running"}.isdisjoint(states())


def main(count: int) -> None:
    working = studio()
    if not states():
        for number in range(count):
            working.submit(Generate(prompt=PROMPTS[number % len(PROMPTS)], duration=5, seed=number))
    working.start()
    while unfinished() and not (working.lane.current and working.lane.current.fraction):
        time.sleep(0.01)
    print("working", flush=True)
    while unfinished():
        time.sleep(0.05)
    working.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
