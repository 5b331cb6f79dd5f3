"""Row 21, reading files: every route of a started studio that takes a name, asked for what lies outside.

Wanted are a file beside the studio's home, its database, and the system's list of users.
"""

import http.client
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.faults import Row, main, running

RIGHT = "0 bytes of a file outside, and of the database, and no answer of 5xx, over every route and every spelling"
CANARY = "canary-5f0e9a"
SECRET = (CANARY.encode(), b"SQLite format 3", b"root:x:0")
FOUND = ("/gradio_api/file={path}", "/gradio_api/file/{path}", "/file={path}")  # besides what the router knows


def measure(home: Path, quick: bool) -> Row:
    (home / "secret.txt").write_text(CANARY)
    wrong: list[str] = []
    asked = leaked = broken = 0
    with running(home / "studio") as studio:
        host = studio.url.removeprefix("http://")
        forms = list(spellings(home, studio.home))
        for route in routes():
            for form in forms[:: 8 if quick else 1]:
                target = "".join(form if part.startswith("{") else part for part in re.split(r"({[^}]+})", route))
                status, body = get(host, target)
                asked += 1
                if any(secret in body for secret in SECRET):
                    leaked += 1
                    wrong.append(f"{target[:100]} gave what it must not.")
                if status >= 500:
                    broken += 1
                    wrong.append(f"{target[:100]} was answered {status}.")
        if studio.tracebacks:
            wrong.append(f"{studio.tracebacks} tracebacks in the log.")
    return Row({"asked": asked, "leaked": leaked, "broken": broken}, tuple(wrong[:20]))


def routes() -> list[str]:
    """Every route that takes a name and answers at once: streams of the page's own calls wait for their events."""
    from gradio.routes import App

    import app

    known = App.create_app(app.demo, app_kwargs={"routes": [*app.files.ROUTES, *app.live.ROUTES]})
    named = {path for path in paths(known) if "{" in path and "startup-events" not in path}
    return sorted({*named, *FOUND} - {path for path in named if "heartbeat" in path})


def paths(router: Any, prefix: str = "") -> Iterator[str]:
    for route in router.routes:
        inner = getattr(route, "original_router", route)
        if hasattr(inner, "routes"):
            yield from paths(inner, prefix + getattr(route, "path", ""))
        else:
            yield prefix + route.path


def spellings(outside: Path, home: Path) -> Iterator[str]:
    """Ways to name what lies outside."""
    for wanted in (str(outside / "secret.txt"), str(home / "studio.db"), "/etc/passwd"):
        up = "../" * 12 + wanted.lstrip("/")
        yield from (wanted, up, "/" + up, "//" + wanted, "file://" + wanted, "~/" + up, "a/" + up, "./" + up)
        yield from (
            quote(wanted, safe=""),
            quote(up, safe=""),
            quote(quote(up, safe=""), safe=""),
            quote(wanted) + "%00.wav",
        )
        yield from (up.replace("../", "..%2f"), up.replace("../", "%2e%2e/"), up.replace("../", "..%5c"))
        yield from (up.replace("../", "....//"), up.replace("../", "..;/"), up.replace("../", "%c0%ae%c0%ae/"))
        yield from (
            up.replace("../", "..%252f"),
            f"%00{wanted}",
            f"{home}/takes/../studio.db",
            f"{home}/page/../studio.db",
        )
    yield from ("%00", "..", ".", "%2e%2e", "%0a", "%ff%fe", "a" * 300, "a%2f" * 1500, "CON", "-1", "%F0%9F%8E%B5", " ")


def get(host: str, target: str) -> tuple[int, bytes]:
    """Status and the first of the body; the target goes out as it is spelt."""
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.putrequest("GET", target.replace(" ", "%20"), skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read(65536)
    except (http.client.HTTPException, OSError):  # no answer, or one that breaks off
        return 599, b""
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
