"""A Space's shared GPU: the messages, the estimate, and the real `spaces` library before a stand-in for its device."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

import zerogpu
from settings import ROOT
from song.errors import BadRequest, Cancelled, CannotMake
from song.progress import silent
from zerogpu import Entry, OnGpu, estimate, messages

SCRIPT = """
import json, os, sys, time
from pathlib import Path

sys.modules["torch"] = None  # where it is, spaces looks for a real GPU
import gradio
from gradio.context import LocalContext
import zerogpu
from song.errors import Cancelled, CannotMake

@zerogpu.on_gpu
def entry(arguments, folder):
    def work(progress):
        for step in range(arguments["steps"]):
            progress(step / arguments["steps"], f"Step {step + 1}")
            time.sleep(0.02)
        if arguments.get("wrong"):
            raise CannotMake("It is wrong; put it right.")
        Path(folder, "made").write_text("here")
        return {"process": os.getpid()}
    yield from zerogpu.messages(work)

def main():
    folder, runner = Path(sys.argv[1]), zerogpu.OnGpu({"make": None}, lambda: None, entry, ("acestep",))
    seen = []

    def run(steps, at=None, **more):
        def progress(fraction, stage):
            seen.append(stage)
            if at is not None and len(seen) == at:
                raise Cancelled
        seen.clear()
        request = {"engine": "acestep", "mode": "generate", **more.pop("request", {})}
        return runner.run("make", {"request": request, "steps": steps, **more}, folder, progress)

    said = {"parent": os.getpid(), "first": run(3)["process"], "stages": list(seen), "again": run(3)["process"]}
    (folder / "made").unlink()
    began = time.monotonic()
    try:
        run(500, at=3)
    except Cancelled:
        said["cancelled"] = [len(seen), round(time.monotonic() - began, 2), (folder / "made").exists()]
    try:
        run(1, wrong=True)
    except CannotMake as error:
        said["error"] = str(error)
    asker = gradio.Request(headers={"x-ip-token": "someone"})
    LocalContext.request.set(asker)
    said["after"] = run(1, request={"duration": 600, "inference_steps": 200})["process"]
    print(json.dumps(said))

main()
"""


class Device(BaseHTTPRequestHandler):
    """What `spaces` asks of a Space's device: to be let in for some seconds, and to be let go."""

    def do_POST(self) -> None:
        asked = urlparse(self.path)
        self.server.asked.append((asked.path, {name: values[0] for name, values in parse_qs(asked.query).items()}))  # type: ignore[attr-defined]
        answer: dict[str, Any] = {}
        if asked.path == "/schedule":
            answer = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-none", "allowToken": "in"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def device() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Device)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_on_a_shared_gpu_a_song_is_made_in_a_fork_and_can_be_stopped(device, tmp_path):
    place = f"http://127.0.0.1:{device.server_port}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "SPACE"))}
    env = inherited | {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": place, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["first"] != said["parent"] and said["again"] == said["first"], "one fork, and it stays warm"
    assert said["stages"] == ["Step 1", "Step 2", "Step 3"]
    steps, seconds, left = said["cancelled"]
    assert steps == 3 and seconds < 5 and not left, "of 500 steps of 20 ms"
    assert said["error"] == "It is wrong; put it right." and said["after"] != said["parent"]
    scheduled = [named for path, named in device.asked if path == "/schedule"]
    assert len(scheduled) == 5 == sum(path == "/release" for path, _ in device.asked)
    first, last = scheduled[0], scheduled[-1]
    assert "token" not in first and last["token"] == "someone", "who asked is who pays"
    assert int(last["durationSeconds"]) / int(first["durationSeconds"]) == pytest.approx(
        estimate({"request": LONG}) / estimate({"request": SHORT}), rel=0.02
    )


SHORT = {"engine": "acestep", "mode": "generate"}
LONG = SHORT | {"duration": 600, "inference_steps": 200}


def test_the_estimate_follows_the_work_and_keeps_to_its_bounds():
    assert estimate({"request": SHORT | {"duration": 10, "inference_steps": 8}}) == 60
    assert estimate({"request": LONG}) == 300
    middle = SHORT | {"duration": 240, "inference_steps": 50}
    one = estimate({"request": middle})
    assert 60 < one < 300
    assert estimate({"request": middle, "beside": [middle]}) > one
    assert estimate({"request": middle | {"inference_steps": 80}}) > one
    assert estimate({"request": middle | {"engine": "acestep", "thinking": True}}) > one
    free = SHORT | {"inference_steps": 50, "lyrics": "[verse]\nhello"}
    longest = estimate({"request": free | {"duration": 600}})
    assert estimate({"request": free}) == longest > one, "a planner may make it as long as any song"
    assert estimate({"request": free | {"prompt": "four minutes of jazz"}}) == one, "but not where the words say"
    assert estimate({"request": free | {"instrumental": True}}) < one
    edit = {"engine": "acestep", "mode": "edit", "regions": "2-5", "inference_steps": 50}
    painted = estimate({"request": edit, "source": {"duration": 240.0}})
    assert painted == one < estimate({"request": edit | {"regions": "2-5, 7-8"}, "source": {"duration": 240.0}})


def test_elsewhere_the_decorator_does_nothing(monkeypatch):
    def entry(arguments, folder):
        yield {}

    assert zerogpu.on_gpu(entry) is entry
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(zerogpu, "find_spec", lambda name: None)
    assert zerogpu.on_gpu(entry) is entry


def on_gpu(entry: Entry) -> OnGpu:
    return OnGpu({"make": lambda arguments, folder, progress: {"plain": True}}, lambda: None, entry, ("acestep",))


def test_an_engine_that_wants_no_gpu_borrows_none():
    runner = on_gpu(lambda arguments, folder: messages(lambda progress: {"borrowed": True}))
    made = [runner.run("make", {"request": {"engine": one}}, Path(), silent) for one in ("composer", "acestep")]
    assert made == [{"plain": True}, {"borrowed": True}]


def test_errors_come_out_as_what_they_are():
    def fail(progress):
        progress(0.5, "Half")
        raise BadRequest("prompt", "is empty; describe the song in a few words")

    runner = on_gpu(lambda arguments, folder: messages(fail))
    with pytest.raises(CannotMake, match="is empty; describe the song"):
        runner.run("make", {"request": {"engine": "acestep"}}, Path(), silent)


def test_a_gpu_that_is_not_given_is_a_sentence():
    class Refused(Exception):
        message = "No GPU was available after 60s."

    def refuse(arguments, folder):
        yield {"progress": [0.1, "Waiting"]}
        raise Refused

    runner = on_gpu(refuse)
    with pytest.raises(CannotMake, match=r"gives no GPU for it: No GPU was available after 60s\. Try again later"):
        runner.run("make", {"request": {"engine": "acestep"}}, Path(), silent)


def test_stopping_waits_until_the_work_has_stopped():
    ended: list[str] = []

    def work(progress):
        try:
            while True:
                progress(0.1, "Step")
                time.sleep(0.005)
        finally:
            ended.append("work")
        return {}

    def stop(fraction: float, stage: str) -> None:
        raise Cancelled

    runner = on_gpu(lambda arguments, folder: messages(work))
    with pytest.raises(Cancelled):
        runner.run("make", {"request": {"engine": "acestep"}}, Path(), stop)
    assert ended == ["work"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration])
def test_nothing_that_borrowed_work_raises_leaves_the_lane_waiting(fault):
    def fail(progress):
        raise fault

    runner = on_gpu(lambda arguments, folder: messages(fail))
    with pytest.raises(CannotMake, match=fault.__name__):
        runner.run("make", {"request": {"engine": "acestep"}}, Path(), silent)


def test_a_gpu_that_is_taken_away_without_a_word_is_a_sentence():
    runner = on_gpu(lambda arguments, folder: (said for said in [{"progress": [0.1, "Step"]}]))
    with pytest.raises(CannotMake, match="given back before the song was done"):
        runner._borrowed({"request": {"engine": "acestep"}}, Path(), silent)
