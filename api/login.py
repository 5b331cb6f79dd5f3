"""Who may come in when a token is set: sessions for browsers, counted tries, and the page that asks for the token."""

import hashlib
import hmac
import html
import time
from collections import defaultdict, deque
from collections.abc import Callable

SESSION = 30 * 24 * 3600  # seconds a browser stays signed in
TRIES, WINDOW = 10, 300.0  # wrong tokens per address, and the seconds over which they are counted
MANY = 10_000  # addresses remembered at once
LATER = "Too many wrong tokens from this address. Wait five minutes, then try again."


class Keys:
    """Checks tokens and sessions. A session is `<expiry>.<signature>`, signed with the token, which it never holds."""

    def __init__(self, token: str):
        self._token = token.encode()

    def fits(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), self._token)

    def session(self, now: float | None = None) -> str:
        return self._signed(str(int(_or(now, time.time)) + SESSION))

    def valid(self, session: str, now: float | None = None) -> bool:
        expiry = session.partition(".")[0]
        if not (session.isascii() and expiry.isdigit()):
            return False
        return hmac.compare_digest(session, self._signed(expiry)) and int(expiry) > _or(now, time.time)

    def _signed(self, expiry: str) -> str:
        signature = hmac.new(self._token, f"studio session {expiry}".encode(), hashlib.sha256)
        return f"{expiry}.{signature.hexdigest()}"


class Tries:
    """Wrong tokens by address. While an address is locked even the right token is refused, or guessing would go on."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = defaultdict(deque)

    def locked(self, address: str, now: float | None = None) -> bool:
        wrong = self._wrong.get(address)
        if not wrong:
            return False
        while wrong and wrong[0] < _or(now, time.monotonic) - WINDOW:
            wrong.popleft()
        if not wrong:
            del self._wrong[address]
        return len(wrong) >= TRIES

    def wrong(self, address: str, now: float | None = None) -> None:
        if len(self._wrong) >= MANY and address not in self._wrong:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong[address].append(_or(now, time.monotonic))


def _or(now: float | None, clock: Callable[[], float]) -> float:
    return clock() if now is None else now


def page(css: str, complaint: str = "") -> bytes:
    """The form that asks for the token; works without scripts."""
    said = f'<p class="complaint" role="alert">{html.escape(complaint)}</p>' if complaint else ""
    return f"""<!doctype html>
<html lang="en" class="plain">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>STUDIO: sign in</title><style>{css}</style></head>
<body><main class="login"><h1>STUDIO</h1>
<form method="post" action="login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
{said}<button type="submit">Sign in</button>
</form></main></body></html>""".encode()
