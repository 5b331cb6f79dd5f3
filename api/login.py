"""Who may come in when a token is set: sessions for browsers, counted tries, and the page that asks for the token."""

import contextlib
import hashlib
import hmac
import html
import json
import logging
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path

import durable
from song.errors import StudioError

SESSION = 30 * 24 * 3600  # seconds a browser stays signed in
SESSIONS = 1000  # browsers that are signed in at once; then the one that signed in first is out
TRIES, WINDOW = 10, 300.0  # wrong tokens per address, and the seconds over which they are counted
MANY = 10_000  # addresses remembered at once
log = logging.getLogger("studio.gate")
LATER = "Too many wrong tokens from this address. Wait five minutes, then try again."


class Keys:
    """Checks the token, and the sessions that were opened with it.

    A session is a random word; what is kept of it, in memory and in the file at `path`, is its digest under the token
    and when it ends. So one that ended stays ended over a restart, whoever reads the file cannot sign in, and another
    token ends them all. `studio` tells this studio's cookie from that of another one under the same name.
    """

    def __init__(self, token: str, path: Path | None = None):
        self._token, self._path = token.encode(), path
        self.studio, self._open = _read(path)

    def fits(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), self._token)

    def session(self, now: float | None = None) -> str:
        """A new session."""
        session, now = secrets.token_urlsafe(32), _or(now, time.time)
        alive = {digest: end for digest, end in self._open.items() if end > now}
        newest = sorted(alive, key=alive.__getitem__)[-(SESSIONS - 1) :]
        self._open = {digest: alive[digest] for digest in newest} | {self._digest(session): int(now) + SESSION}
        self._keep()
        return session

    def valid(self, session: str, now: float | None = None) -> bool:
        return self._open.get(self._digest(session), 0) > _or(now, time.time)

    def end(self, session: str) -> None:
        """Sign out. Other sessions live on."""
        if self._open.pop(self._digest(session), None) is not None:
            self._keep()

    def _digest(self, session: str) -> str:
        return hmac.new(self._token, session.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            with durable.atomic(self._path) as beside:
                beside.touch(mode=0o600)
                beside.write_text(json.dumps({"studio": self.studio, "sessions": self._open}), encoding="ascii")
        except (OSError, StudioError) as error:  # rather all sign in again than one stays in who signed out
            log.warning("Sessions cannot be kept (%s); after a restart everybody signs in again.", error)
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _read(path: Path | None) -> tuple[str, dict[str, int]]:
    """The studio's mark and its sessions; a new mark and none where there is no file, or none that can be read."""
    try:
        kept = json.loads(path.read_text(encoding="ascii")) if path else {}
        return str(kept["studio"]), {str(digest): int(end) for digest, end in kept["sessions"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return secrets.token_hex(4), {}


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
