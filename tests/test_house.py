"""The floor plan: a room imports from the floors below it, and from itself. And: a knob is declared once, and used."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import tooltips
from engines import ENGINES
from settings import ROOT
from song.master import Master
from song.request import MODES, fields
from song.writing import WriteLyrics

FLOORS = [
    {"cli", "app"},
    {"doctor"},
    {"tabs", "api", "terminal"},
    {"backend"},
    {"tasks", "watch"},
    {"jobs", "lyrics"},
    {"compare", "engines", "masters", "writing", "zerogpu"},
    {
        "composer",
        "daw",
        "analysis",
        "decode",
        "post_process",
        "library",
        "limits",
        "loras",
        "separation",
        "kernels",
        "worker",
    },
    {"ledger"},
    {"checkpoints"},
    {"tags", "bwf", "durable", "memory", "preview", "aside", "logs", "private", "retention"},
    {"song", "dsp"},
    {"settings", "tooltips", "theme"},
]
FLOOR = {room: len(FLOORS) - depth for depth, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"torch", "transformers", "diffusers", "demucs"}
ONLY_IN = {
    "gradio": {"app", "tabs", "theme"},
    "sqlalchemy": {"library", "migrations"},
    "alembic": {"library", "migrations"},
    "typer": {"cli", "terminal"},
}


def files() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if not room.startswith(".") and room not in {"tests", "bench", "build", "examples"}:
            yield room, path


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_imports_go_downstairs():
    climbing = [
        f"{path.relative_to(ROOT)} imports {other}"
        for room, path in files()
        for other in imported(ast.parse(path.read_text()))
        if room in FLOOR and other in FLOOR and other != room and FLOOR[other] >= FLOOR[room]
    ]
    assert not climbing


def test_every_room_has_a_floor():
    assert {room for room, _ in files()} - FLOOR.keys() == {"migrations"}


def test_libraries_stay_in_their_rooms():
    strays = [
        f"{path.relative_to(ROOT)} imports {library}"
        for room, path in files()
        for library in imported(ast.parse(path.read_text()))
        if room not in ONLY_IN.get(library, {room})
    ]
    assert not strays


def test_heavy_libraries_are_imported_only_where_they_are_needed():
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for _, path in files()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom) and HEAVY & set(imported(node))
    ]
    assert not strays


def test_the_page_starts_without_heavy_libraries():
    code = "import sys, app; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {*HEAVY, "numba"} & set(loaded.stdout.split())


def test_engines_are_known_before_their_libraries_are_loaded():
    code = "import sys, tasks; [one.available() for one in tasks.engines().values()]; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {*HEAVY, "numba"} & set(loaded.stdout.split())


def test_every_knob_has_a_tip_and_every_tip_a_knob():
    tips = {name: text for name, text in vars(tooltips).items() if not name.startswith("_")}
    knobs = {name: field.description for mode in (*MODES, WriteLyrics, Master) for name, field in fields(mode).items()}
    assert knobs == tips


def test_every_mode_has_an_engine():
    names = {mode.model_fields["mode"].default for mode in MODES}
    assert names == {mode for engine in ENGINES for mode in engine.modes}


def test_no_file_speaks_of_a_machine():
    strays = [
        str(path.relative_to(ROOT))
        for pattern in ("*.py", "*.md", "*.toml", "*.css", "Makefile")
        for path in ROOT.rglob(pattern)
        if ".venv" not in path.parts and any(word in path.read_text() for word in ("/" + "work/", "/" + "root/"))
    ]
    assert not strays
