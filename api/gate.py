"""The gate: one ASGI middleware in front of every route, page, files and doors alike.

A studio on one's own machine is reachable by every web page one opens, so without a token, too, it answers only to its
own name (Host) and only to itself (Origin, Sec-Fetch-Site). With a token it also wants to know who asks.

Rooms behind it find the caller in the request: `request.client.host` is the address of whoever called, not of a proxy
that is trusted (api/caller.py), and `request.state.caller` is what to count one caller by: "session <id>" of a browser
that has signed in, else the address, for IPv6 the /64 around it. In ASGI terms these are scope["client"] and
scope["state"]["caller"]. Scripts share the token, so they are told apart by address.
"""

import hashlib
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from api.caller import INSIDE, Proxies, Scope, address_of, counted_as, is_loopback
from api.login import LATER, SESSION, WINDOW, Keys, Tries, page

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
STARTUP = "/gradio_api/startup-events"  # launch() calls it over loopback and knows no token
SMALL = 10_000  # bytes of a login form


class Refused(Exception):
    """No, and why: becomes the answer."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class Gate:
    """`names`: hosts it answers to, without port. `token` may be empty. `proxies`: networks whose forwarded headers
    count. `space`: behind Hugging Face's proxy, whose headers the page reads by itself."""

    def __init__(
        self,
        app: App,
        token: str = "",
        names: tuple[str, ...] = (),
        proxies: tuple[str, ...] = (),
        space: bool = False,
        css: str = "",
    ):
        self.app, self.space, self.css = app, space, css
        self.proxies = Proxies(INSIDE if space else proxies)
        self.names = {*LOOPBACK_NAMES, *(name.lower() for name in names)}
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
            self._check_host(scope, headers)
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

    def _check_host(self, scope: Scope, headers: dict[str, str]) -> None:
        """A name we do not carry may be a stranger's that points here (DNS rebinding). An address cannot be rebound."""
        if self.space:
            return
        host, _, port = _split_host(headers.get("host", ""))
        here, listening = (scope.get("server") or ("", None))[:2]
        own = host in self.names or (host.strip("[]") == here and _is_address(host))
        if not own or int(port or 80) != (listening or 80):
            raise Refused(421, "This studio does not answer to this name. Use the address it printed when it started.")

    def _check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        """Refuse what another web site sends or embeds; following a link to the studio is fine."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            raise Refused(403, "This request comes from another web site.")
        visit = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") in ("GET", "HEAD")
        if site not in ("same-origin", "none") and not visit and origin is None:
            raise Refused(403, "This request comes from another web site.")

    def _open(self, scope: Scope) -> bool:
        caller, here = address_of(scope), address_of(scope, "server")
        return scope["path"] == STARTUP and (caller == here or is_loopback(caller))

    def _known(self, keys: Keys, scope: Scope, headers: dict[str, str]) -> bool:
        """A valid session passes even from a locked address: guessing tokens cannot sign anybody out."""
        session = _cookie(headers, self._cookie_name(scope))
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
        cookie = f"{self._cookie_name(scope)}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
        place = "./" if session else "login"
        await _answer(send, 303, b"", "text/plain", (b"location", place.encode()), (b"set-cookie", cookie.encode()))

    def _cookie_name(self, scope: Scope) -> str:
        """Browsers share cookies between the ports of a host; two studios must not sign each other out."""
        return f"studio-{(scope.get('server') or ('', 0))[1]}"

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


def own_names(host: str) -> tuple[str, ...]:
    """The names under which other machines may know a studio that listens on `host`."""
    if host not in ("0.0.0.0", "::", ""):
        return (host,)
    name = socket.gethostname()
    return tuple({name, f"{name.partition('.')[0]}.local", socket.getfqdn()})


def _split_host(host: str) -> tuple[str, str, str]:
    """Name in lower case, colon, port. An IPv6 address keeps its brackets."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or host.endswith("]"):
        return host.lower(), "", ""
    return (name, colon, port) if port.isascii() and port.isdigit() and len(port) < 6 else ("", "", "")


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return False


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
