"""`studio models`: what it lists, fetches, checks and removes, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import checkpoints
import cli
import doctor
import settings
from checkpoints import hub as fetching
from checkpoints import table as tables
from tiny_hub import FILES, Hub, folder, hub, table

WEIGHTS = len(FILES["model.safetensors"])


class Answer(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        return json.loads(line)


Studio = Callable[..., Answer]


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Studio]:
    """`studio("list")` is `studio models list`, in a home of its own."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_MIN_FREE_DISK", "0")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for name in ("STUDIO_CHECKPOINTS", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetching, "WAITS", (0.01, 0.05))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest keeps its own Ctrl-C
    settings.settings.cache_clear()

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = cli.main(["models", *arguments])
        return Answer(code, *capsys.readouterr())

    yield run
    settings.settings.cache_clear()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(tables, "TABLE", table(tmp_path / "checkpoints.toml"))
    tables._table.cache_clear()
    with hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
    tables._table.cache_clear()


def test_the_list(studio: Studio) -> None:
    answer = studio()
    lines = answer.out.splitlines()
    assert answer.code == 0 and answer.err == ""
    large = next(line for line in lines if " musicgen-large " in line)
    assert all(word in large for word in ("mono", "3.3 B", "13.72 GB on disk", "CC-BY-NC 4.0", "int8", "not here"))
    planner = next(line for line in lines if " acestep-5hz-lm-4b " in line)
    assert all(word in planner for word in ("planner", "8.40 GB on disk", "MIT", "bf16", "not here"))
    assert "not commercially" in answer.out and "studio models get NAME" in answer.out


def test_the_list_as_json(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "shelf" / "my-tune")
    folder(tmp_path / "shelf" / "half", model_safetensors=FILES["model.safetensors"][:500])
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path / "shelf"))
    settings.settings.cache_clear()
    rows = {row["name"]: row for row in studio("--json").json()["models"]}
    assert len(rows) == 2 + len(checkpoints.known())
    small = rows["musicgen-small"]
    assert small["non_commercial"] and not small["there"] and small["memory"]["int8"] < small["memory"]["fp32"]
    assert rows["my-tune"]["there"] and rows["my-tune"]["path"] == str(tmp_path / "shelf" / "my-tune")
    assert not rows["half"]["there"] and "model.safetensors" in rows["half"]["problem"]
    said = studio().out
    assert "licence: ask whoever made it" in said and "is cut off" in said


def test_nothing_is_downloaded_before_its_licence_is_accepted(studio: Studio, tiny: Hub) -> None:
    answer = studio("get", "tiny")
    assert answer.code == 2 and answer.out == "" and not tiny.asked
    assert "not for commercial use" in answer.err and "https://example.org/nc" in answer.err
    assert "--accept-licence" in answer.err and len(answer.err.splitlines()) == 1


def test_get_check_forget(studio: Studio, tiny: Hub, tmp_path: Path) -> None:
    answer = studio("get", "tiny", "--accept-licence", "--json")
    got = answer.json()
    place = tmp_path / "home" / "checkpoints" / "tiny"
    assert answer.code == 0 and got["path"] == str(place) and got["bytes"] > WEIGHTS and got["non_commercial"]
    assert "not for commercial use" in answer.err
    asked = len(tiny.asked)
    again = studio("get", "tiny")
    assert again.code == 0 and str(place) in again.out and len(tiny.asked) == asked
    assert studio("--json").json()["models"][0]["downloaded"]

    assert studio("check", "tiny", "--json").json()["whole"]
    assert studio("check", "tiny", "--json").json()["without_hash"] == []
    assert "is whole" in studio("check", str(place)).out and "as it was published" in studio("check", str(place)).out
    copied = studio("check", str(folder(tmp_path / "copied")))
    assert copied.code == 0 and "No hash is known of config.json, model.safetensors, tokenizer.json" in copied.out
    weights = (place / "model.safetensors").read_bytes()
    (place / "model.safetensors").write_bytes(weights[:-1] + b"?")
    rotten = studio("check", "tiny")
    assert (rotten.code, rotten.out) == (3, "") and f"{place / 'model.safetensors'} is not what was" in rotten.err
    (place / "model.safetensors").write_bytes(weights)
    (place / "config.json").write_bytes(b"{")
    broken = studio("check", "tiny")
    assert (broken.code, broken.out) == (3, "") and "config.json" in broken.err
    assert len(broken.err.splitlines()) == 1

    kept = studio("forget", "tiny")
    assert kept.code == 2 and "--yes" in kept.err and place.is_dir()
    assert studio("forget", "tiny", "--yes", "--json").json()["freed"] > WEIGHTS
    assert not place.exists()
    assert studio("forget", "tiny", "--yes").code == 2


@pytest.mark.parametrize(
    "arguments", [("get", "nothing"), ("get", "../x", "--accept-licence"), ("forget", "..", "--yes")]
)
def test_names_that_cannot_be_used(studio: Studio, arguments: tuple[str, ...]) -> None:
    answer = studio(*arguments)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1


def test_what_is_not_here_cannot_be_checked(studio: Studio) -> None:
    answer = studio("check", "musicgen-small")
    assert answer.code == 3 and "studio models get musicgen-small" in answer.err


def test_a_download_that_fails_says_so_in_a_sentence(studio: Studio, tiny: Hub) -> None:
    tiny.faults[""] = [("status", 403, "always")]
    answer = studio("get", "tiny", "--accept-licence")
    assert answer.code == 3 and answer.out == ""
    assert "HF_TOKEN" in answer.err.splitlines()[-1] and "Traceback" not in answer.err


def test_ctrl_c_keeps_what_has_come(tiny: Hub, tmp_path: Path) -> None:
    gate = threading.Event()
    tiny.faults["model.safetensors"] = [("gate", gate)]
    code = "import sys, checkpoints.table as t; from pathlib import Path; t.TABLE = Path(sys.argv[1]); import cli; "
    code += "sys.exit(cli.main(['models', 'get', 'tiny', '--accept-licence']))"
    surroundings = os.environ | {"STUDIO_HOME": str(tmp_path / "home"), "STUDIO_MIN_FREE_DISK": "0"}
    command = [sys.executable, "-c", code, str(tables.TABLE)]
    process = subprocess.Popen(command, cwd=settings.ROOT, env=surroundings, stderr=subprocess.PIPE, text=True)
    begun = tmp_path / "home" / "checkpoints" / ".partial-tiny"
    while not any(path.stat().st_size for path in begun.glob("model*.part")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    gate.set()
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "Stopped; what has come is kept, go on with: studio models get tiny"
    (part,) = begun.glob("model*.part")
    assert 0 < part.stat().st_size < WEIGHTS and not begun.with_name("tiny").exists()


def test_doctor_knows_the_models(studio: Studio, tiny: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def line() -> doctor.Finding:
        settings.settings.cache_clear()
        return next(one for one in doctor.examine() if one.name == "models")

    assert not line().ok and not line().fatal and "studio models" in line().said
    folder(tmp_path / "home" / "checkpoints" / "tiny")
    assert line() == doctor.Finding("models", "tiny")
    folder(tmp_path / "home" / "checkpoints" / "tiny", tokenizer_json=b"")
    assert "tokenizer.json is empty" in line().said
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path / "nowhere"))
    assert "which is no folder" in line().said
