"""Row 28, the clock, a migration and the log: what a studio takes for granted goes wrong under it.

The clock jumps a year forth and ten back between takes; the process is killed in the middle of a migration; stdout and
stderr are closed, or on a full disk, while a studio starts, makes a song and is told to stop.
"""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

import library
import retention
from bench.faults import READY, ROOT, Row, free_port, main, surroundings
from settings import Settings
from song.request import Generate

RIGHT = (
    "jobs keep their order and ids stay unlike when the clock jumps or stands still, and nothing goes early; a library "
    "killed in a migration is whole, at the old schema or the new, and opens; without a log a song is made, SIGTERM "
    "ends with 0"
)
YEAR = 365 * 24 * 3600.0
JUMPS = (0.0, YEAR, -10 * YEAR, 1.0)
LOGS = {"full": ">/dev/full 2>&1", "closed": ">&- 2>&-", "all_closed": "<&- >&- 2>&-"}
# Dies at a statement of the migration, as by kill -9, with what came before it in the log that SQLite writes ahead.
DIE = """
import os, signal, sys, sqlalchemy as sa, library
from settings import settings
seen, last = 0, int(sys.argv[1])
@sa.event.listens_for(sa.engine.Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    global seen
    seen += statement.startswith(("ALTER", "CREATE", "UPDATE"))
    if seen > last:
        os.kill(os.getpid(), signal.SIGKILL)
library.Library(settings())
"""


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    figures: dict[str, float] = clock(home / "clock", wrong)
    figures["kills_whole"] = sum(killed(home / f"killed{at}", at, wrong) for at in ((1, 3) if quick else range(4)))
    for name in ("full",) if quick else LOGS:
        figures[f"{name}_made"] = without_log(home / name, LOGS[name], wrong)
    return Row(figures, tuple(wrong))


@contextlib.contextmanager
def at(now: float) -> Iterator[None]:
    with mock.patch.object(time, "time", lambda: now), mock.patch.object(time, "time_ns", lambda: int(now * 1e9)):
        yield


def clock(home: Path, wrong: list[str]) -> dict[str, float]:
    settings, now = Settings(home=home), time.time()
    opened, ids = library.Library(settings), []
    for jump in JUMPS:
        with at(now + jump):
            ids.append(opened.enqueue(Generate(prompt="lofi")).id)
    turns = [job.id for _ in JUMPS if (job := opened.claim())]
    if turns != ids:
        wrong.append("The queue follows the clock, not the order in which songs were asked for.")
    with at(now):
        unlike = len({library.new_id() for _ in range(1000)})
    if unlike != 1000:
        wrong.append(f"Of 1000 ids that were made in one moment {unlike} are unlike.")
    opened.close()
    page = settings.page_cache / "tmp1"
    page.parent.mkdir()
    page.touch()
    early = retention.thin(settings, now - 10 * YEAR)
    if early or not page.exists():
        wrong.append("A clock that went back removes files early.")
    return {"in_order": float(turns == ids), "ids_unlike": unlike, "gone_early": early}


def killed(home: Path, statement: int, wrong: list[str]) -> bool:
    """Whether a library that was killed at this statement of its migration is whole and opens after."""
    opened = library.Library(Settings(home=home))
    opened.enqueue(Generate(prompt="lofi"))
    opened.close()
    with contextlib.closing(sqlite3.connect(opened.settings.database)) as old:
        old.executescript(
            "drop index ix_jobs_client_turn; alter table jobs drop column client; alter table jobs drop column turn;"
            "update alembic_version set version_num = '0002'"
        )
    ran = subprocess.run([sys.executable, "-c", DIE, str(statement)], cwd=ROOT, env=surroundings(home), timeout=60)
    with contextlib.closing(sqlite3.connect(opened.settings.database)) as left:
        whole = left.execute("pragma integrity_check").fetchone() == ("ok",)
        (schema,) = left.execute("select version_num from alembic_version").fetchone()
        columns = {row[1] for row in left.execute("pragma table_info(jobs)")}
    half = ("turn" in columns) != (schema == library.SCHEMA)
    again = library.Library(Settings(home=home))
    waiting, copies = again.queue("")[0], list(home.glob("studio-0002.db"))
    again.close()
    good = whole and not half and waiting == 1 and len(copies) == 1 and not list(home.glob(".tmp-*"))
    if not good:
        wrong.append(f"Killed at statement {statement} of a migration: schema {schema}, {waiting} jobs, half: {half}.")
    if ran.returncode != -signal.SIGKILL:
        wrong.append(f"The migration that was to be killed ended with {ran.returncode}.")
    return good


def without_log(home: Path, where: str, wrong: list[str]) -> bool:
    """Whether a studio whose log goes there makes a song and ends well."""
    port = free_port()
    command = ["sh", "-c", f'exec "$@" {where}', "sh", sys.executable, str(ROOT / "app.py")]
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings(home, port=port))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as script:
            made = ready(script, process) and "event: complete" in song(script)
        process.send_signal(signal.SIGTERM)
        code: Any = process.wait(30)
    except (httpx.HTTPError, subprocess.TimeoutExpired) as error:
        made, code = False, error
    finally:
        process.kill()
        process.wait()
    if not made or code != 0:
        wrong.append(f"With its log {where} the studio made {'a' if made else 'no'} song and ended with {code}.")
    return made and code == 0


def ready(script: httpx.Client, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if script.get("/healthz").is_success:
                return True
        time.sleep(0.1)
    return False


def song(script: httpx.Client) -> str:
    call = script.post("/gradio_api/call/v2/generate", json={"prompt": "lofi", "duration": 5}).json()
    return script.get(f"/gradio_api/call/generate/{call['event_id']}").text


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
