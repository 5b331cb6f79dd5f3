"""Files that can be made again do not fill the disk, and what cannot stays."""

import json
import os
import time
from pathlib import Path

import httpx
import pytest

import retention
from backend import Studio
from conftest import running
from settings import Settings
from song.master import Master
from song.request import Generate

DAY = 24 * 3600.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    studio = Studio(Settings(home=tmp_path_factory.mktemp("studio"), lane="inline"))
    studio.start()
    job = list(studio.follow(studio.submit(Generate(prompt="lofi", duration=5, seed=1)).id))[-1]
    yield studio, job.takes[0]
    studio.close()


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_masters_a_thousandth_apart_are_bounded_the_longest_unused_first(made):
    studio, id = made
    masters = [studio.export(id, "mp3", Master(target_lufs=-14 - n / 1000)) for n in range(4)]
    for number, path in enumerate(masters):
        age(path, 1000 - number)
    tag = masters[0].stat().st_mtime_ns
    assert studio.export(id, "mp3", Master(target_lufs=-14)) == masters[0], "used again, so it is the last to go"
    assert masters[0].stat().st_mtime_ns == tag, "a browser that goes on with a download knows it by this"
    rest = {path for path in masters[0].parent.iterdir() if path not in masters and path.suffix != ".json"}
    config = studio.settings.model_copy(update={"max_cache": 2 * masters[0].stat().st_size + 1000})
    assert retention.thin(config) == 2
    assert [path.exists() for path in masters] == [True, False, False, True]
    assert not masters[1].with_name(f"{masters[1].name}.json").exists()
    assert all(path.exists() for path in rest)
    again = studio.export(id, "mp3", Master(target_lufs=-14.001))
    assert again == masters[1] and again.exists() and studio.done(again)


def test_what_cannot_be_made_again_and_what_is_in_use_stays_whatever_the_limit(made):
    studio, id = made
    folder = studio.settings.takes / id
    picture, stems = studio.export(id, "picture"), studio.export(id, "stems")
    loop, flac = studio.export(id, "loop"), studio.export(id, "flac")
    for path in folder.iterdir():
        age(path, 400 * DAY)
    retention.use(flac)
    forever = {path for path in folder.iterdir() if path.name.startswith(("song.", "recipe", "sheet", "heard"))}
    config = studio.settings.model_copy(update={"max_cache": 0})
    retention.thin(config)
    assert picture.exists() and flac.exists() and all(path.exists() for path in forever)
    assert not stems.exists() and not loop.exists()
    assert {"song.wav", "song.mid", "recipe.json", "sheet.json"} <= {path.name for path in folder.iterdir()}
    stems = studio.export(id, "stems")
    age(stems, 400 * DAY)
    recipe = folder / "recipe.json"
    kept = recipe.read_text()
    recipe.write_text(json.dumps(json.loads(kept) | {"request": {"mode": "extend"}}))
    retention.thin(config)
    assert stems.exists(), "its original may be gone by then"
    recipe.write_text(kept)


def test_form_parts_and_uploads_of_the_page_go_after_a_day(tmp_path):
    config = Settings(home=tmp_path / "home")
    killed, fresh = config.page_cache / "0123" / "a.wav", config.page_cache / "tmpfresh"
    killed.parent.mkdir(parents=True)
    for path in (killed, fresh):
        path.touch()
    age(killed, 2 * DAY)  # the page removes uploads where it is stopped, but not where it is killed
    with running(config.home) as url:
        httpx.post(f"{url}/gradio_api/upload", files={"other": ("a.wav", b"x" * 1000)}, timeout=30)
        deadline = time.monotonic() + 20
        while killed.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not killed.exists() and fresh.exists()
    (part,) = (path for path in config.page_cache.rglob("tmp*") if path.is_file() and path != fresh)
    assert part.stat().st_size == 1000, "what is no file of the page's own stays when it stops"
    assert retention.thin(config, time.time() + 2 * DAY) == 2
    assert not part.exists() and not fresh.exists()
