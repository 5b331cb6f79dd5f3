"""Wild parameters at every door: each answer is a sentence."""

import json
import random
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.faults import Row, Running, main, running

RIGHT = "no answer of 5xx, no hang, no traceback in the log, a sentence with every no, nothing non-finite kept"
FULL = 2500  # calls of all that there could be
HUNG = 30.0  # seconds
WILD: tuple[str, ...] = (  # JSON as a client may send it
    "null", "true", "0", "-1", "-0.0", "1e308", "-1e308", "NaN", "Infinity", "-Infinity", "18446744073709551616",
    "1" + "0" * 400, '""', '" "', '"\\u0000"', '"\\ud800"', '"\\u202e\\u200b"', '"NaN"', '"7"', '"../../etc/passwd"',
    '"<img src=x onerror=alert(1)>"', '"%00%s%n"', '"' + "a" * 100_000 + '"', "[]", "[[]]", "[null]", "{}",
    '{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}', '{"path": null}', '{"a": {"b": {"c": [1, 2]}}}',
)  # fmt: skip
BODIES: tuple[str, ...] = ("", "{", "null", "[]", "7", '"text"', "{}", '{"data": null}', '{"data": {}}', '{"data": []}')
PLAIN: tuple[tuple[str, str], ...] = tuple(  # addresses that are no calls of a door
    (method, path)
    for path in (
        "/jobs/%00/audio", "/jobs/x/audio", "/files/%00/wav", "/files/x/%00", "/files/x/wav/progress",
        "/gradio_api/call/nothing", "/gradio_api/call/v2/nothing", "/gradio_api/call/v2/%00", "/gradio_api/run/nothing",
        "/gradio_api/call/job/none", "/gradio_api/queue/join", "/gradio_api/queue/data",
        "/gradio_api/queue/data?session_hash=%00", "/gradio_api/queue/status", "/gradio_api/upload",
        "/gradio_api/upload_progress", "/gradio_api/upload_progress?upload_id=none", "/gradio_api/reset",
        "/gradio_api/cancel", "/gradio_api/component_server", "/gradio_api/process_recording", "/gradio_api/stream/x",
        "/gradio_api/stream/x/close", "/gradio_api/stream/x/1/2/playlist.m3u8", "/gradio_api/stream/x/1/2/3.ts",
        "/gradio_api/stream/x/y/z/playlist-file", "/gradio_api/heartbeat/%00?x", "/gradio_api/file=%00",
        "/gradio_api/file=nothing", "/gradio_api/file/nothing", "/gradio_api/proxy=http://127.0.0.1:9/",
        "/gradio_api/custom_component/a/b/c/d", "/gradio_api/info?page=%00", "/gradio_api/vibe-edit",
        "/gradio_api/undo-vibe-edit", "/gradio_api/vibe-code", "/gradio_api/vibe-starter-queries", "/gradio_api/token",
        "/gradio_api/app_id", "/gradio_api/openapi.json", "/config?__theme=%00", "/?__theme=%00", "/%00", "/static/%00",
        "/static/none", "/assets/none", "/svelte/none", "/favicon.ico", "/robots.txt", "/manifest.json", "/none",
    )
    for method in ("GET", "POST")
)  # fmt: skip
# Shapes of a song that are read from the address.
QUERIES: tuple[str, ...] = tuple(
    f"{name}={value}"
    for name in ("rate", "depth", "target_lufs", "fade_in", "fade_out", "trim", "quality", "colour")
    for value in ("", "NaN", "-1", "1e999", "%00", "a" * 2000, "[]")
)


@dataclass
class Seen:
    """What came of all calls; each list names the calls."""

    calls: int = 0
    broken: list[str] = field(default_factory=list)  # answers of 5xx
    hung: list[str] = field(default_factory=list)  # nothing came in time, or the connection was cut
    wordless: list[str] = field(default_factory=list)  # a no without a sentence


def measure(home: Path, quick: bool) -> Row:
    with running(home / "studio", max_queue=10**6, max_queue_client=10**6) as studio:
        seen = Seen()
        take = _song(studio)
        calls = list(_calls(studio, take))
        calls = random.Random(0).sample(calls, min(len(calls), 160 if quick else FULL))
        with ThreadPoolExecutor(6) as pool, httpx.Client(base_url=studio.url, timeout=HUNG) as client:
            list(pool.map(lambda call: _try(client, seen, *call), calls))
        _quiet(studio)
        unreal = _unreal(studio)
        figures: dict[str, float] = {
            "wild_calls": seen.calls,
            "wild_5xx": len(seen.broken),
            "wild_hung": len(seen.hung),
            "wild_wordless": len(seen.wordless),
            "wild_tracebacks": studio.tracebacks,
            "wild_unreal": len(unreal),
        }
    kinds = {"answers of 5xx": seen.broken, "hung or cut": seen.hung, "no sentence": seen.wordless, "kept": unreal}
    wrong = [f"{what}: {len(where)}, first {where[:6]}" for what, where in kinds.items() if where]
    if studio.tracebacks:
        wrong.append(f"{studio.tracebacks} tracebacks in the log")
    return Row(figures, tuple(wrong))


def _song(studio: Running) -> str:
    """The id of a take to ask wild things about."""
    with httpx.Client(base_url=studio.url, timeout=60) as client:
        told = _call(client, "generate", json.dumps({"prompt": "lofi", "duration": 5, "seed": 1}), last=True)[1]
    return str(json.loads(told)[1]["id"])


def _calls(studio: Running, take: str) -> Iterator[tuple[str, str, str]]:
    """All calls: method, address, body; "CALL" is a door's, see `_call`."""
    info = httpx.get(f"{studio.url}/gradio_api/info", timeout=30).json()["named_endpoints"]
    for name, door in info.items():
        names = [one["parameter_name"] for one in door["parameters"]]
        fine = {"prompt": "lofi", "source": take, "take_id": take, "job_id": take, "seed": 1, "duration": 5}
        begun = {one: value for one, value in fine.items() if one in names}
        for one in names:
            for wild in WILD:
                rest = "".join(f", {json.dumps(k)}: {json.dumps(v)}" for k, v in begun.items() if k != one)
                yield "CALL", name.strip("/"), f"{{{json.dumps(one)}: {wild}{rest}}}"
        for body in BODIES:
            yield "CALL", name.strip("/"), body
            yield "POST", f"/gradio_api/call{name}", body
            yield "POST", f"/gradio_api/run{name}", body
    for method, path in PLAIN:
        for body in ("",) if method == "GET" else ("", "{", "{}", '{"data": [], "fn_index": 99999}'):
            yield method, path, body
    for query in QUERIES:
        yield "GET", f"/files/{take}/wav?{query}", ""


def _try(client: httpx.Client, seen: Seen, method: str, where: str, body: str) -> None:
    seen.calls += 1
    told = f"{method} {where} {body[:80]}"
    try:
        if method == "CALL":
            status, said = _call(client, where, body)
        else:
            with client.stream(method, where, content=body, headers={"content-type": "application/json"}) as answer:
                status = answer.status_code
                endless = "event-stream" in answer.headers.get("content-type", "")
                said = "" if endless else answer.read().decode(errors="replace")
    except (httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ReadError) as error:
        seen.hung.append(f"{told} ({type(error).__name__})")
        return
    if status >= 500:
        seen.broken.append(f"{told} ({status})")
    elif status >= 400 and not re.search(r"[A-Za-z]{2,} \w+", said):
        seen.wordless.append(f"{told} ({status}: {said[:60]})")


def _call(client: httpx.Client, door: str, body: str, last: bool = False) -> tuple[int, str]:
    """A call of a door: begun, then listened to until it ends, or, without `last`, until a song is on its way: then
    who asked goes away. A no of the door counts as 400."""
    begun = client.post(f"/gradio_api/call/v2/{door}", content=body, headers={"content-type": "application/json"})
    if begun.status_code != 200:
        return begun.status_code, begun.text
    event = begun.json()["event_id"]
    deadline, kind = time.monotonic() + HUNG, ""
    with client.stream("GET", f"/gradio_api/call/{door}/{event}") as lines:
        for line in lines.iter_lines():
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("no end")
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                said = line.removeprefix("data: ")
                if kind == "error":
                    return 400, said
                if kind == "complete" or (kind == "generating" and not last):
                    return 200, said
    raise httpx.RemoteProtocolError("ended without an answer")


def _quiet(studio: Running) -> None:
    """Cancel what was really asked for."""
    with httpx.Client(base_url=studio.url, timeout=60) as client:
        _call(client, "cancel_all", "{}", last=True)


def _unreal(studio: Running) -> list[str]:
    """Numbers in requests and recipes that are none."""
    import sqlite3

    with sqlite3.connect(studio.home / "studio.db") as library:
        kept = [text for (text,) in library.execute("select request from jobs union all select recipe from takes")]
    return [text[:80] for text in kept if re.search(r"\b(NaN|Infinity|nan|inf)\b(?=[,}\]])", text)]


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
