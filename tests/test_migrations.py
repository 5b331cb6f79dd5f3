"""A library of an older studio is brought to this one's schema, and can be had back as it was."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from library import SCHEMA, Library
from settings import ROOT, Settings
from song.errors import CannotOpen, DiskFull
from song.request import Generate

OLD = "0002"


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """A library that holds a job, as the studio before turns left it."""
    settings = Settings(home=tmp_path / "home")
    library = Library(settings)
    library.enqueue(Generate(prompt="lofi"))
    library.close()
    with closing(sqlite3.connect(settings.database)) as database:
        database.executescript(
            "drop index ix_jobs_client_turn; alter table jobs drop column client; alter table jobs drop column turn;"
            f"update alembic_version set version_num = '{OLD}'"
        )
    return settings


def look(path: Path) -> tuple[str, set[str], int]:
    """Of a database: its schema's number, the columns of its jobs, and how many there are."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        (schema,) = database.execute("select version_num from alembic_version").fetchone()
        (jobs,) = database.execute("select count(*) from jobs").fetchone()
        return schema, {row[1] for row in database.execute("pragma table_info(jobs)")}, jobs


def test_a_migration_leaves_a_copy_of_the_library_as_it_was(old):
    Library(old).close()
    schema, columns, jobs = look(old.database)
    assert schema == SCHEMA and "turn" in columns and jobs == 1
    copy = old.home / f"studio-{OLD}.db"
    schema, columns, jobs = look(copy)
    assert schema == OLD and "turn" not in columns and jobs == 1
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not list(old.home.glob(".tmp-*"))
    shutil.copyfile(copy, old.database)  # back to what it was, and on again
    again = Library(old)
    assert again.queue("")[0] == 1
    again.close()


def test_what_was_written_last_is_in_the_copy(old):
    with closing(sqlite3.connect(old.database)) as writer:  # open, so its words are in studio.db-wal alone
        writer.execute("pragma wal_autocheckpoint=0")
        writer.execute("insert into jobs select 'second', state, request, takes, 0, 0, 0, '', null, null from jobs")
        writer.commit()
        Library(old).close()
    assert look(old.home / f"studio-{OLD}.db")[2] == 2


def test_a_new_library_and_one_of_today_are_not_copied(tmp_path):
    for _ in range(2):
        Library(Settings(home=tmp_path)).close()
    assert not list(tmp_path.glob("studio-*.db"))


def test_a_few_copies_are_kept_those_of_the_newest_schemas(old):
    for number in ("0000", "0001", "0003", "0004"):
        (old.home / f"studio-{number}.db").touch()
    (old.home / "studio-mine.db").touch()
    Library(old).close()
    assert sorted(path.name for path in old.home.glob("studio-*.db")) == [
        f"studio-{number}.db" for number in ("0002", "0003", "0004", "mine")
    ]


def test_a_migration_that_fails_leaves_the_old_library_and_says_where_the_copy_is(old):
    with closing(sqlite3.connect(old.database)) as database:  # in the way of the last step, after columns were added
        database.execute("create index ix_jobs_client_turn on jobs (state)")
    before = look(old.database)
    with pytest.raises(CannotOpen, match=rf"from schema {OLD} to {SCHEMA} .*studio-{OLD}\.db; mend"):
        Library(old)
    assert look(old.database) == before == look(old.home / f"studio-{OLD}.db")
    with closing(sqlite3.connect(old.database)) as database:
        database.execute("drop index ix_jobs_client_turn")
    Library(old).close()
    assert look(old.database)[0] == SCHEMA


def test_without_room_for_the_copy_nothing_is_migrated(old, monkeypatch):
    before = look(old.database)
    usage = shutil.disk_usage(old.home)._replace(free=10_000)
    with monkeypatch.context() as patch, pytest.raises(DiskFull, match=r"no room for a copy .*0\.0 MB free"):
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        Library(old)
    assert look(old.database) == before and not list(old.home.glob("studio-*.db"))


def test_a_disk_that_fills_up_under_the_copy_is_no_traceback_and_no_half_copy(old):
    """A file size limit stands in for the full disk."""
    with closing(sqlite3.connect(old.database)) as database:
        database.execute("create table large (bytes blob)")
        database.execute("insert into large values (zeroblob(1000000))")
        database.commit()
    before = look(old.database)
    ran = subprocess.run(
        [sys.executable, "-c", "import app, sys; sys.exit(app.main())"],
        cwd=ROOT,
        env=os.environ | {"STUDIO_HOME": str(old.home), "STUDIO_PORT": "0"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 3 and "Nothing was changed" in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
    assert look(old.database) == before
    assert not [path for path in old.home.iterdir() if path.name.startswith((".tmp-", "studio-"))]
