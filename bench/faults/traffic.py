"""Callers of a started studio: some who write, wait or fetch, and some who only read and are timed.

The others live in a process of their own (`python -m bench.faults.traffic KIND URL COUNT SECONDS`), so that what they
cost is not counted as the studio's.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from bench.faults import ROOT

PATIENCE = 30.0  # seconds that a reader waits before a read counts as failed
PAUSE = 0.05  # seconds between two reads of one kind
BLOCK = "bytes=65536-131071"  # of a song, as a player asks for it
SHORT = {"prompt": "lo-fi hip hop, 90 bpm", "duration": 5}
LONG = {"prompt": "slow ambient with warm pads", "duration": 600}


def call(client: httpx.Client, door: str, **said: Any) -> Any:
    """All that a door gives, in a list. Raises RuntimeError with its sentence where it says no."""
    asked = client.post(f"/gradio_api/call/v2/{door}", json=said)
    if asked.status_code != 200:
        raise RuntimeError(f"{asked.status_code} {asked.text}")
    told = client.get(f"/gradio_api/call/{door}/{asked.json()['event_id']}").text
    event, _, data = told.strip().rpartition("event: ")[2].partition("\ndata: ")
    if event != "complete":
        raise RuntimeError(data)
    return json.loads(data)


def song(client: httpx.Client) -> str:
    """The id of a short song that is in the library."""
    return str(call(client, "generate", **SHORT, seed=1)[1]["id"])


def percentile(values: list[float], share: float = 0.95) -> float:
    """The value that `share` of them do not exceed; without any, no read came back."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else PATIENCE


class Readers:
    """One reader each of library, job, page and sound, that asks again and again and keeps its own times. `plain` is
    the job without Gradio."""

    def __init__(self, url: str, take: str):
        self.url, self.take = url, take
        self.seconds: dict[str, list[float]] = {}
        self.failed: list[str] = []
        self._over = threading.Event()

    def kinds(self) -> dict[str, Callable[[httpx.Client], Any]]:
        return {
            "library": lambda client: call(client, "library", limit=20),
            "job": lambda client: call(client, "job", job_id=self.take),
            "plain": lambda client: client.get(f"/jobs/{self.take}").raise_for_status(),
            "page": lambda client: client.get("/").raise_for_status(),
            "sound": lambda client: client.get(f"/files/{self.take}/wav", headers={"range": BLOCK}).raise_for_status(),
        }

    def for_seconds(self, seconds: float) -> dict[str, float]:
        """Let all read side by side; the 95th percentile of each in ms."""
        readers = [threading.Thread(target=self._read, args=pair) for pair in self.kinds().items()]
        for reader in readers:
            reader.start()
        self._over.wait(seconds)
        self._over.set()
        for reader in readers:
            reader.join()
        return {f"{kind}_p95_ms": round(1000 * percentile(self.seconds[kind]), 1) for kind in self.kinds()}

    def _read(self, kind: str, ask: Callable[[httpx.Client], Any]) -> None:
        self.seconds[kind] = []
        with httpx.Client(base_url=self.url, timeout=PATIENCE) as client:
            with contextlib.suppress(httpx.HTTPError, RuntimeError):
                ask(client)  # a connection, and what is built when first asked for
            while not self._over.is_set():
                began = time.perf_counter()
                try:
                    ask(client)
                    self.seconds[kind].append(time.perf_counter() - began)
                except (httpx.HTTPError, RuntimeError) as error:
                    self.seconds[kind].append(PATIENCE)
                    self.failed.append(f"{kind}: {type(error).__name__} {error}"[:160])
                self._over.wait(PAUSE)


@contextlib.contextmanager
def others(kind: str, url: str, count: int, seconds: float, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """`count` other callers for so many seconds; after the block, `told` has what came of them."""
    command = [sys.executable, "-m", "bench.faults.traffic", kind, url, str(count), str(seconds), *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def gathered(process: "subprocess.Popen[str]", count: int, patience: float = 90.0) -> int:
    """Wait until so many of the others say that they are here; how many there are."""
    came, deadline = 0, time.monotonic() + patience
    assert process.stdout is not None
    while came < count and time.monotonic() < deadline and (line := process.stdout.readline()):
        came += line.strip() == "here"
    return came


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the others say at their end."""
    return dict(json.loads(process.communicate(timeout=PATIENCE + 60)[0]))


def write(url: str, deadline: float) -> tuple[int, list[str]]:
    """Submit one short song after the other. How many were taken, and what was said otherwise."""
    taken, refused = 0, []
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        while time.monotonic() < deadline:
            try:
                call(client, "submit", **SHORT)
                taken += 1
            except RuntimeError as no:
                refused.append(str(no))
                time.sleep(0.2)
    return taken, refused


def wait(url: str, deadline: float) -> tuple[int, list[str]]:
    """Ask for a song and hold on until it is there, or the time is over."""
    with httpx.Client(base_url=url, timeout=httpx.Timeout(PATIENCE)) as client:
        asked = client.post("/gradio_api/call/v2/generate", json=SHORT)
        if asked.status_code != 200:
            return 0, [f"{asked.status_code} {asked.text}"]
        event, waits = "", False
        with client.stream("GET", f"/gradio_api/call/generate/{asked.json()['event_id']}") as stream:
            for line in stream.iter_lines():
                event = line.removeprefix("event: ") if line.startswith("event: ") else event
                if event == "generating" and not waits:
                    waits = True
                    here()
                if event == "error" and line.startswith("data: "):
                    return 0, [line]
                if time.monotonic() > deadline:
                    break
    return 1, []


def fetch(url: str, deadline: float, take: str, number: int) -> tuple[int, list[str]]:
    """Ask for a file that the lane has to make, until it is there or the time is over."""
    kind = ("stems", "gamepack", "loop", "reaper", "ardour", "dawproject")[number % 6]
    with httpx.Client(base_url=url, timeout=max(1.0, deadline - time.monotonic())) as client:
        try:
            request = client.build_request("GET", f"/files/{take}/{kind}")
            here()
            answer = client.send(request)
        except httpx.TimeoutException:
            return 1, []  # it stood behind the long song, as it should
    return (1, []) if answer.status_code == 200 else (0, [f"{answer.status_code} {answer.text[:100]}"])


def here() -> None:
    """Tell whoever counts, in one piece: many write at once."""
    sys.stdout.write("here\n")
    sys.stdout.flush()


def crowd(kind: str, url: str, count: int, seconds: float, *more: str) -> dict[str, Any]:
    """So many of one kind at once, and what came of them: how much was taken, and what was refused."""
    tasks: dict[str, Callable[..., tuple[int, list[str]]]] = {"write": write, "wait": wait, "fetch": fetch}
    deadline, results = time.monotonic() + seconds, []

    def one(number: int) -> None:
        extra: dict[str, Any] = {"take": more[0], "number": number} if kind == "fetch" else {}
        try:
            results.append(tasks[kind](url, deadline, **extra))
        except httpx.HTTPError as error:
            results.append((0, [type(error).__name__]))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [sentence for _, no in results for sentence in no]
    return {"taken": sum(good for good, _ in results), "refused": len(refused), "said": sorted(set(refused))[:5]}


if __name__ == "__main__":
    _, kind, url, count, seconds, *more = sys.argv
    print(json.dumps(crowd(kind, url, int(count), float(seconds), *more)))
