"""Whatever a client sends to Gradio's doors, it gets a sentence."""

import json
import re

import httpx
import pytest

from api.calls import CALL, CLOSED, DEEPEST, complaint
from bench.faults import Running
from bench.faults.row_18_parameters import measure
from settings import settings


class Gradio:
    """A page with one door, of two parameters."""

    def least(self, door):
        return {"door": 2, 7: 2}.get(door)

    def expects(self, id):
        return id == "here"


FILE = {"meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"null", "no parameters by name"),
        (b"[1]", "no parameters by name"),
        (b"[" * 100_000, "too deeply"),
        (json.dumps({"data": json.loads("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))}).encode(), "too deeply"),
        (b'{"data": [{"deep": ["\\ud800"]}]}', "broken text"),
        (b'{"\\udfff": 1}', "broken text"),
        (json.dumps({"style": {"path": "/etc/passwd", **FILE}}).encode(), "not uploaded"),
        (json.dumps({"audio": {"path": None, **FILE}}).encode(), "not uploaded"),
        (json.dumps({"audio": {"path": "x" * 5000, **FILE}}).encode(), "not uploaded"),
        (json.dumps({"audio": {**FILE}}).encode(), "not uploaded"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_in_a_sentence(body, sentence):
    assert sentence in complaint(body, Gradio())


def test_what_was_uploaded_and_what_is_merely_odd_passes(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    settings.cache_clear()
    song = settings().page_cache / "a" / "song.wav"
    song.parent.mkdir(parents=True)
    song.write_bytes(b"RIFF")
    for fine in (
        {},
        {"prompt": "ünïcode \u202e"},
        {"seed": 1e308},
        {"prompt": "a\x00b"},
        {"audio": {"path": str(song), **FILE}},
    ):
        assert complaint(json.dumps(fine).encode(), Gradio()) == ""
    assert "not uploaded" in complaint(json.dumps({"audio": {"path": f"{song}/../../../x", **FILE}}).encode(), Gradio())
    settings.cache_clear()


@pytest.mark.parametrize("door", [{"door": "door"}, {}])
def test_too_few_values_are_counted(door):
    few, enough = ({"fn_index": 7, "data": [1] * count} for count in (1, 2))
    assert "list of 2 values" in complaint(json.dumps(few).encode(), Gradio(), **door)
    assert "list of 2 values" in complaint(b'{"fn_index": 7}', Gradio(), **door)
    assert complaint(json.dumps(enough).encode(), Gradio(), **door) == ""
    assert complaint(json.dumps(few).encode(), Gradio(), by_name=True, **door) == ""
    for number in (99999, -1, "x", None, [1]):
        assert "no event of the page" in complaint(json.dumps({"fn_index": number, "data": []}).encode(), Gradio())


def test_only_calls_are_looked_at_and_unused_rooms_are_closed():
    assert all(CALL.fullmatch(f"/gradio_api/{path}") for path in ("queue/join", "call/submit", "call/v2/x/", "run/x"))
    assert not any(CALL.fullmatch(path) for path in ("/gradio_api/upload", "/files/a/wav", "/login"))
    assert CLOSED.match("/gradio_api/proxy=http://127.0.0.1:9/") and CLOSED.match("/gradio_api/vibe-edit/")
    assert not any(CLOSED.match(f"/gradio_api/{path}") for path in ("queue/data", "file=x", "upload", "info"))


def test_wild_parameters_get_a_sentence_each(tmp_path):
    row = measure(tmp_path, quick=True)
    assert row.green, row.wrong


def test_a_refusal_of_a_started_studio_is_json(server):
    for path in ("call/v2/submit", "call/submit", "run/submit", "queue/join"):
        answer = httpx.post(f"{server}/gradio_api/{path}", content='{"prompt": "\\ud800"}')
        assert answer.status_code == 422 and "broken text" in answer.json()["detail"]
    for method, path in (("POST", "call/nothing"), ("POST", "run/nothing"), ("GET", "call/job/nothing")):
        answer = httpx.request(method, f"{server}/gradio_api/{path}", json={"data": []})
        assert answer.status_code == 404 and re.search("no such door|No such call", answer.json()["detail"])
    assert '"session_not_found": true' in httpx.get(f"{server}/gradio_api/queue/data?session_hash=gone").text
    assert httpx.get(f"{server}/gradio_api/proxy=http://127.0.0.1:9/").status_code == 404
    answer = httpx.post(f"{server}/gradio_api/run/cancel", json={"data": ["nothing"]})
    assert answer.status_code == 404 and "queue" in answer.json()["detail"]


def test_a_file_without_a_name_is_refused(server):
    for name in ("", "a\x00b.wav"):
        head = b'Content-Disposition: form-data; name="files"; filename="%b"' % name.encode()
        form = b"--x\r\n" + head + b"\r\n\r\nabc\r\n--x--\r\n"
        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = httpx.post(f"{server}/gradio_api/upload", content=form, headers=kind)
        assert answer.status_code == 400 and "without a name" in answer.json()["detail"]
    answer = httpx.post(f"{server}/gradio_api/upload", files={"files": ("a.wav", b"abc")})
    assert answer.status_code == 200 and answer.json()[0].endswith("a.wav")


def test_a_blank_source_is_missing_not_broken(server):
    begun = httpx.post(f"{server}/gradio_api/call/v2/cover", json={"source": " ", "style": "house"}).json()
    with httpx.stream("GET", f"{server}/gradio_api/call/cover/{begun['event_id']}") as lines:
        assert "name a song of the library, or upload one" in "".join(lines.iter_text())


def test_the_row_would_see_a_fault(tmp_path):
    """The judge itself: a log with a traceback is not green."""
    log = tmp_path / "studio.log"
    log.write_text("Traceback (most recent call last):\n  boom\n")
    assert Running("", tmp_path, log, None).tracebacks == 1  # type: ignore[arg-type]
