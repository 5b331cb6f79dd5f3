"""Takes and jobs on disk: one SQLite database and, beside it, a folder of files per take.

    <home>/studio.db          jobs and takes
    <home>/studio-<n>.db      the same as it was before it left schema <n>
    <home>/takes/<id>/        song.wav, .mid and .lrc, recipe.json, sheet.json; song.flac, .mp3, .opus, .srt, .vtt and
                              .png, other masters as song-<what>.*, each with what was done as .json, stems.zip and
                              sessions for DAWs once asked
    <home>/sources/<id>/      source.wav, source.json: an upload, called by its sound; heard-<n>.json once listened to
    <home>/temp/              work in progress; empty whenever nothing runs
    <home>/set-aside/         folders found in takes/ that are no whole take

A take's folder is written in temp, fsynced, renamed as a whole, and then its row is committed. A crash in between, or a
library that is locked or full for long, leaves a whole folder without a row, which `recover` adopts. Every
read-modify-write is one immediate transaction.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import sqlalchemy as sa
from pydantic import ValidationError

import durable
import ledger
import private
from settings import ROOT, Settings
from song.errors import (
    BadRequest,
    CannotOpen,
    DiskFailing,
    DiskFull,
    EngineFailed,
    LibraryLocked,
    NotFound,
    QueueFull,
)
from song.heard import LISTENER
from song.job import Job, State
from song.ledger import ANSWERS, Ledger
from song.request import SongRequest, originals, read_json
from song.source import Origin
from song.take import Kept, Recipe

SCHEMA = "0003"  # the newest revision in migrations/versions
BUSY_SECONDS = 10.0  # how long a door waits for another program to let go of the library
LANE_SECONDS = 1.0  # how long the lane does, which tries again by itself and has to hear of a stop meanwhile
NOTE_SECONDS = 0.1  # a note of progress is not worth waiting for
COPIES = 3  # of the library from before a migration, the newest schemas
TRASH_SECONDS = 7 * 24 * 3600.0  # how long a forgotten take can be brought back
SOURCE_SECONDS = 30 * 24 * 3600.0  # how long an upload is kept that nothing was made from
FILES = {
    "audio": "song.wav",
    "midi": "song.mid",
    "lrc": "song.lrc",
    "srt": "song.srt",
    "vtt": "song.vtt",
    "recipe": "recipe.json",
    "sheet": "sheet.json",
    "stems": "stems.zip",
    "ardour": "ardour.zip",
    "dawproject": "song.dawproject",
    "reaper": "reaper.zip",
}
HEARD = f"heard-{LISTENER}.json"  # what an older listener wrote down is not asked again
_TAGGED = ("song*.flac*", "song*.mp3*", "song*.opus*", "song-*.wav*", "song.srt", "song.vtt")  # files made of a take
SEARCH = 1000  # characters
_UPLOAD = re.compile(r"u[0-9a-f]{16}")

UNREADABLE = "unreadable"  # what a job fails with whose row is damaged or from a newer studio
_CANNOT_READ = "This job cannot be read: it is damaged, or a newer studio wrote it. Ask for the song again."

ARRIVAL: sa.ColumnElement[int] = sa.literal_column("rowid")  # the order rows came in, whatever the clock said

log = logging.getLogger("studio.library")
tables = sa.MetaData()

jobs = sa.Table(
    "jobs",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("takes", sa.Text, nullable=False, default="[]"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("cancelling", sa.Boolean, nullable=False, default=False),
    sa.Column("fraction", sa.Float, nullable=False, default=0.0),
    sa.Column("stage", sa.Text, nullable=False, default="waiting"),
    sa.Column("error_code", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("client", sa.Text, nullable=False, default=""),  # who asked; "" is this machine's own terminal
    sa.Column("turn", sa.Integer),  # the how-manieth job it was that began, of all
    sa.Index("ix_jobs_client_turn", "client", "turn"),
)
takes = sa.Table(
    "takes",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("words", sa.Text, nullable=False),  # what the search looks through, lower case
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("favourite", sa.Boolean, nullable=False, default=False),
    sa.Column("forgotten", sa.Float),  # when; seconds since 1970
    sa.Column("sell", sa.Text, index=True),  # the ledger's answer, to be searched by
    sa.Column("ledger", sa.Text),
)


def new_id() -> str:
    """An id nobody can guess or make twice: milliseconds since 1970, then chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def take_id(job_id: str, variation: int) -> str:
    """The id of a job's n-th take (0-based). Fixed before any work, so that a crash cannot make the same take twice."""
    return job_id if variation == 0 else f"{job_id}-{variation + 1}"


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turn what SQLite says into what the user can do about it."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        said = str(error.orig).lower()
        if "full" in said:
            raise DiskFull("The disk is full; free some space and try again.") from error
        if "disk i/o" in said:
            raise DiskFailing("The disk is full or fails; free some space, look after it, and try again.") from error
        if "locked" in said or "busy" in said:
            raise LibraryLocked(
                "The library is locked by another program; close that program and try again."
            ) from error
        if "readonly" in said or "unable to open" in said:
            raise CannotOpen("The library cannot be written; check the rights of STUDIO_HOME.") from error
        raise CannotOpen(f"The library is damaged ({error.orig}); move studio.db away to start a new one.") from error


class Library:
    """The kept takes and the jobs. Safe to use from many threads and from several processes."""

    def __init__(self, settings: Settings):
        self.settings = settings
        try:
            for folder in (settings.home, settings.takes, settings.sources, settings.temp):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            private.tighten(settings)
        except OSError as error:
            raise CannotOpen(f"{settings.home} cannot be used ({error.strerror}); set STUDIO_HOME.") from error
        self._engine = sa.create_engine(f"sqlite:///{settings.database}", connect_args={"timeout": BUSY_SECONDS})
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "checkout", _patiently)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with _plainly():
            self._migrate()

    def close(self) -> None:
        self._engine.dispose()

    def writable(self, patience: float) -> bool:
        """Whether it can be written to within so many seconds; nothing is changed."""
        try:
            with contextlib.closing(
                sqlite3.connect(self.settings.database, patience, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def enqueue(self, request: SongRequest, client: str = "") -> Job:
        """Write the job down before any work starts. Raises QueueFull where too many wait, of this client or in all."""
        job = Job(id=new_id(), request=request)
        with self._writing() as connection:
            self._check_queue(connection, client)
            row = {"id": job.id, "state": "queued", "request": request.model_dump_json(), "client": client}
            connection.execute(jobs.insert().values(row))
        return job

    def check_queue(self, client: str) -> None:
        """Raises QueueFull where `enqueue` would."""
        with _plainly(), self._reading.connect() as connection:
            self._check_queue(connection, client)

    def _check_queue(self, connection: sa.Connection, client: str) -> None:
        """The terminal is who can empty the queue, so it has no limit of its own."""
        waiting = sa.select(sa.func.count()).where(jobs.c.state == "queued")
        everybody = connection.execute(waiting).scalar_one()
        if everybody >= self.settings.max_queue:
            raise QueueFull(f"{everybody} songs wait already, and this studio takes no more at once; try again later.")
        mine = connection.execute(waiting.where(jobs.c.client == client)).scalar_one()
        if client and mine >= self.settings.max_queue_client:
            raise QueueFull(
                f"{mine} songs of yours wait already, and this studio takes no more of one client at once; try again "
                "when one of them begins, or cancel some."
            )

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        with _plainly(), self._reading.connect() as connection:
            row = connection.execute(jobs.select().where(jobs.c.id == job_id)).one_or_none()
            if row is None:
                raise NotFound(f"There is no job {job_id[:40]}.")
            job = _job(row)
        if job.state == "queued" and (stage := self.line().get(job_id)):  # else its turn has just come
            job = job.model_copy(update={"stage": stage})
        return job

    def line(self) -> dict[str, str]:
        """The jobs that wait for their turn, by id: the stage of each, which says how many come before it."""
        running = sa.select(sa.func.count()).where(jobs.c.state == "running")
        with _plainly(), self._reading.connect() as connection:
            waiting, before = connection.execute(_turns()).scalars().all(), connection.execute(running).scalar_one()
        return {id: _queue_position(before + place) for place, id in enumerate(waiting)}

    def claim(self, only: str | None = None) -> Job | None:
        """Take the waiting job whose turn it is (or `only` that one), mark it running, and count the attempt. One that
        cannot be read fails, and the next one is taken."""
        first = _turns().limit(1).scalar_subquery() if only is None else only
        waiting = jobs.select().where(jobs.c.state == "queued", jobs.c.id == first)
        with _plainly(), self._reading.connect() as connection:  # an idle lane looks often, and should lock nobody out
            if connection.execute(waiting).one_or_none() is None:
                return None
        with self._writing(LANE_SECONDS) as connection:
            while (row := connection.execute(waiting).one_or_none()) is not None:
                job, mine = _job(row), jobs.update().where(jobs.c.id == row.id)
                if job.request is not None:
                    changed = {"state": "running", "attempts": job.attempts + 1, "stage": "starting"}
                    turn = sa.select(sa.func.coalesce(sa.func.max(jobs.c.turn), 0) + 1).scalar_subquery()
                    connection.execute(mine.values(changed | {"turn": turn}))
                    return job.model_copy(update=changed)
                log.error("job %s cannot be read, so it fails; the next one's turn", row.id)
                connection.execute(mine.values(state="failed", error_code=UNREADABLE, error=_CANNOT_READ))
        return None

    def note_progress(self, job_id: str, fraction: float, stage: str) -> None:
        """So that other processes see it too."""
        self._change(job_id, ("running",), NOTE_SECONDS, fraction=fraction, stage=stage)

    def settle(self, job_id: str, state: str, code: str | None = None, sentence: str | None = None) -> bool:
        """Move a running job to a final state, or back to "queued". False if it was not running any more."""
        changed: dict[str, object] = {"state": state, "error_code": code, "error": sentence}
        if state == "queued":
            changed |= {"fraction": 0.0, "stage": "waiting"}
        return self._change(job_id, ("running",), LANE_SECONDS, **changed)

    def unclaim(self, job_id: str) -> None:
        """Put a running job back as if it had never been claimed: the studio stops, the job is not to blame."""
        with self._writing(LANE_SECONDS) as connection:
            mine = jobs.update().where(jobs.c.id == job_id, jobs.c.state == "running")
            back = {"state": "queued", "attempts": jobs.c.attempts - 1, "turn": None}
            connection.execute(mine.values(back | {"fraction": 0.0, "stage": "waiting"}))

    def cancel(self, job_id: str) -> Job:
        """A waiting job is cancelled at once; a running one is marked, and its lane stops it. Raises NotFound."""
        if not self._change(job_id, ("queued",), state="cancelled", stage="cancelled"):
            self._change(job_id, ("running",), cancelling=True)
        return self.job(job_id)

    def cancel_all(self, client: str) -> list[str]:
        """Cancel every job of a client as `cancel` does; their ids, in the order they came."""
        open_ = jobs.c.state.in_(("queued", "running"))
        with self._writing() as connection:
            mine = sa.select(jobs.c.id).where(jobs.c.client == client, open_).order_by(ARRIVAL)
            ids = list(connection.execute(mine).scalars())
            update = jobs.update().where(jobs.c.id.in_(ids))
            connection.execute(update.where(jobs.c.state == "running").values(cancelling=True))
            connection.execute(update.where(jobs.c.state == "queued").values(state="cancelled", stage="cancelled"))
        return ids

    def queue(self, client: str) -> tuple[int, int]:
        """How many jobs wait or run, in all and of this client."""
        open_ = sa.select(sa.func.count()).where(jobs.c.state.in_(("queued", "running")))
        with _plainly(), self._reading.connect() as connection:
            mine = connection.execute(open_.where(jobs.c.client == client)).scalar_one()
            return connection.execute(open_).scalar_one(), mine

    def cancelling(self, job_id: str) -> bool:
        with _plainly(), self._reading.connect() as connection:
            return bool(connection.execute(sa.select(jobs.c.cancelling).where(jobs.c.id == job_id)).scalar())

    # -- takes --------------------------------------------------------------------------------------------------------

    def keep(self, recipe: Recipe, folder: Path, job: Job | None = None) -> Kept:
        """Move a finished folder into the library, then write its row. The files must be fsynced already.

        Raises EngineFailed where the folder does not hold the whole song that the recipe speaks of, and CannotOpen,
        DiskFull or DiskFailing where it cannot be kept now: then the song is whole where it is, and the same call can
        be made again.
        """
        place = self.settings.takes / recipe.id
        moved = not folder.exists() and place.exists()
        _check_whole(place if moved else folder, recipe)
        try:
            if not moved:
                if place.exists() and not self._known(recipe.id):
                    self._set_aside(place)  # what a crash left there
                os.replace(folder, place)
            durable.sync_folder(self.settings.takes)
        except OSError as error:
            raise durable.disk_fault(error) or CannotOpen(
                f"The song could not be moved into the library ({error.strerror}); look after its folder, takes."
            ) from error
        self._insert(recipe, job.id if job else None)
        return self.take(recipe.id)

    def discard(self, id: str) -> None:
        """Remove the files of a take that `keep` could not give its row, and that nobody wants any more."""
        if not self._known(id):
            shutil.rmtree(self.settings.takes / id, ignore_errors=True)

    def _known(self, id: str) -> bool:
        """Whether a take has its row, forgotten or not."""
        with _plainly(), self._reading.connect() as connection:
            return connection.execute(sa.select(takes.c.id).where(takes.c.id == id)).first() is not None

    def take(self, id: str) -> Kept:
        """Raises NotFound, also for a forgotten take and one whose recipe cannot be read."""
        with _plainly(), self._reading.connect() as connection:
            row = connection.execute(takes.select().where(takes.c.id == id, takes.c.forgotten.is_(None))).one_or_none()
        if row is None:
            raise NotFound(f"There is no take {id[:40]} in the library.")
        return self._kept(row)

    def takes(
        self, search: str = "", favourites: bool = False, limit: int = 50, offset: int = 0, sell: str = ""
    ) -> list[Kept]:
        """Newest first, without those whose recipes cannot be read. Every word of `search` must occur in title, words,
        style, key or engine; `sell` is the ledger's answer, "yes", "no" or "unknown". Raises BadRequest otherwise."""
        query = _found(takes.select(), search, favourites, sell).order_by(ARRIVAL.desc()).limit(limit).offset(offset)
        with _plainly(), self._reading.connect() as connection:
            rows = connection.execute(query).all()
        return [kept for row in rows if (kept := self._readable(row))]

    def count(self, search: str = "", favourites: bool = False, sell: str = "") -> int:
        query = _found(sa.select(sa.func.count()).select_from(takes), search, favourites, sell)
        with _plainly(), self._reading.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def revise(self, recipe: Recipe) -> Kept:
        """A take of which more is known than when it was made; its recipe and its song are written already. Files that
        hold what was known before go, and are made anew when somebody asks. Raises NotFound."""
        folder = self.settings.takes / self.take(recipe.id).id
        for path in (path for pattern in _TAGGED for path in folder.glob(pattern)):
            path.unlink(missing_ok=True)
        with self._writing() as connection:
            row = takes.update().where(takes.c.id == recipe.id)
            connection.execute(row.values(recipe=recipe.model_dump_json()))
        return self.take(recipe.id)

    def favourite(self, id: str, on: bool = True) -> Kept:
        """Raises NotFound."""
        self.take(id)
        with self._writing() as connection:
            connection.execute(takes.update().where(takes.c.id == id).values(favourite=on))
        return self.take(id)

    def forget(self, id: str) -> Kept:
        """Take it out of sight. Its files stay for a week, so that `restore` can bring it back. Raises NotFound."""
        kept = self.take(id)
        with self._writing() as connection:
            connection.execute(takes.update().where(takes.c.id == id).values(forgotten=time.time()))
        return kept

    def restore(self, id: str) -> Kept:
        """Undo `forget`. Raises NotFound."""
        with self._writing() as connection:
            connection.execute(takes.update().where(takes.c.id == id).values(forgotten=None))
        return self.take(id)

    # -- songs to start from -------------------------------------------------------------------------------------------

    def keep_source(self, wav: Path, title: str, notices: tuple[str, ...] = ()) -> Origin:
        """Move a decoded upload into the library. The same sound again is the same source, under its first title; a
        take that comes back from outside, as WAV or FLAC, is that take, and its plan is known."""
        with wave.open(str(wav)) as sound:
            duration = sound.getnframes() / sound.getframerate()
            digest = hashlib.sha256(f"{sound.getframerate()}/".encode())
            samples = hashlib.sha256()
            while block := sound.readframes(2**16):
                digest.update(block)
                samples.update(block)
        if mine := self._take_of(samples.hexdigest()):
            return self._take_as_origin(mine)
        id = f"u{digest.hexdigest()[:16]}"
        place = self.settings.sources / id
        if place.exists():
            with contextlib.suppress(NotFound):
                return self.origin(id)
            self._set_aside(place)
        if not place.exists():
            folder = self.settings.temp / new_id()
            folder.mkdir()
            durable.copy(wav, folder / "source.wav")
            known = {"id": id, "title": title, "duration": duration, "notices": notices, "added": time.time()}
            durable.write_text(folder / "source.json", json.dumps(known))
            with contextlib.suppress(OSError):  # not empty: somebody else was faster
                folder.rename(place)
            shutil.rmtree(folder, ignore_errors=True)
            durable.sync_folder(self.settings.sources)
        return self.origin(id)

    @staticmethod
    def is_upload(id: str) -> bool:
        return bool(_UPLOAD.fullmatch(id))

    def origin(self, id: str) -> Origin:
        """A take or an upload, as something to start from. Raises NotFound."""
        if not self.is_upload(id):
            return self._take_as_origin(self.take(id))
        folder = self.settings.sources / id
        try:
            known = json.loads((folder / "source.json").read_text(encoding="utf-8"))
            origin = Origin(path=folder / "source.wav", heard=folder / HEARD, **known)
            if origin.id != id or not origin.path.is_file():
                raise ValueError("not a whole upload")
        except (OSError, ValueError, TypeError, RecursionError):
            raise NotFound(f"There is no upload {id} any more; give the song again.") from None
        return origin

    def sources(self) -> list[Origin]:
        """All uploads that can be read, newest first."""
        folders = self.settings.sources.iterdir()
        names = sorted(
            (path for path in folders if _UPLOAD.fullmatch(path.name)), key=lambda path: path.stat().st_ctime
        )
        found = []
        for path in reversed(names):
            try:
                found.append(self.origin(path.name))
            except NotFound:
                log.warning("the upload %s cannot be read, so it is left out", path.name)
        return found

    def _take_of(self, samples_sha256: str) -> Kept | None:
        """The take with exactly these samples, if it is in the library."""
        query = takes.select().where(takes.c.forgotten.is_(None), takes.c.recipe.contains(samples_sha256)).limit(1)
        with _plainly(), self._reading.connect() as connection:
            row = connection.execute(query).first()
        return self._readable(row) if row else None

    def _take_as_origin(self, kept: Kept) -> Origin:
        folder = self.settings.takes / kept.id
        return Origin(
            id=kept.id,
            title=kept.recipe.title,
            duration=kept.recipe.duration,
            path=folder / FILES["audio"],
            heard=folder / HEARD,
            sheet=folder / FILES["sheet"] if "sheet" in kept.files else None,
            recipe=kept.recipe,
        )

    # -- after a crash ------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Adopt, sweep, queue again what was cut off. For the one process that owns the lane, before it starts."""
        self._rescue()
        self._sweep()
        self.put_right()

    def put_right(self) -> None:
        """Adopt what is whole, and end or queue again each job that a row calls running. For the lane, when none is."""
        self._adopt()
        with self._writing(LANE_SECONDS) as connection:
            running = jobs.update().where(jobs.c.state == "running")
            whole = [row.id for row in connection.execute(jobs.select().where(jobs.c.state == "running")) if _made(row)]
            connection.execute(running.where(jobs.c.id.in_(whole)).values(state="done"))
            connection.execute(running.where(jobs.c.cancelling).values(state="cancelled", stage="cancelled"))
            connection.execute(running.where(jobs.c.attempts < 2).values(state="queued", fraction=0.0, stage="waiting"))
            sentence = "The studio stopped twice while it made this song; press Generate to try again."
            connection.execute(running.values(state="interrupted", error_code="interrupted", error=sentence))

    def _rescue(self) -> None:
        """Move songs that were finished and could not be kept to where they are adopted: in temp, whole, asked for."""
        query = sa.select(jobs.c.id).where(jobs.c.state.in_(("queued", "running")))
        with _plainly(), self._reading.connect() as connection:
            asked = set(connection.execute(query).scalars())
        for folder in self.settings.temp.iterdir():
            with contextlib.suppress(OSError, ValueError, EngineFailed):
                recipe = _written(folder)
                place = self.settings.takes / recipe.id
                if recipe.id.partition("-")[0] in asked and not place.exists():
                    os.replace(folder, place)

    def _adopt(self) -> None:
        """Give whole folders without a row their row; set anything else aside. Say which rows lost theirs."""
        with _plainly(), self._reading.connect() as connection:
            known = set(connection.execute(sa.select(takes.c.id)).scalars())
        folders = {path.name: path for path in self.settings.takes.iterdir()}
        for name, folder in folders.items():
            if name in known:
                continue
            try:
                recipe = _written(folder)
                if recipe.id != name:
                    raise ValueError(f"its recipe is that of {recipe.id}")
                self._insert(recipe, recipe.id.partition("-")[0])
                log.info("found the finished take %s", name)
            except (OSError, ValueError, TypeError, RecursionError, EngineFailed) as error:
                log.warning("%s is no whole take (%s); moved to set-aside", name, error)
                with contextlib.suppress(OSError):
                    self._set_aside(folder)
        if lost := sorted(known - set(folders)):
            log.warning("the files of %d takes are gone: %s", len(lost), ", ".join(lost[:5]))

    def _set_aside(self, folder: Path) -> None:
        aside = self.settings.home / "set-aside"
        aside.mkdir(exist_ok=True)
        os.replace(folder, aside / f"{new_id()}-{folder.name}")

    def _sweep(self) -> None:
        """Empty temp, and remove files that were never finished, and what was forgotten long ago."""
        for leftover in self.settings.temp.iterdir():
            with contextlib.suppress(OSError):
                shutil.rmtree(leftover) if leftover.is_dir() and not leftover.is_symlink() else leftover.unlink()
        for folder in (*self.settings.takes.iterdir(), *self.settings.sources.iterdir()):
            with contextlib.suppress(OSError):
                durable.sweep(folder)
        with self._writing(LANE_SECONDS) as connection:
            old = takes.c.forgotten < time.time() - TRASH_SECONDS
            gone = list(connection.execute(sa.select(takes.c.id).where(old)).scalars())
            connection.execute(takes.delete().where(takes.c.id.in_(gone)))
        for id in gone:
            shutil.rmtree(self.settings.takes / id, ignore_errors=True)
        self._sweep_sources()

    def _sweep_sources(self) -> None:
        """Remove uploads that nothing was made from, or is being made from, for a month."""
        for origin in self.sources():
            if origin.added > time.time() - SOURCE_SECONDS:
                continue
            with _plainly(), self._reading.connect() as connection:
                made = takes.select().where(takes.c.recipe.contains(origin.id)).limit(1)
                waiting = jobs.select().where(jobs.c.state.in_(("queued", "running")))
                asked = waiting.where(jobs.c.request.contains(origin.id)).limit(1)
                if connection.execute(made).first() or connection.execute(asked).first():
                    continue
            shutil.rmtree(self.settings.sources / origin.id, ignore_errors=True)

    # -- inside -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self, patience: float | None = None) -> Iterator[sa.Connection]:
        """One immediate transaction; waits `patience` seconds for its turn, without one as long as a door does."""
        with _plainly():
            try:
                with self._engine.begin() as connection:
                    if patience is not None:
                        connection.exec_driver_sql(f"PRAGMA busy_timeout={round(1000 * patience)}")
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                    yield connection
            except sa.exc.OperationalError:
                self._engine.dispose()  # a connection that could not write or sync may never be able to again
                raise

    def _change(self, job_id: str, states: tuple[str, ...], patience: float | None = None, **values: object) -> bool:
        """Update a job if it is in one of `states`; False if it was not."""
        with self._writing(patience) as connection:
            move = jobs.update().where(jobs.c.id == job_id, jobs.c.state.in_(states)).values(**values)
            return connection.execute(move).rowcount == 1

    def _insert(self, recipe: Recipe, job_id: str | None) -> None:
        plan, request = recipe.plan, recipe.request
        words = (recipe.title, request.prompt, plan.get("style_name", ""), plan.get("key", ""), recipe.engine)
        with self._writing(LANE_SECONDS) as connection:
            row = {"id": recipe.id, "words": " ".join(map(str, words)).lower(), "recipe": recipe.model_dump_json()}
            connection.execute(takes.insert().prefix_with("OR IGNORE").values(row | _judged(recipe, connection)))
            made = connection.execute(sa.select(jobs.c.takes).where(jobs.c.id == job_id)).scalar()
            if made is not None and recipe.id not in (before := _ids(made)):
                ids = json.dumps([*before, recipe.id])
                connection.execute(jobs.update().where(jobs.c.id == job_id).values(takes=ids))

    def _kept(self, row: sa.Row) -> Kept:
        folder = self.settings.takes / row.id
        files = {kind: str(folder / name) for kind, name in FILES.items() if (folder / name).is_file()}
        recipe = self._recipe(row)
        try:
            judged = Ledger.model_validate_json(row.ledger)
        except ValidationError:
            judged = ledger.judged(recipe, {})
        return Kept(recipe=recipe, ledger=judged, files=files, favourite=row.favourite)

    def _readable(self, row: sa.Row) -> Kept | None:
        try:
            return self._kept(row)
        except NotFound as error:
            log.warning("%s", error)
            return None

    def _recipe(self, row: sa.Row) -> Recipe:
        """A take's recipe by its row, or else by its file. Raises NotFound where neither can be read."""
        try:
            return Recipe.model_validate_json(row.recipe)
        except ValidationError:
            pass
        try:
            return Recipe.model_validate_json((self.settings.takes / row.id / FILES["recipe"]).read_bytes())
        except (OSError, ValidationError):
            raise NotFound(
                f"The recipe of take {row.id} cannot be read: it is damaged, or a newer studio wrote it. "
                f"Its sound is still in the library, in takes/{row.id}."
            ) from None

    def _migrate(self) -> None:
        """Bring the database to this studio's schema, with a copy of it as it was beside it. Raises CannotOpen for a
        newer one, and DiskFull where the copy has no room, before anything is changed."""
        with self._reading.connect() as connection:
            found = _schema(connection)
        if found == SCHEMA:
            return
        if found is not None and found > SCHEMA:
            raise CannotOpen(
                f"{self.settings.database} was made by a newer studio (schema {found}, this one knows {SCHEMA}); "
                "update the studio, or set STUDIO_HOME to another folder."
            )
        copy = None
        try:
            with self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # from here on nobody else writes, so the copy is whole
                if (found := _schema(connection)) == SCHEMA:  # another process was faster
                    return
                copy = self._copy(found) if found else None
                _upgrade(connection)
        except Exception as error:
            if copy is None:
                raise
            raise CannotOpen(
                f"The library could not be brought from schema {found} to {SCHEMA} "
                f"({getattr(error, 'orig', None) or error}). It is as it was, and a copy of it is {copy}; "
                "mend what is wrong and start again, or go on with the studio that made it."
            ) from error
        self._thin_copies()

    def _copy(self, schema: str) -> Path:
        """The database as it is, written beside it under its schema's number. Raises DiskFull, DiskFailing."""
        database, place = self.settings.database, self.settings.home / f"studio-{schema}.db"
        durable.sweep(self.settings.home)  # of an earlier try
        beside = (database, database.with_name(f"{database.name}-wal"))
        size = sum(path.stat().st_size for path in beside if path.exists())
        free = shutil.disk_usage(self.settings.home).free
        full = DiskFull(
            "This studio brings the library to a newer schema, and there is no room for a copy of it first: "
            f"{2 * size / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free. Nothing was changed; make room and start again."
        )
        if free < 2 * size:  # the copy, and what the migration itself writes
            raise full
        try:
            with durable.atomic(place) as unfinished:
                unfinished.touch(0o600)
                old, new = sqlite3.connect(database), sqlite3.connect(unfinished)
                with contextlib.closing(old), contextlib.closing(new):
                    old.backup(new)
        except (sqlite3.Error, DiskFull) as error:
            if isinstance(error, DiskFull) or "full" in str(error):
                raise full from error
            raise DiskFailing(
                f"The library could not be copied before it is brought to a newer schema ({error}). Nothing was "
                "changed; look after the disk and start again."
            ) from error
        return place

    def _thin_copies(self) -> None:
        copies = sorted(self.settings.home.glob("studio-[0-9][0-9][0-9][0-9].db"))
        for old in copies[:-COPIES]:
            with contextlib.suppress(OSError):
                old.unlink()


def _schema(connection: sa.Connection) -> str | None:
    """The revision that a database is at; None for a new one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("select version_num from alembic_version").scalar()


def _upgrade(connection: sa.Connection) -> None:
    # Here, because it takes half a second to import and is needed once in a library's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _judge_old(connection)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # bytes that rotted spoil one row, not a list
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _written(folder: Path) -> Recipe:
    """The recipe of the whole take in a folder. Raises OSError, ValueError or EngineFailed where there is none."""
    recipe = Recipe.model_validate_json((folder / FILES["recipe"]).read_text(encoding="utf-8"))
    _check_whole(folder, recipe)
    return recipe


def _check_whole(folder: Path, recipe: Recipe) -> None:
    """Raises EngineFailed unless the folder's song is there to its end and of the recipe's rate, channels and length.
    What its samples are is not looked at: that would take as long as writing them did."""
    path = folder / FILES["audio"]
    try:
        with wave.open(str(path)) as sound:
            shape = sound.getframerate(), sound.getnchannels(), sound.getnframes()
            size = sound.getnframes() * sound.getnchannels() * sound.getsampwidth()
        whole = path.stat().st_size > size
    except (OSError, EOFError, wave.Error) as error:
        raise durable.disk_fault(error) or EngineFailed(
            f"The engine left no song that can be read ({error}); try again."
        ) from error
    if not whole or shape != (recipe.sample_rate, recipe.channels, round(recipe.duration * recipe.sample_rate)):
        raise EngineFailed("The engine left a song that is not the one its recipe speaks of; try again.")


def _patiently(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(1000 * BUSY_SECONDS)}")


def _judged(recipe: Recipe, connection: sa.Connection) -> dict[str, str]:
    """The columns that hold a take's ledger; the takes it was made from have theirs already, forgotten or not."""
    named = takes.select().where(takes.c.id.in_(originals(recipe.request).values()), takes.c.ledger.is_not(None))
    before = {}
    for row in connection.execute(named):
        with contextlib.suppress(ValidationError):  # then nothing is known of it
            before[row.id] = Ledger.model_validate_json(row.ledger)
    found = ledger.judged(recipe, before)
    return {"sell": found.sell, "ledger": found.model_dump_json()}


def _judge_old(connection: sa.Connection) -> None:
    """Give takes from before the ledger theirs, the oldest first. A recipe that cannot be read is left as it is."""
    for row in connection.execute(takes.select().where(takes.c.ledger.is_(None)).order_by(ARRIVAL)).all():
        with contextlib.suppress(ValidationError):
            found = _judged(Recipe.model_validate_json(row.recipe), connection)
            connection.execute(takes.update().where(takes.c.id == row.id).values(found))


def _job(row: sa.Row) -> Job:
    """A job by its row. What cannot be read of it is left out; without a request it can still be seen and cancelled."""
    request, known = None, row.state in get_args(State)
    with contextlib.suppress(BadRequest, ValueError, TypeError, RecursionError):
        request = read_json(row.request)
    return Job(
        id=row.id,
        request=request,
        state=row.state if known else "failed",
        fraction=row.fraction if isinstance(row.fraction, float) else 0.0,
        stage=str(row.stage),
        attempts=row.attempts if isinstance(row.attempts, int) else 0,
        error_code=row.error_code if known else UNREADABLE,
        error=row.error if known else _CANNOT_READ,
        takes=_ids(row.takes),
    )


def _turns() -> sa.Select:
    """The ids of waiting jobs in the order in which their turns come. Clients take turns, the one that waited longest
    first; the jobs of each come as they were asked for."""
    earlier = jobs.alias()
    served = sa.select(sa.func.max(earlier.c.turn)).where(earlier.c.client == jobs.c.client).scalar_subquery()
    round_ = sa.func.row_number().over(partition_by=jobs.c.client, order_by=ARRIVAL)
    waiting = jobs.select().with_only_columns(
        jobs.c.id, round_.label("round"), sa.func.coalesce(served, 0).label("served"), ARRIVAL.label("arrival")
    )
    line = waiting.where(jobs.c.state == "queued").subquery()
    return sa.select(line.c.id).order_by(line.c.round, line.c.served, line.c.arrival)


def _ids(written: str) -> tuple[str, ...]:
    """The takes of a job, as its row has them; none where that cannot be read."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        ids = json.loads(written)
        return tuple(id for id in ids if isinstance(id, str)) if isinstance(ids, list) else ()
    return ()


def _made(row: sa.Row) -> bool:
    """Whether a job has every take that it was asked for."""
    job = _job(row)
    return job.request is not None and len(job.takes) >= job.request.variations


def _queue_position(before: int) -> str:
    return "waiting" if before == 0 else f"waiting: {before} {'song' if before == 1 else 'songs'} before yours"


def _found(query: sa.Select, search: str, favourites: bool, sell: str) -> sa.Select:
    if len(search) > SEARCH:
        raise BadRequest("search", f"is too long; {SEARCH} characters at most")
    if sell and sell not in ANSWERS:
        raise BadRequest("sell", f"must be one of {', '.join(ANSWERS)}")
    query = query.where(takes.c.forgotten.is_(None))
    if sell:
        query = query.where(takes.c.sell == sell)
    if favourites:
        query = query.where(takes.c.favourite)
    for word in search.lower().split()[:20]:
        query = query.where(takes.c.words.contains(word, autoescape=True))
    return query
