"""Row 3, floods. a: one client asks for 1,500 songs, another one for a single song. b, c: 130 callers hold on for their
songs, then 60 exports stand behind a long song; library, job, page and sound are read all the while, and a job is
cancelled."""

import sys
import time
from pathlib import Path

import httpx

from bench.faults import Row, Running, main, running
from bench.faults.traffic import LONG, Readers, call, gathered, others, percentile, song

RIGHT = (
    "of 1,500 songs one client gets a quarter of the queue, the rest 429 with Retry-After, and another client's song "
    "comes next; 130 waiting callers, and 60 exports, leave library, job, page and sound answering with p95 <= 300 ms"
)
ASKED, CAP = 1500, 64
CALLERS, EXPORTS = 130, 60
MOST = 300.0  # ms
GATHER = 60.0  # seconds until all callers wait


def measure(home: Path, quick: bool) -> Row:
    seconds = 6.0 if quick else 20.0
    flooded, never = flood(home, 300 if quick else ASKED)
    with (
        running(home / "home", max_queue_client=2 * CALLERS) as studio,
        httpx.Client(base_url=studio.url, timeout=60) as client,
    ):
        take = song(client)
        waiting, no = crowded(studio, client, take, "wait", CALLERS, seconds)
        fetching, wrong = crowded(studio, client, take, "fetch", EXPORTS, seconds)
    return Row(flooded | waiting | fetching | {"waiting_p95_ms": waiting["wait_worst_p95_ms"]}, (*never, *no, *wrong))


def flood(home: Path, asked: int) -> tuple[dict[str, float], tuple[str, ...]]:
    """One client's flood, and a song of another one, who calls from another of loopback's addresses."""
    song = {"prompt": "slow ambient", "duration": 600, "variations": 8}
    other = httpx.HTTPTransport(local_address="127.0.0.2")
    with running(home / "flood") as studio, httpx.Client(base_url=studio.url, timeout=60) as client:
        answers = [client.post("/gradio_api/call/v2/submit", json=song) for _ in range(asked)]
        refused = [answer for answer in answers if answer.status_code == 429]
        told = all(answer.headers.get("retry-after") and answer.json()["detail"] for answer in refused)
        with httpx.Client(base_url=studio.url, timeout=60, transport=other) as honest:
            mine = call(honest, "submit", prompt="lofi", duration=5)[0]
            mine = call(honest, "job", job_id=mine["id"])[0]
        stopped = call(client, "cancel_all")[0]
        began = time.monotonic()
        while call(client, "job", job_id=mine["id"])[0]["state"] != "done" and time.monotonic() < began + GATHER:
            time.sleep(0.2)
        done = call(client, "job", job_id=mine["id"])[0]["state"] == "done"
    figures: dict[str, float] = {"flood_asked": asked, "flood_refused": len(refused), "flood_open": len(stopped)}
    wrong = [] if len(stopped) <= CAP + 1 and len(refused) >= asked - 3 * CAP else [f"taken: {len(stopped)} at once"]
    wrong += [] if told else ["a 429 without Retry-After, or without a sentence"]
    wrong += [] if mine["stage"] == "waiting: 1 song before yours" and done else [f"another client: {mine['stage']}"]
    return figures, tuple(wrong)


def crowded(
    studio: Running, client: httpx.Client, take: str, kind: str, count: int, seconds: float
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The reads behind a long song and so many who wait for it: figures by name, and what of them is wrong."""
    long = call(client, "submit", **LONG, variations=8)[0]["id"]
    begun = time.monotonic()
    while call(client, "job", job_id=long)[0]["state"] == "queued" and time.monotonic() < begun + GATHER:
        time.sleep(0.2)
    readers = Readers(studio.url, take)
    with others(kind, studio.url, count, 4 * seconds + GATHER, take) as crowd:
        came = gathered(crowd, count)
        figures = readers.for_seconds(seconds)
        held = call(client, "job", job_id=long)[0]["state"] == "running"
        if kind == "fetch":
            held = held and client.get(f"/files/{take}/stems/progress").json()["stage"] == "waiting"
        cancelled = time.perf_counter()
        call(client, "cancel", job_id=long)
        cancelled = time.perf_counter() - cancelled
    worst = max(figures.values())
    wrong = [f"{count} {kind}: {name} is {value} ms" for name, value in figures.items() if value > MOST]
    wrong += [f"{count} {kind}: {len(readers.failed)} reads failed, as {readers.failed[0]}"] if readers.failed else []
    wrong += [] if came == count and held else [f" {came} of {count} came to wait, and they still wait: {held}"]
    wrong += [f"cancel took {cancelled:.1f} s"] if cancelled > 2 else []
    named = {f"{kind}_{name}": value for name, value in figures.items()}
    slow = {f"{kind}_{name}_p50_ms": round(1000 * percentile(all_, 0.5), 1) for name, all_ in readers.seconds.items()}
    return named | slow | {f"{kind}_worst_p95_ms": worst}, tuple(wrong)


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
