"""What cannot be read fails alone: side files of a take, rows and uploads that are nested without end, odd folders."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import checkpoints
import durable
from backend import Studio
from bench.faults import ROOT, free_port, surroundings
from library import SEARCH, Library
from settings import Settings, settings
from song.errors import BadRequest, CannotMake, NotFound
from song.master import read_master
from song.request import Generate

DEEP = "[" * 200_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def take(studio):
    """A take that may be damaged."""
    job = list(studio.follow(studio.submit(Generate(prompt="lofi", duration=5, seed=1)).id))[-1]
    return studio.library.take(job.takes[0])


@pytest.mark.parametrize("said", ["", "{", "null", "7", DEEP])
def test_what_is_told_of_an_export_is_no_condition_for_it(studio, take, said):
    path = studio.export(take.id, "flac")
    path.with_name(f"{path.name}.json").write_text(said)
    assert studio.export(take.id, "flac") == path and studio.done(path) == ()


@pytest.mark.parametrize("said", ["{", '{"heard": 5}', "[]", DEEP])
def test_a_sheet_that_cannot_be_read_costs_the_score_alone(studio, take, said):
    Path(take.files["sheet"]).write_text(said)
    assert studio.export(take.id, "reaper").is_file()
    with pytest.raises(CannotMake, match="No score of this song is known"):
        studio.loop(take.id)


def test_a_song_that_is_gone_says_so(studio, take):
    Path(take.files["audio"]).unlink()
    for kind in ("mp3", "flac", "picture", "wav"):
        with pytest.raises(NotFound):
            studio.export(take.id, kind)
    with pytest.raises(NotFound, match="gone from its folder"):
        _ = studio.library.take(take.id).sound


def test_a_row_nested_without_end_fails_alone(tmp_path):
    library = Library(Settings(home=tmp_path))
    odd, fine = (library.enqueue(Generate(prompt=prompt)).id for prompt in ("odd", "fine"))
    with sqlite3.connect(library.settings.database) as rows:
        rows.execute("update jobs set request = ?, takes = ? where id = ?", (f'{{"prompt": {DEEP}', DEEP, odd))
    assert library.job(odd).request is None
    assert library.claim().id == fine and library.job(odd).state == "failed"
    library.recover()


def test_an_upload_nested_without_end_is_left_out(tmp_path):
    library = Library(Settings(home=tmp_path))
    folder = library.settings.sources / "u0000000000000005"
    folder.mkdir()
    (folder / "source.json").write_text(DEEP)
    library.recover()
    assert library.sources() == []


def test_a_long_search_is_refused_and_no_damage(tmp_path):
    library = Library(Settings(home=tmp_path))
    assert library.takes(search="a" * SEARCH) == []
    for ask in (library.takes, library.count):
        with pytest.raises(BadRequest, match="search: is too long"):
            ask(search="a" * 60_000)


@pytest.mark.parametrize("said", [{"model_type": ["x"]}, {"model_type": {"a": 1}}, {"architectures": 7}, {}])
def test_an_odd_folder_stops_no_other(tmp_path, monkeypatch, said):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text(json.dumps(said))
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path))
    settings.cache_clear()
    try:
        assert all(one.problem for one in checkpoints.there() if one.name == "odd")
    finally:
        settings.cache_clear()
        shutil.rmtree(tmp_path / "odd")


@pytest.mark.parametrize("rate", ["inf", "-inf", "nan", "1e999", "x"])
def test_a_rate_that_is_no_number_is_refused_in_a_sentence(rate):
    with pytest.raises(BadRequest, match="rate"):
        read_master("wav", {"rate": rate})


def test_notes_beside_a_song_are_read_with_patience(tmp_path):
    for said, found in (('{"a": 1}', {"a": 1}), ("[1]", {}), ("", {}), (DEEP, {})):
        (tmp_path / "x.json").write_text(said)
        assert durable.known(tmp_path / "x.json") == found
    assert durable.known(tmp_path / "none.json") == {}


def test_a_token_is_what_can_be_sent(monkeypatch):
    assert Settings(token=" abcdefghijklmnop \n").token == "abcdefghijklmnop"
    with pytest.raises(ValueError, match="ASCII"):
        Settings(token="ö" * 20)


def test_a_home_that_cannot_be_used_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    environment = surroundings(tmp_path / "file" / "home", port=free_port())
    ran = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 3 and "set STUDIO_HOME" in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["a:80", "cafe:8080", "*", "::1:x"])
def test_a_host_with_a_port_is_no_name(name):
    with pytest.raises(ValueError, match="is no name"):
        Settings(hosts=name)
    assert Settings(hosts="studio.example.com,.ts.net,[::1],fe80::1").hosts[1] == ".ts.net"
