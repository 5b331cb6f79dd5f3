"""Songs asked of a started studio through its doors, and what its library then holds, read off the disk."""

import contextlib
import hashlib
import json
import sqlite3
import time
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SHORT = 5  # seconds; the shortest song
FINAL = ("done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class Row:
    """A job as its row has it."""

    id: str
    state: str
    code: str | None
    sentence: str | None
    takes: tuple[str, ...]
    request: dict[str, Any]
    attempts: int


class Refused(Exception):
    """The studio took no job, and said why."""


def call(url: str, door: str, **said: Any) -> Any:
    """What a door of the studio answers, all its outputs. Raises Refused with its words."""
    begun = httpx.post(f"{url}/gradio_api/call/v2/{door}", json=said, timeout=60)
    if not begun.is_success:
        raise Refused(begun.text)
    told = httpx.get(f"{url}/gradio_api/call/{door}/{begun.json()['event_id']}", timeout=60).text
    event, data = (told.rpartition(mark)[2].partition("\n")[0].strip() for mark in ("event:", "data:"))
    if event != "complete":
        raise Refused(data)
    return json.loads(data)


def submit(url: str, prompt: str = "lofi", seed: int = 1, duration: float = SHORT) -> str:
    """Ask for a song; the job's id. Raises Refused with the studio's words."""
    return str(call(url, "submit", prompt=prompt, seed=seed, duration=duration)[0]["id"])


def rows(home: Path) -> dict[str, Row]:
    """All jobs by their ids."""
    columns = "id, state, error_code, error, takes, request, attempts"
    with contextlib.closing(sqlite3.connect(f"file:{home}/studio.db?mode=ro", uri=True, timeout=30)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        found = database.execute(f"select {columns} from jobs").fetchall()
    return {
        id: Row(id, state, code, sentence, tuple(_json(takes, [])), _json(request, {}), attempts)
        for id, state, code, sentence, takes, request, attempts in found
    }


def _json(text: str, otherwise: Any) -> Any:
    """What a row says; `otherwise` where it was damaged."""
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return otherwise


def ended(home: Path, jobs: Iterable[str], within: float) -> dict[str, Row]:
    """These jobs, once all are final or the time is over."""
    until, wanted = time.monotonic() + within, set(jobs)
    while True:
        found = {id: row for id, row in rows(home).items() if id in wanted}
        if all(row.state in FINAL for row in found.values()) or time.monotonic() > until:
            return found
        time.sleep(0.02)


def audit(home: Path, jobs: Iterable[str]) -> list[str]:
    """What is wrong with these jobs and with the library, in sentences: lost, half, another's, left over."""
    wrong, known = [], rows(home)
    with contextlib.closing(sqlite3.connect(home / "studio.db", timeout=30)) as database:
        kept = {id: json.loads(recipe) for id, recipe in database.execute("select id, recipe from takes")}
        if database.execute("pragma integrity_check").fetchone() != ("ok",):
            wrong.append("the database is damaged")
    for id in jobs:
        row = known.get(id)
        if row is None or row.state not in FINAL:
            wrong.append(f"job {id} is lost: {row and row.state}")
        elif row.state == "done":
            wrong += [f"job {id} is done without its take"] * (row.takes != (id,) or id not in kept)
            recipe = kept.get(id, {})
            if (recipe.get("seed"), recipe.get("id")) != (row.request["seed"], id):
                wrong.append(f"job {id} has another one's song")
        elif not (row.code and row.sentence) and row.state != "cancelled":
            wrong.append(f"job {id} {row.state} without a word")
    wrong += [f"take {id} is not whole" for id, recipe in kept.items() if not _whole(home / "takes" / id, recipe)]
    wrong += [f"takes/{path.name} has no row" for path in (home / "takes").iterdir() if path.name not in kept]
    wrong += [f"temp/{path.name} was left" for path in (home / "temp").iterdir()]
    wrong += [f"{path.relative_to(home)} was left" for path in (home / "takes").rglob(".tmp-*")]
    return wrong


def _whole(folder: Path, recipe: dict[str, Any]) -> bool:
    try:
        with wave.open(str(folder / "song.wav")) as sound:
            said = hashlib.sha256(sound.readframes(sound.getnframes())).hexdigest()
    except (OSError, EOFError, wave.Error):
        return False
    return bool(said == recipe["samples_sha256"])
