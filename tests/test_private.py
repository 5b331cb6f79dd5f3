"""What a studio keeps is its owner's alone, whatever umask it is started with."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import private
from conftest import ROOT, running, surroundings
from settings import Settings

TOKEN = "a-long-and-secret-token"


def open_to_others(home: Path) -> list[str]:
    """What of a home others may read or write, links aside."""
    paths = (home, *home.rglob("*"))
    return [str(path) for path in paths if not path.is_symlink() and path.stat().st_mode & 0o077]


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_a_started_studio_writes_nothing_that_others_can_read(tmp_path, umask):
    home, before = tmp_path / "home", os.umask(umask)
    try:
        with running(home, host="127.0.0.1", token=TOKEN) as url:
            with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as script:
                assert script.post("/login", data={"token": TOKEN}).status_code < 400
                call = script.post("/gradio_api/call/v2/generate", json={"prompt": "lofi", "duration": 5})
                heard = script.get(f"/gradio_api/call/generate/{call.json()['event_id']}").text
                assert "event: complete" in heard, heard
                (take,) = (home / "takes").iterdir()
                assert script.get(f"/files/{take.name}/flac").status_code == 200
                wav = (take / "song.wav").read_bytes()
                assert script.post("/gradio_api/upload", files={"files": ("a.wav", wav)}).status_code == 200
            made = {path.relative_to(home).parts[0] for path in home.rglob("*") if path.is_file()}
            assert {"studio.db", "studio.db-wal", "takes", "page", "sessions.json"} <= made
            assert not open_to_others(home)
    finally:
        os.umask(before)


def test_what_an_older_studio_left_open_is_shut_and_links_lead_nowhere(tmp_path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "takes" / "one", home / "page", elsewhere):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    (home / "checkpoints").symlink_to(elsewhere)
    for name in ("studio.db", "studio.db-wal", "sessions.json"):
        (home / name).touch()
        (home / name).chmod(0o644)
    home.chmod(0o755)
    private.tighten(Settings(home=home))
    assert open_to_others(home) == [str(home / "takes" / "one")], "it cannot be reached, takes being shut"
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_the_terminal_keeps_privately_and_hands_over_as_the_user_has_it(tmp_path):
    out = tmp_path / "song.wav"
    command = [sys.executable, "-m", "cli", "generate", "lofi", "--duration", "5", "--out", str(out)]
    environment = surroundings(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    code = f"umask 022; exec {' '.join(command)}"
    ran = subprocess.run(["sh", "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert out.stat().st_mode & 0o777 == 0o644
    assert not open_to_others(tmp_path / "home")
