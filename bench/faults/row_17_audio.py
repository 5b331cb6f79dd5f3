"""Row 17, damaged sound: hundreds of files that are broken in as many ways, uploaded and listened to.

Each is a short song with bytes turned, cut off, doubled or left out, with a header that lies, or no sound at all. What
must come is what was heard, or one sentence.
"""

import io
import json
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import soundfile

from bench.faults import Row, main, running

RIGHT = (
    "every damaged file is heard or refused with a sentence within 20 s; 0 answers of 5xx, 0 tracebacks, none cut off"
)
KINDS = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}
RATE = 22050
NO_SOUND = {
    "empty.wav": b"", "text.mp3": b"words\n" * 300, "page.ogg": b"<html></html>" * 50, "zero.flac": bytes(5000),
    "list.wav": b"ffconcat version 1.0\nfile '/etc/passwd'\n" * 5, "list.m3u8": b"#EXTM3U\nfile:///etc/passwd\n" * 9,
    "name.wav\0.exe": b"RIFF" * 100, "x" * 200 + ".wav": b"RIFF" * 100, "\u202egnp.wav": b"fLaC" * 100,
}  # fmt: skip


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    with running(home / "studio") as studio, ThreadPoolExecutor(4) as pool:
        files = list(broken(40 if quick else 300))
        answers = list(pool.map(lambda one: listen(studio.url, *one), files))
        for (name, _), (kind, said, seconds) in zip(files, answers, strict=True):
            if kind == "fault" or seconds > 20:
                wrong.append(f"{name[:40]}: {said[:120]} after {seconds:.1f} s")
        if studio.tracebacks:
            wrong.append(f"{studio.tracebacks} tracebacks in the log.")
        alive = httpx.get(f"{studio.url}/config", timeout=20).is_success
    kinds = [kind for kind, _, _ in answers]
    figures: dict[str, float] = {kind: kinds.count(kind) for kind in ("heard", "refused", "fault")}
    slowest = max(seconds for _, _, seconds in answers)
    return Row(figures | {"files": len(files), "slowest_s": round(slowest, 1), "alive": alive}, tuple(wrong[:20]))


def broken(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of damaged files, the same ones every time."""
    yield from NO_SOUND.items()
    chance = random.Random(17)
    time_line = np.arange(2 * RATE) / RATE
    tone = 0.4 * np.sin(2 * np.pi * 220 * time_line) * (np.sin(2 * np.pi * 2 * time_line) > 0)
    whole = {kind: encoded(tone, name) for kind, name in KINDS.items()}
    for number in range(count - len(NO_SOUND)):
        kind = list(KINDS)[number % len(KINDS)]
        yield f"{number}.{kind}", damaged(whole[kind], chance)


def encoded(samples: np.ndarray, kind: str) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, samples, RATE, format=kind)
    return written.getvalue()


def damaged(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    match chance.randrange(5):
        case 0:  # bit rot anywhere
            for _ in range(chance.randint(1, 200)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 1:  # a header that lies
            for _ in range(chance.randint(1, 12)):
                data[chance.randrange(60)] = chance.choice((0, 1, 127, 128, 255))
        case 2:  # cut off
            del data[chance.randrange(len(data)) :]
        case 3:  # a piece left out
            start = chance.randrange(len(data))
            del data[start : start + chance.randint(1, 4000)]
        case 4:  # a piece twice
            start = chance.randrange(len(data))
            data[start:start] = data[start : start + chance.randint(1, 4000)]
    return bytes(data)


def listen(url: str, name: str, content: bytes) -> tuple[str, str, float]:
    """ "heard", "refused" or "fault"; the sentence; seconds."""
    began = time.monotonic()
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            kind, said = _listened(client, name, content)
    except httpx.HTTPError as error:
        kind, said = "fault", repr(error)
    return kind, said, time.monotonic() - began


def _listened(client: httpx.Client, name: str, content: bytes) -> tuple[str, str]:
    sent = client.post("/gradio_api/upload", files={"files": (name, content)})
    if sent.status_code != 200:
        return ("refused" if sent.status_code < 500 and len(sent.text) > 20 else "fault"), sent.text
    audio = {"path": sent.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    call = client.post("/gradio_api/call/v2/listen", json={"audio": audio})
    if call.status_code != 200:
        return ("refused" if call.status_code < 500 and len(call.text) > 20 else "fault"), call.text
    told = client.get(f"/gradio_api/call/listen/{call.json()['event_id']}").text
    if "event: complete" in told:
        return "heard", ""
    sentence = json.loads(told.rpartition("data: ")[2] or "null") or {}
    words = str(sentence.get("error") or "") if isinstance(sentence, dict) else ""
    return ("refused" if len(words.split()) > 3 else "fault"), words or told


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
