"""Answers that stay the same as long as the studio runs: the page and what describes it.

To draw its page anew takes Gradio a tenth of a second of the processor, for every visitor; here that is done once for
each address that the studio is asked by.
"""

from collections import OrderedDict

from api.gate import App, Message, Receive, Scope, Send

STILL = {("/", b""), ("/config", b""), ("/gradio_api/info", b""), ("/gradio_api/info", b"serialize=False")}
VARY = (b"host", b"accept-encoding", b"forwarded", b"x-forwarded-", b"x-gradio-")  # what such an answer depends on
MOST = 32  # answers of some 60 kB


class Still:
    """Keeps whole answers and gives them again. It stands behind the gate."""

    def __init__(self, app: App):
        self.app = app
        self._kept: OrderedDict[tuple[object, ...], tuple[Message, bytes]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or (scope["path"], scope["query_string"]) not in STILL:
            return await self.app(scope, receive, send)
        asked = _asked(scope)
        if asked in self._kept:
            self._kept.move_to_end(asked)
            start, body = self._kept[asked]
            await send({**start, "headers": [*start["headers"]]})
            return await send({"type": "http.response.body", "body": body})
        await self.app(scope, receive, self._keeping(asked, send))

    def _keeping(self, asked: tuple[object, ...], send: Send) -> Send:
        start: Message = {}
        blocks: list[bytes] = []

        async def keeping(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message, headers=[*message.get("headers", [])])
            elif message["type"] == "http.response.body":
                blocks.append(message.get("body", b""))
                if not message.get("more_body") and start.get("status") == 200:
                    self._kept[asked] = start, b"".join(blocks)
                    while len(self._kept) > MOST:
                        self._kept.popitem(last=False)
            await send(message)

        return keeping


def _asked(scope: Scope) -> tuple[object, ...]:
    """All that the answer depends on."""
    headers = sorted((name.lower(), value) for name, value in scope["headers"] if name.lower().startswith(VARY))
    place = (scope["path"], scope["query_string"], scope.get("scheme"), scope.get("server"), scope.get("root_path"))
    return (*place, *headers)
