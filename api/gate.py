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
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from api.answers import Message, Receive, Refused, Send, answer
from api.bodies import Bodies, Body, Unread
from api.caller import INSIDE, Proxies, Scope, address_of, counted_as, is_loopback
from api.login import LATER, SESSION, WINDOW, Keys, Tries, page
from api.names import Names, same_site, shown, split

App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST, NAME = 4000, 255  # bytes of a path, and of a name in it
DOORS = ("/login", "/logout")
STARTUP = "/gradio_api/startup-events"  # launch() calls it over loopback and knows no token
READY = "/readyz"  # whoever watches over machines has no token; it tells a word, see health.py


class Gate:
    """`names`: hosts it answers to besides loopback's, `literals`: any address (api/names.py). `token` may be empty.
    `proxies`: networks whose forwarded headers count. `sessions`: the file that keeps who has signed in. `bodies`: what
    of them is taken. `space`: behind Hugging Face's proxy, whose headers the page reads by itself."""

    def __init__(
        self,
        app: App,
        token: str = "",
        names: tuple[str, ...] = (),
        literals: bool = False,
        sessions: Path | None = None,
        proxies: tuple[str, ...] = (),
        bodies: Bodies | None = None,
        space: bool = False,
        css: str = "",
    ):
        self.bodies = bodies or Bodies(2**20)
        self.app, self.space, self.css = app, space, css
        self.proxies = Proxies(INSIDE if space else proxies)
        self.names = Names(names, literals)
        self.keys = Keys(token, sessions) if token else None
        self.tries = Tries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        caller = self.proxies.farthest(scope) if self.space else ""
        scope = scope if self.space else self.proxies.read(scope)
        scope = {**scope, "state": {**scope.get("state", {}), "caller": counted_as(caller or address_of(scope))}}
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        send, body = self._secured(scope, send), self.bodies.of(scope["path"], headers, receive)
        try:
            _check_path(scope["path"])
            self._check_host(headers)
            self._check_origin(scope, headers)
            if scope["path"] == "/healthz":
                return await answer(send, 200, b"ok", "text/plain")
            if self.keys and scope["path"] not in DOORS and not self._open(scope):
                self._check_known(self.keys, scope, headers)
            body.check()
            if self.keys and scope["path"] in DOORS:
                return await self._door(self.keys, scope, headers, body, send)
            await self._pass(scope, body, send)
        except Refused as no:
            await self._refuse(no, scope, headers, send, body)

    async def _pass(self, scope: Scope, body: Body, send: Send) -> None:
        """Let the request in. Raises Refused where its body was cut off before there was an answer."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if started or not body.fault:  # what the room says of half a body is not what is wrong with it
                started = True
                await send(message)

        try:
            await self.app(scope, body.receive, watched)
        except Exception:
            if not body.fault:
                raise
        if body.fault and not started:
            raise body.fault

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
        return scope["path"] == READY or (scope["path"] == STARTUP and (caller == here or is_loopback(caller)))

    def _check_known(self, keys: Keys, scope: Scope, headers: dict[str, str]) -> None:
        """A valid session passes even from a locked address: guessing tokens cannot sign anybody out."""
        session = _cookie(headers, keys)
        if keys.valid(session):
            scope["state"]["caller"] = f"session {hashlib.sha256(session.encode()).hexdigest()[:16]}"
            return
        scheme, _, offered = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(401, "This studio wants its token: send the header Authorization: Bearer <token>.")
        self._try(keys, scope, offered.strip())

    def _try(self, keys: Keys, scope: Scope, offered: str) -> None:
        """Raise Refused unless this is the token."""
        address = counted_as(address_of(scope))
        if self.tries.locked(address):
            raise Refused(429, LATER)
        if not keys.fits(offered):
            self.tries.wrong(address)
            raise Refused(401, "This is not the token of this studio.")

    # -- signing in and out ------------------------------------------------------------------------------------------

    async def _door(self, keys: Keys, scope: Scope, headers: dict[str, str], body: Body, send: Send) -> None:
        if scope.get("method") != "POST":
            return await answer(send, 200, page(self.css), "text/html; charset=utf-8")
        session, age = "", 0
        if scope["path"] == "/login":
            form = await _form(body)
            self._try(keys, scope, form.get("token", [""])[0].strip())
            session, age = keys.session(), SESSION
        else:
            keys.end(_cookie(headers, keys))
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{_cookie_name(keys)}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
        place = "./" if session else "login"
        await answer(send, 303, b"", "text/plain", (b"location", place.encode()), (b"set-cookie", cookie.encode()))

    # -- answers -----------------------------------------------------------------------------------------------------

    async def _refuse(self, no: Refused, scope: Scope, headers: dict[str, str], send: Send, body: Body) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        extra = [(b"retry-after", str(int(WINDOW)).encode())] if no.status == 429 else []
        drain = body.drain if body.unread else None
        browser = "text/html" in headers.get("accept", "")
        if self.keys and browser and no.status in (401, 429):
            asked = scope["path"] == "/login"
            form = page(self.css, str(no) if asked or no.status == 429 else "")
            return await answer(send, no.status, form, "text/html; charset=utf-8", *extra, drain=drain)
        if no.status == 401:
            extra.append((b"www-authenticate", b"Bearer"))
        await answer(send, no.status, json.dumps({"detail": str(no)}).encode(), "application/json", *extra, drain=drain)

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


def _check_path(path: str) -> None:
    """Refuse what no disk has a name for, before somebody asks one."""
    if "\0" in path:
        raise Refused(400, "This address has a NUL in it, which no name here has.")
    if len(path.encode("utf-8", "replace")) > LONGEST or any(
        len(name.encode("utf-8", "replace")) > NAME for name in path.split("/")
    ):
        raise Refused(414, f"This address is too long; it may have {LONGEST} bytes, and {NAME} between two slashes.")


def _cookie_name(keys: Keys) -> str:
    """Browsers share cookies between the ports of a host; two studios must not sign each other out."""
    return f"studio-{keys.studio}"


def _cookie(headers: dict[str, str], keys: Keys) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(keys))
    except CookieError:
        return ""
    return found.value if found else ""


async def _form(body: Body) -> dict[str, list[str]]:
    """The fields of the login form. Raises Refused for what is too long or too slow for one."""
    read, more = b"", True
    try:
        while more:
            message = await body.receive()
            read, more = read + message.get("body", b""), message.get("more_body", False)
    except Unread as error:
        raise body.fault or Refused(400, str(error)) from None
    return parse_qs(read.decode("utf-8", "replace"))
