"""What is read often is cheap: the page, and what Gradio keeps of every call."""

import asyncio
import time

import gradio as gr
import httpx

from api.still import MOST, Still
from tabs import sessions


def test_the_page_is_drawn_once_for_each_address_and_the_same_in_every_coding(server: str) -> None:
    with httpx.Client(base_url=server, timeout=30) as client:
        first = client.get("/").raise_for_status()
        began = time.perf_counter()
        again = [client.get("/").raise_for_status() for _ in range(10)]
        assert (time.perf_counter() - began) / 10 < 0.05
        plain = client.get("/", headers={"accept-encoding": "identity"})
        assert plain.headers.get("content-encoding") is None and {one.text for one in (first, *again)} == {plain.text}
        assert all(one.headers["content-security-policy"] for one in again)
        named = server.replace("127.0.0.1", "localhost")
        assert f'"root":"{named}"' in httpx.get(named).text and f'"root":"{server}"' in first.text
        assert client.get("/config").json() == client.get("/config").json()


def test_only_whole_answers_are_kept_and_not_more_than_a_few() -> None:
    asyncio.run(_kept())


async def _kept() -> None:
    asked = []

    async def app(scope, receive, send):
        asked.append(scope)
        status = 500 if dict(scope["headers"])[b"host"] == b"broken" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-is", b"page")]})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "http.response.body", "body": b"page"})

    still = Still(app)

    async def get(host: str, **said: object) -> bytes:
        body = []

        async def send(message):
            body.append(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
        await still(scope | {"headers": [(b"host", host.encode())]} | said, None, send)
        return b"".join(body)

    assert await get("one") == await get("one") == b"one page" and len(asked) == 1
    assert await get("one", headers=[(b"host", b"one"), (b"x-forwarded-proto", b"https")]) and len(asked) == 2
    assert await get("broken") == await get("broken") and len(asked) == 4, "a fault is not kept"
    assert await get("one", method="POST") and await get("one", query_string=b"deep_link=x") and len(asked) == 6
    for number in range(2 * MOST):
        await get(f"host-{number}")
    assert len(still._kept) == MOST


def test_a_session_holds_what_was_changed_in_it_and_nothing_else() -> None:
    with gr.Blocks() as page:
        box = gr.Textbox("empty", label="Prompt")
        note = gr.State({"seen": 0})
    new = sessions.begun(page)
    assert not new.config_values and new.blocks_config.blocks.keys() == page.default_config.blocks.keys()
    new._update_value_in_config(box._id, "a slow waltz")
    assert [one["props"]["value"] for one in new.components] == ["a slow waltz"]
    new[note._id]["seen"] = 1
    assert sessions.begun(page)[note._id] == {"seen": 0} and box.value == "empty"
