"""What is kept stays kept: rows, folders, search, undo, and what happens after a crash."""

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import library as room
from library import SCHEMA, Library, take_id
from settings import ROOT, Settings
from song.errors import CannotOpen, NotFound
from song.request import Generate
from takes import fill, recipe


@pytest.fixture
def library(tmp_path: Path):
    opened = Library(Settings(home=tmp_path / "home"))
    yield opened
    opened.close()


def keep(library: Library, id: str, prompt: str = "dusty lo-fi", job=None):
    folder = library.settings.temp / id
    made = recipe(id, prompt)
    fill(folder, made)
    return library.keep(made, folder, job)


def test_a_kept_take_is_found_again_by_a_new_library(library):
    keep(library, "a")
    again = Library(library.settings)
    assert again.take("a") == library.take("a")
    assert Path(again.take("a").files["audio"]).is_file()
    assert not list(library.settings.temp.iterdir())


def test_newest_first_search_and_favourites(library):
    for id, prompt in (("1", "dusty lo-fi"), ("2", "epic trailer 100% brass"), ("3", "lo-fi rain")):
        keep(library, id, prompt)
    assert [take.id for take in library.takes()] == ["3", "2", "1"]
    assert [take.id for take in library.takes(limit=1, offset=1)] == ["2"]
    assert [take.id for take in library.takes("LO-FI rain")] == ["3"]
    assert [take.id for take in library.takes("100%")] == ["2"], "a wildcard in the search is only a character"
    assert library.count("lo-fi hip") == 3, "the style's name is searched too"
    library.favourite("1")
    assert [take.id for take in library.takes(favourites=True)] == ["1"]
    library.favourite("1", False)
    assert library.count(favourites=True) == 0


def test_a_forgotten_take_can_be_brought_back_until_it_is_old(library, monkeypatch):
    keep(library, "a")
    library.forget("a")
    assert library.count() == 0
    with pytest.raises(NotFound):
        library.take("a")
    library.recover()
    assert library.restore("a").id == "a"
    library.forget("a")
    later = time.time() + room.TRASH_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    library.recover()
    assert not (library.settings.takes / "a").exists()
    with pytest.raises(NotFound):
        library.restore("a")


def test_jobs_are_claimed_oldest_first_and_only_once(library):
    first, second = (library.enqueue(Generate(prompt=prompt)) for prompt in ("one", "two"))
    assert library.job(second.id).stage == "waiting: 1 song before yours"
    assert library.claim().id == first.id
    assert library.claim().id == second.id
    assert library.claim() is None
    assert library.settle(first.id, "done") and not library.settle(first.id, "failed")
    with pytest.raises(NotFound):
        library.job("nothing")


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_marked(library):
    waiting, running = (library.enqueue(Generate(prompt=prompt)) for prompt in ("one", "two"))
    library.claim(running.id)
    assert library.cancel(waiting.id).state == "cancelled"
    assert library.cancel(running.id).state == "running" and library.cancelling(running.id)


def test_recovery_runs_a_cut_off_job_once_more_then_calls_it_interrupted(library):
    job = library.enqueue(Generate(prompt="one"))
    library.claim()
    library.recover()
    assert library.job(job.id).state == "queued"
    library.claim()
    library.recover()
    assert library.job(job.id).state == "interrupted"
    assert "press Generate" in library.job(job.id).error


def test_a_job_put_back_is_not_blamed(library):
    job = library.enqueue(Generate(prompt="one"))
    for _ in range(5):
        library.claim()
        library.unclaim(job.id)
    assert library.job(job.id).attempts == 0


def test_a_finished_folder_without_a_row_is_adopted_with_its_job(library):
    job = library.enqueue(Generate(prompt="one", variations=2))
    library.claim()
    fill(library.settings.takes / take_id(job.id, 0), recipe(take_id(job.id, 0)))
    library.recover()
    assert library.job(job.id).takes == (job.id,) and library.take(job.id)
    fill(library.settings.takes / take_id(job.id, 1), recipe(take_id(job.id, 1)))
    library.recover()
    assert library.job(job.id).takes == (job.id, f"{job.id}-2")


def test_half_a_folder_is_set_aside_and_temp_is_swept(library):
    half = library.settings.takes / "half"
    half.mkdir()
    (half / "song.wav").write_bytes(b"RIFF")
    (library.settings.temp / "leftover").mkdir()
    library.recover()
    assert library.count() == 0 and not half.exists()
    assert [path.name.partition("-")[2] for path in (library.settings.home / "set-aside").iterdir()] == ["half"]
    assert not list(library.settings.temp.iterdir())


def change(library: Library, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(library.settings.database)) as database, database:
        database.execute(statement, values)


RUBBISH = ["", "null", "[]", "{", '{"mode": "generate"}', b"\xff\xfe", 7]
NEWER = Generate(prompt="one").model_dump_json()[:-1] + ', "a_newer_knob": 1}'


@pytest.mark.parametrize("request_text", [NEWER, *RUBBISH])
def test_a_job_that_cannot_be_read_fails_alone_and_can_be_cancelled(library, request_text):
    bad, called_off, good = (library.enqueue(Generate(prompt=prompt)) for prompt in ("one", "two", "three"))
    change(library, "update jobs set request = ? where id in (?, ?)", request_text, bad.id, called_off.id)
    assert library.job(bad.id).state == "queued" and library.cancel(called_off.id).state == "cancelled"
    library.recover()
    assert library.claim().id == good.id
    failed = library.job(bad.id)
    assert (failed.state, failed.error_code, failed.request) == ("failed", "unreadable", None)
    assert "Ask for the song again" in failed.error and library.job(called_off.id).state == "cancelled"


@pytest.mark.parametrize(
    ("column", "value"),
    [("takes", "{"), ("takes", b"\xff"), ("fraction", "much"), ("attempts", "x"), ("stage", b"\xff")],
)
def test_a_column_of_a_job_that_cannot_be_read_costs_no_more_than_itself(library, column, value):
    job = library.enqueue(Generate(prompt="one"))
    change(library, f"update jobs set {column} = ? where id = ?", value, job.id)
    assert library.job(job.id).request == job.request
    assert library.claim().id == job.id
    assert keep(library, job.id, job=job).id == job.id and library.job(job.id).takes == (job.id,)


def test_a_job_in_a_state_that_nobody_knows_is_over(library):
    job = library.enqueue(Generate(prompt="one"))
    change(library, "update jobs set state = 'dreaming' where id = ?", job.id)
    library.recover()
    assert library.job(job.id).error_code == "unreadable" and library.job(job.id).final and library.claim() is None


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe", recipe("b").model_dump_json().replace('"seed"', '"grain"')])
def test_a_take_whose_recipe_cannot_be_read_is_left_out_alone(library, caplog, text):
    for id in ("a", "b", "c"):
        keep(library, id)
    change(library, "update takes set recipe = ? where id = 'b'", text)
    assert library.take("b").recipe == recipe("b").model_copy(update={"created": library.take("b").recipe.created})
    (library.settings.takes / "b" / "recipe.json").write_text("{")
    library.recover()
    assert [take.id for take in library.takes()] == ["c", "a"] and "takes/b" in caplog.text
    with pytest.raises(NotFound, match="still in the library, in takes/b"):
        library.take("b")
    assert (library.settings.takes / "b" / "song.wav").is_file()


@pytest.mark.parametrize("text", [None, "", "{", b"\xff", '{"sell": "perhaps"}'])
def test_a_ledger_that_cannot_be_read_is_judged_anew(library, text):
    before = keep(library, "a").ledger
    change(library, "update takes set ledger = ? where id = 'a'", text)
    assert library.take("a").ledger == library.takes()[0].ledger == before


def upload(library: Library, name: str) -> str:
    folder = library.settings.temp / name
    fill(folder, recipe(name, seed=len(name)))
    return library.keep_source(folder / "song.wav", name).id


@pytest.mark.parametrize("text", [None, "", "[]", "{", b"\xff", '{"id": "u0", "title": 1}'])
def test_an_upload_that_cannot_be_read_is_out_alone_and_can_be_given_again(library, text):
    lost, whole = upload(library, "lost"), upload(library, "another")
    place = library.settings.sources / lost / "source.json"
    place.unlink()
    if text is not None:
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    library.recover()
    assert [origin.id for origin in library.sources()] == [whole]
    with pytest.raises(NotFound, match="give the song again"):
        library.origin(lost)
    assert upload(library, "lost") == lost and library.origin(lost).title == "lost"


def test_what_is_only_called_like_something_unfinished_is_never_swept(library):
    keep(library, "a")
    inside, beside = library.settings.takes / "a" / ".tmp-1-folder", library.settings.takes / ".tmp-999999999-x"
    for folder in (inside, beside):
        fill(folder, recipe(folder.name))
    odd = [library.settings.takes / "a" / name for name in (".tmp-", ".tmp-x-y", f".tmp-{10**30}-z", ".tmp--1-x")]
    for path in odd:
        path.write_bytes(b"mine")
    (library.settings.takes / "a" / ".tmp-999999999-z").symlink_to("song.wav")
    library.recover()
    assert (inside / "song.wav").is_file() and library.take(".tmp-999999999-x").files["audio"]
    assert all(path.read_bytes() == b"mine" for path in odd)


def test_stray_files_and_a_broken_folder_do_not_stop_the_start(library):
    keep(library, "a")
    (library.settings.takes / "note.txt").write_text("hello")
    (library.settings.takes / "dangling").symlink_to("nowhere")
    (library.settings.sources / "note.txt").write_text("hello")
    (library.settings.temp / "dangling").symlink_to("nowhere")
    library.recover()
    assert library.take("a") and not list(library.settings.temp.iterdir())


def test_writes_wait_for_another_program_and_then_say_so(library, monkeypatch):
    other = sqlite3.connect(library.settings.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(room, "BUSY_SECONDS", 0.2)
    with pytest.raises(CannotOpen, match="locked by another program"):
        Library(library.settings).enqueue(Generate(prompt="one"))
    other.execute("ROLLBACK")
    assert library.enqueue(Generate(prompt="one"))


def test_reads_wait_for_nobody(library, monkeypatch):
    job = library.enqueue(Generate(prompt="one"))
    other = sqlite3.connect(library.settings.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(room, "BUSY_SECONDS", 0.2)
    reader = Library(library.settings)
    assert reader.job(job.id) == job and reader.takes() == [] and not reader.cancelling(job.id)
    other.execute("ROLLBACK")


def test_a_newer_or_damaged_database_is_left_alone(tmp_path):
    settings = Settings(home=tmp_path / "home")
    Library(settings).close()
    with sqlite3.connect(settings.database) as connection:
        connection.execute("update alembic_version set version_num='9999'")
    connection.close()
    with pytest.raises(CannotOpen, match="newer studio"):
        Library(settings)
    settings.database.write_bytes(b"this is no database at all" * 100)
    before = settings.database.read_bytes()
    with pytest.raises(CannotOpen, match="damaged"):
        Library(settings)
    assert settings.database.read_bytes() == before


def test_a_home_that_cannot_be_made_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotOpen, match="set STUDIO_HOME"):
        Library(Settings(home=tmp_path / "file" / "home"))


def test_the_migrations_lead_to_the_schema_the_code_speaks(library):
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA
    migrated = sqlite3.connect(library.settings.database)
    for table in room.tables.sorted_tables:
        columns = {row[1] for row in migrated.execute(f"pragma table_info({table.name})")}
        assert columns == {column.name for column in table.columns}
