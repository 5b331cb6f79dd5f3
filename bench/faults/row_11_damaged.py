"""Row 11: what lies in a library is damaged, 20 ways at once, and the studio starts on it; then the database itself."""

import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from bench.faults import Row, main, running
from bench.faults.songs import Refused, call, ended, submit
from library import HEARD, Library
from settings import Settings
from song.errors import CannotOpen
from song.request import Generate

RIGHT = "what is damaged fails alone; queue, library and start go on; a database that cannot be used is left as it is"
WITHIN = 60.0


def measure(home: Path, quick: bool) -> Row:
    kept = home / "kept"
    with running(kept) as studio:
        songs = [submit(studio.url, seed=seed) for seed in range(1, 8)]
        ended(kept, songs, WITHIN)
    uploads, asked = _uploads(kept), _jobs(kept)
    _spoil(kept, songs, uploads, asked)
    wrong: list[str] = []
    try:
        with running(kept) as studio:
            wrong += _started(studio.url, kept, songs, uploads, asked)
            if studio.tracebacks:
                wrong.append(f"{studio.tracebacks} tracebacks in the log")
    except RuntimeError as error:
        wrong.append(str(error))
    wrong += _databases(home, kept)
    return Row({"damages": 23, "damages_not_survived": len(wrong)}, tuple(wrong))


def _uploads(home: Path) -> list[str]:
    """Four uploads; a second of sound each."""
    library, ids = Library(Settings(home=home)), []
    for seed in range(4):
        sound = np.random.default_rng(seed).uniform(-0.5, 0.5, (48_000, 2))
        soundfile.write(home / "upload.wav", sound, 48_000, "PCM_24")
        ids.append(library.keep_source(home / "upload.wav", f"upload {seed}").id)
    (home / "upload.wav").unlink()
    library.close()
    return ids


def _jobs(home: Path) -> list[str]:
    library = Library(Settings(home=home))
    jobs = [
        library.enqueue(Generate(prompt="lofi", seed=20 + number, duration=5, engine="composer")) for number in range(8)
    ]
    library.close()
    return [job.id for job in jobs]


def _spoil(home: Path, songs: list[str], uploads: list[str], asked: list[str]) -> None:
    """Twenty damages, each to something of its own. The last job, song and upload stay whole."""
    newer = "replace(request, '}', ', \"a_newer_knob\": 1}')"
    statements: list[tuple[str, tuple[object, ...]]] = [
        (f"update jobs set request = {newer} where id = ?", (asked[0],)),
        ("update jobs set request = '{' where id = ?", (asked[1],)),
        ("update jobs set request = cast(x'fffe' as text) where id = ?", (asked[2],)),
        ("update jobs set state = 'dreaming' where id = ?", (asked[3],)),
        ("update jobs set takes = '{' where id = ?", (asked[4],)),
        ("update jobs set attempts = 'many', fraction = 'much' where id = ?", (asked[5],)),
        ("update jobs set state = 'running', request = '7' where id = ?", (asked[6],)),
        ("update takes set recipe = '{' where id in (?, ?)", (songs[0], songs[1])),
        ("update takes set ledger = '{' where id = ?", (songs[2],)),
        ("delete from takes where id in (?, ?)", (songs[4], songs[5])),
    ]
    with contextlib.closing(sqlite3.connect(home / "studio.db")) as database, database:
        for statement, values in statements:
            database.execute(statement, values)
    takes, sources = home / "takes", home / "sources"
    (takes / songs[1] / "recipe.json").write_text("{")
    shutil.rmtree(takes / songs[3])
    (takes / songs[5] / "song.wav").write_bytes((takes / songs[5] / "song.wav").read_bytes()[:100_000])
    shutil.copytree(takes / songs[0], takes / songs[6] / ".tmp-1-inside")
    shutil.copytree(takes / songs[0], takes / ".tmp-999999999-x")
    (takes / "note.txt").write_text("hello")
    (takes / songs[6] / ".tmp-x-y").write_text("hello")
    (sources / uploads[0] / "source.json").unlink()
    (sources / uploads[1] / "source.json").write_text("[]")
    (sources / uploads[2] / "source.wav").unlink()
    (sources / uploads[3] / HEARD).write_text("{")
    (home / "temp" / "leftover").mkdir()


def _started(url: str, home: Path, songs: list[str], uploads: list[str], asked: list[str]) -> list[str]:
    wrong = []
    new = submit(url, seed=99)
    states = ended(home, [asked[4], asked[5], asked[7], new], WITHIN)
    wrong += [
        f"job {row.request['seed']} is {row.state}: {row.sentence}" for row in states.values() if row.state != "done"
    ]
    with contextlib.closing(sqlite3.connect(home / "studio.db")) as database:
        codes = dict(database.execute("select id, error_code from jobs where state = 'failed'"))
    wrong += [
        f"damaged job {number} has code {codes.get(asked[number])}"
        for number in (0, 1)
        if codes.get(asked[number]) != "unreadable"
    ]
    listed = {take["id"] for take in call(url, "library", limit=50)[0]}
    for number, there in enumerate((True, False, True, True, True, False, True)):
        if (songs[number] in listed) != there:
            wrong.append(f"song {number} is {'not ' if there else ''}in the library")
    wrong += _answers(lambda: call(url, "job", job_id=asked[2])[0]["error_code"], "unreadable")
    wrong += _answers(lambda: call(url, "cancel", job_id=asked[3])[0]["error_code"], "unreadable")
    wrong += _answers(lambda: call(url, "take", take_id=songs[2])[1]["ledger"]["sell"], "yes")
    wrong += _answers(lambda: call(url, "listen", source=uploads[3])[1]["bpm"] > 0, True)
    if not (home / "takes" / songs[6] / ".tmp-1-inside" / "song.wav").is_file():
        wrong.append("a folder named like a temporary one was swept")
    if not any(path.name.endswith(".tmp-999999999-x") for path in (home / "set-aside").iterdir()):
        wrong.append("a take's folder named like a temporary one is gone")
    return wrong


def _answers(ask: Callable[[], object], right: object) -> list[str]:
    try:
        said = ask()
    except (Refused, KeyError, TypeError) as error:
        said = repr(error)
    return [] if said == right else [f"{said} instead of {right}"]


def _databases(home: Path, kept: Path) -> list[str]:
    """A newer schema, and a file that is no database, are left alone; without one the songs are found again."""
    wrong = []
    for name in ("newer", "rotten", "gone"):
        shutil.copytree(kept, home / name)
        database = home / name / "studio.db"
        if name == "newer":
            with contextlib.closing(sqlite3.connect(database)) as open_one, open_one:
                open_one.execute("update alembic_version set version_num = '9999'")
        elif name == "rotten":
            database.write_bytes(b"rotten" * 10_000)
        else:
            for path in (home / name).glob("studio.db*"):
                path.unlink()
        before = database.read_bytes() if database.exists() else b""
        try:
            library = Library(Settings(home=home / name))
        except CannotOpen:
            wrong += [f"{name}: the database was changed"] * (database.read_bytes() != before)
            wrong += ["without a database the studio does not start"] * (name == "gone")
            continue
        if name == "gone":
            library.recover()
            wrong += [f"only {library.count()} songs were found again"] * (library.count() < 6)
        else:
            wrong.append(f"{name}: the database was opened")
        library.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
