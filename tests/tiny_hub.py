"""A hub on this machine, as small as can be: one checkpoint of a few kilobytes, and every fault a real one shows.

It speaks what the studio asks of the Hugging Face Hub: the list of a revision's files, and files in ranges.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "somebody/tiny"
TABLE = """
[licence.nc]
name = "CC-BY-NC 4.0"
url = "https://example.org/nc"
non_commercial = true
sentence = "These weights are not for commercial use."

[engine.musicgen]
licence = "nc"
layout = "transformers"
files = [{{ path = "config.json", bytes = 100 }}, {{ path = "tokenizer.json", bytes = 100 }}]
defaults = {{ guidance_scale = 3.0 }}

[checkpoint.tiny]
engine = "musicgen"
kind = "text"
repo = "somebody/tiny"
revision = "main"
channels = 1
parameters = 300_000_000
layers = 2
hidden = 16
codebooks = 4
cross = true
weights = [{{ path = "model.safetensors", bytes = {bytes}{more} }}]
notes = ""
"""


def safetensors(tensors: dict[str, int], **changed: Any) -> bytes:
    """A file with one float32 vector per name; `changed` replaces what the header says of a name."""
    said: dict[str, Any] = {}
    end = 0
    for name, length in tensors.items():
        said[name] = {"dtype": "F32", "shape": [length], "data_offsets": [end, end + 4 * length]}
        end += 4 * length
    header = json.dumps(said | changed).encode()
    return len(header).to_bytes(8, "little") + header + bytes(range(256)) * (end // 256) + bytes(end % 256)


CONFIG = {"model_type": "musicgen", "decoder": {"num_hidden_layers": 2, "hidden_size": 16, "num_codebooks": 4}}
FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "tokenizer.json": b"{}",
    "model.safetensors": safetensors({"a": 100_000, "b": 50_000}),
}


def folder(place: Path, files: dict[str, bytes] | None = None, **changed: bytes | None) -> Path:
    """A checkpoint on disk. A name given as None is left out; `model_safetensors=` is model.safetensors."""
    place.mkdir(parents=True, exist_ok=True)
    said = {
        name.replace("_safetensors", ".safetensors").replace("_json", ".json"): data for name, data in changed.items()
    }
    for name, data in ((files or FILES) | said).items():
        if data is not None:
            (place / name).write_bytes(data)
    return place


class Hub(ThreadingHTTPServer):
    """`faults[path]` are what happens to the next requests for a file, in order; "" is the list of files.

    A fault: ("status", code), ("drop", bytes sent before the connection breaks), ("wrong",) other bytes of the right
    length, ("whole",) the range is ignored, ("html",) a login page, ("gate", event) halfway, it waits for the event,
    ("cdn",) the bytes are at another host. One that ends in "always" stays.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = dict(FILES)
        self.faults: dict[str, list[tuple[Any, ...]]] = {}
        self.sent: Counter[str] = Counter()
        self.asked: list[tuple[str, str | None]] = []
        self.tokens: set[str | None] = set()
        self.cdn_tokens: set[str | None] = set()
        self.lfs_sha: str | None = None

    def fault(self, path: str) -> tuple[Any, ...]:
        waiting = self.faults.get(path) or [("fine",)]
        return waiting[0] if waiting[0][-1] == "always" else (waiting.pop(0) if path in self.faults else waiting[0])

    def listing(self) -> bytes:
        siblings = []
        for name, data in self.files.items():
            git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            one: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git}
            if name.endswith(".safetensors"):
                sha = self.lfs_sha or hashlib.sha256(data).hexdigest()
                one["lfs"] = {"sha256": sha, "size": len(data), "pointerSize": 135}
            siblings.append(one)
        return json.dumps({"id": REPO, "sha": COMMIT, "siblings": siblings}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        where = self.path.partition("?")[0]
        (self.server.cdn_tokens if where.startswith("/cdn/") else self.server.tokens).add(
            self.headers.get("Authorization")
        )
        if where.startswith(f"/api/models/{REPO}/revision/"):
            return self._answer("", self.server.listing())
        name = where.removeprefix("/cdn/").removeprefix(f"/{REPO}/resolve/{COMMIT}/")
        if name not in self.server.files:
            return self._say(404, b"")
        return self._answer(name, self.server.files[name])

    def _answer(self, name: str, data: bytes) -> None:
        span = self.headers.get("Range")
        self.server.asked.append((name, span))
        kind, *details = self.server.fault(name)
        if kind == "status":
            return self._say(details[0], b"no", {"Retry-After": "0.01"})
        if kind == "cdn":
            place = f"http://localhost:{self.server.server_port}/cdn/{name}"
            return self._say(302, b"", {"Location": place})
        if kind == "html":
            return self._say(200, b"<html>please log in</html>")
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and kind != "whole" else 0
        body = bytes(len(data) - start) if kind == "wrong" else data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        if kind == "drop":
            self._send(name, body[: details[0]])
            self.close_connection = True
            self.connection.close()
        elif kind == "gate":
            self._send(name, body[:half])
            details[0].wait(20)
            self._send(name, body[half:])
        else:
            self._send(name, body)

    def _send(self, name: str, data: bytes) -> None:
        self.server.sent[name] += len(data)  # before they arrive, so that who got them finds them counted
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _say(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def hub() -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def table(place: Path, size: int | None = None, sha256: str | None = None) -> Path:
    """A checkpoints.toml that knows only the tiny one."""
    more = f', sha256 = "{sha256}"' if sha256 else ""
    size = len(FILES["model.safetensors"]) if size is None else size
    place.write_text(TABLE.format(bytes=size, more=more))
    return place
