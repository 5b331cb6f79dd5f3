"""The fault matrix: one file a row, each a script of its own that measures and judges itself.

    python -m bench.faults.row_23_hosts [--quick]      the row's figures as JSON; ends with 1 where it is not green

A row has `RIGHT`, a sentence that says what must hold, and `measure(home, quick) -> Row`. `home` is an empty folder
for whatever the row needs on disk; `quick` takes fewer tries. A figure that is not what it must be names itself in
`Row.wrong`, so that what failed can be read in one line.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
READY = 180.0  # seconds that a studio may take to start on a busy machine


@dataclass(frozen=True)
class Row:
    """What a row of the matrix measured: `figures` by name, and what of them is `wrong`, in sentences."""

    figures: dict[str, float]
    wrong: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Running:
    """A studio in a process of its own."""

    url: str
    home: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def tracebacks(self) -> int:
        return self.log.read_text(errors="replace").count("Traceback (most recent call last)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def surroundings(home: Path, **said: object) -> dict[str, str]:
    """The environment of a studio that lives in `home`, untouched by settings of whoever measures."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "SPACE_"))}
    settings = {f"STUDIO_{name.upper()}": str(value) for name, value in said.items()}
    return inherited | {"STUDIO_HOME": str(home), "PYTHONPATH": str(ROOT)} | settings


@contextlib.contextmanager
def running(home: Path, descriptors: int = 0, **said: object) -> Iterator[Running]:
    """`python app.py`, ready to work; stopped with SIGTERM afterwards, and killed where that does not help. `said` are
    settings: host="0.0.0.0", token="...". `descriptors`: as with `ulimit -n`, 0 leaves them as they are. Raises
    RuntimeError with the end of the log where it does not start."""
    port = int(str(said.pop("port", 0))) or free_port()
    log = home.with_suffix(".log")
    with log.open("w") as out:
        limit = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"] if descriptors else []
        command = [*limit, sys.executable, str(ROOT / "app.py")]
        process = subprocess.Popen(command, cwd=ROOT, env=surroundings(home, port=port, **said), stdout=out, stderr=out)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process, log)
        yield Running(url, home, log, process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/healthz", timeout=1).is_success and "ready" in log.read_text():
                return
        time.sleep(0.1)
    raise RuntimeError(f"The studio did not start:\n{log.read_text()[-3000:]}")


def main(right: str, measure: Callable[[Path, bool], Row], arguments: list[str]) -> int:
    """Run one row as a script: print what it measured, and say by the exit code whether it is green."""
    with tempfile.TemporaryDirectory(prefix="upright-") as folder:
        row = measure(Path(folder), "--quick" in arguments)
    print(json.dumps({"right": right, "green": row.green, "figures": row.figures, "wrong": row.wrong}, indent=1))
    return 0 if row.green else 1
