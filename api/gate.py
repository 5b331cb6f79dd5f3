"""The gate: one ASGI middleware in front of every route, page, files and doors alike.

A studio on one's own machine is reachable by every web page one opens, so without a token, too, it answers only to its
own names (Host) and only to itself (Origin, Sec-Fetch-Site). With a token it also wants to know who asks.

Rooms behind it find the caller in the request: `request.client.host` is the address of whoever called, not of a proxy
that is trusted (api/caller.py), and `request.state.caller` is what to count one caller by: "session <id>" of a browser
that has signed in, else the address, for IPv6 the /64 around it. In ASGI terms these are scope["client"] and
scope["state"]["caller"]. Scripts share the token, so they are told apart by address.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from api.caller import INSIDE, Proxies, Scope, address_of, counted_as, is_loopback
from api.login import LATER, SESSION, WINDOW, Keys, Tries, page
from api.names import Names, same_site, shown, split

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STARTUP = "/gradio_api/startup-events"  # launch() calls it over loopback and knows no token
SMALL = 10_000  # bytes of a login form


class Refused(Exception):
    """No, and why: becomes the answer."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class Gate:
    """`names`: hosts it answers to besides loopback's, `literals`: any address (api/names.py). `token` may be empty.
    `proxies`: networks whose forwarded headers count. `cookie`: the name of the session's. `space`: behind Hugging
    Face's proxy, whose headers the page reads by itself."""

    def __init__(
        self,
        app: App,
        token: str = "",
        names: tuple[str, ...] = (),
        literals: bool = False,
        cookie: str = "studio",
        proxies: tuple[str, ...] = (),
        space: bool = False,
        css: str = "",
    ):
        self.app, self.space, self.css = app, space, css
        self.proxies = Proxies(INSIDE if space else proxies)
        self.names, self.cookie = Names(names, literals), cookie
        self.keys = Keys(token) if token else None
        self.tries = Tries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        caller = self.proxies.farthest(scope) if self.space else ""
        scope = scope if self.space else self.proxies.read(scope)
        scope = {**scope, "state": {**scope.get("state", {}), "caller": counted_as(caller or address_of(scope))}}
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        send = self._secured(scope, send)
        try:
            self._check_host(headers)
            self._check_origin(scope, headers)
            if scope["path"] == "/healthz":
                return await _answer(send, 200, b"ok", "text/plain")
            if self.keys and scope["path"] in ("/login", "/logout"):
                return await self._door(self.keys, scope, headers, receive, send)
            if self.keys and not self._open(scope) and not self._known(self.keys, scope, headers):
                raise Refused(401, "This studio wants its token: send the header Authorization: Bearer <token>.")
        except Refused as no:
            return await self._refuse(no, scope, headers, send)
        await self.app(scope, receive, send)

    # -- checks ------------------------------------------------------------------------------------------------------

    def _check_host(self, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if self.space or host in self.names:
            return
        name = shown(split(host)[0] or host)
        raise Refused(
            421,
            f"This studio does not answer to the name {name!r}. If it is its own, start it with STUDIO_HOSTS={name}",
        )

    def _check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        """Refuse what another web site sends or embeds; following a link to the studio is fine.

        Browsers that send Sec-Fetch-Site compared the two themselves, on their side of all proxies, and no page can
        set it. They leave it out over plain http; then the Origin has to be the name that was called."""
        origin, host, site = headers.get("origin"), headers.get("host", ""), headers.get("sec-fetch-site")
        if site == "same-origin" and origin != "null":
            return
        if origin is not None and not same_site(origin, host, scope.get("scheme", "http")):
            raise Refused(
                403,
                f"This request comes from another web site, {shown(origin)}, and not from {shown(host)}. If a proxy "
                "stands between, let it pass on the name that was called (nginx: proxy_set_header Host $http_host;).",
            )
        visit = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") in ("GET", "HEAD")
        if site not in ("none", None) and not visit:
            raise Refused(403, "This request comes from another web site.")

    def _open(self, scope: Scope) -> bool:
        caller, here = address_of(scope), address_of(scope, "server")
        return scope["path"] == STARTUP and (caller == here or is_loopback(caller))

    def _known(self, keys: Keys, scope: Scope, headers: dict[str, str]) -> bool:
        """A valid session passes even from a locked address: guessing tokens cannot sign anybody out."""
        session = _cookie(headers, self.cookie)
        if keys.valid(session):
            scope["state"]["caller"] = f"session {hashlib.sha256(session.encode()).hexdigest()[:16]}"
            return True
        scheme, _, offered = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        self._try(keys, scope, offered.strip())
        return True

    def _try(self, keys: Keys, scope: Scope, offered: str) -> None:
        """Raise Refused unless this is the token."""
        address = counted_as(address_of(scope))
        if self.tries.locked(address):
            raise Refused(429, LATER)
        if not keys.fits(offered):
            self.tries.wrong(address)
            raise Refused(401, "This is not the token of this studio.")

    # -- signing in and out ------------------------------------------------------------------------------------------

    async def _door(self, keys: Keys, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        if scope.get("method") != "POST":
            return await _answer(send, 200, page(self.css), "text/html; charset=utf-8")
        session, age = "", 0
        if scope["path"] == "/login":
            form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
            self._try(keys, scope, form.get("token", [""])[0].strip())
            session, age = keys.session(), SESSION
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{self.cookie}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
        place = "./" if session else "login"
        await _answer(send, 303, b"", "text/plain", (b"location", place.encode()), (b"set-cookie", cookie.encode()))

    # -- answers -----------------------------------------------------------------------------------------------------

    async def _refuse(self, no: Refused, scope: Scope, headers: dict[str, str], send: Send) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        extra = [(b"retry-after", str(int(WINDOW)).encode())] if no.status == 429 else []
        browser = "text/html" in headers.get("accept", "")
        if self.keys and browser and no.status in (401, 429):
            asked = scope["path"] == "/login"
            body = page(self.css, str(no) if asked or no.status == 429 else "")
            return await _answer(send, no.status, body, "text/html; charset=utf-8", *extra)
        if no.status == 401:
            extra.append((b"www-authenticate", b"Bearer"))
        await _answer(send, no.status, json.dumps({"detail": str(no)}).encode(), "application/json", *extra)

    def _secured(self, scope: Scope, send: Send) -> Send:
        """Every answer says how browsers must treat it."""
        # A Space is shown inside a frame of huggingface.co and loads that site's frame script.
        policy = (
            "frame-ancestors 'self' https://huggingface.co"
            if self.space
            else "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; base-uri 'self'; form-action 'self'; "
            "object-src 'none'; frame-ancestors 'self'"
        )
        ours = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in ours}
                theirs = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
                message = {**message, "headers": [*theirs, *ours]}
            await send(message)

        return secured


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


async def _body(receive: Receive) -> bytes:
    """A small form's body. Raises Refused for a large one."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > SMALL:
            raise Refused(413, "This is too long to be a token.")
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, body: bytes, kind: str, *extra: tuple[bytes, bytes]) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", length), (b"cache-control", b"no-store"), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
