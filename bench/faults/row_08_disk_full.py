"""Row 8: the disk is full to its last byte while songs are made, then has room again, several times.

As root the studio lives on a tmpfs of its own, which is filled. Elsewhere its writes are answered with ENOSPC by the
kernel for as long, see bench/faults/calls.py; `real_disk` says which it was.
"""

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.faults import Row, free_port, main, running, surroundings, wait_until_ready
from bench.faults.calls import watched
from bench.faults.songs import Refused, audit, ended, submit

RIGHT = (
    "each song is done and whole or failed as disk_full; new ones are refused in a sentence; with room, work goes on"
)
SIZE = 96  # MB
WITHIN = 60.0


def measure(home: Path, quick: bool) -> Row:
    place, asked, wrong, refused = home / "disk", [], [], 0
    place.mkdir()
    seeds = iter(range(1, 999))
    with _studio(place) as (url, disk, fill, empty, real):
        ended(disk, [submit(url, seed=next(seeds))], WITHIN)
        for turn in range(2 if quick else 6):
            songs = [submit(url, seed=next(seeds), duration=10) for _ in range(4)]
            time.sleep(0.3 * turn)  # somewhere in the middle of one of them
            fill()
            for _ in range(3):
                time.sleep(1.0)
                try:
                    songs.append(submit(url, seed=next(seeds)))
                except Refused as no:
                    refused += 1
                    if "disk" not in str(no).lower():
                        wrong.append(f"refused without a reason: {no}")
                fill()
            empty()
            try:
                songs.append(submit(url, seed=next(seeds)))
            except Refused as no:
                wrong.append(f"with room again nothing is taken: {no}")
            rows = ended(disk, songs, WITHIN)
            wrong += [
                f"a song is {row.state} with {row.code}: {row.sentence}"
                for row in rows.values()
                if row.state != "done" and (row.state, row.code) != ("failed", "disk_full")
            ]
            if rows[songs[-1]].state != "done":
                wrong.append(f"with room again the next song is {rows[songs[-1]].state}")
            wrong += audit(disk, songs)
            asked += [row.state for row in rows.values()]
    if not refused:
        wrong.append("the disk was never full for a new song")
    figures = {"songs": len(asked), "done": asked.count("done"), "refused": refused, "real_disk": int(real)}
    return Row(dict(figures), tuple(wrong))


@contextlib.contextmanager
def _studio(place: Path) -> Iterator[tuple[str, Path, Callable[[], None], Callable[[], None], bool]]:
    """A studio's address, its home, what fills its disk and what empties it again, and whether that is one."""
    if (
        os.geteuid() == 0
        and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", place]).returncode == 0
    ):
        ballast = place / "ballast"

        def fill() -> None:
            with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

        try:
            with running(place / "home", min_free_disk=0) as studio:
                yield studio.url, studio.home, fill, lambda: ballast.unlink(missing_ok=True), True
        finally:
            subprocess.run(["umount", place], check=True)
        return
    home, port = place / "home", free_port()
    home.mkdir()
    url, log = f"http://127.0.0.1:{port}", place / "studio.log"
    said = surroundings(home, port=port, min_free_disk=0)
    with log.open("w") as out, watched(["app.py"], home, env=said, stdout=out, stderr=out) as (process, calls):
        wait_until_ready(url, process, log)
        yield url, home, lambda: calls.arm(0, errno.ENOSPC, lasting=True), lambda: calls.arm(-1, 0), False


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
