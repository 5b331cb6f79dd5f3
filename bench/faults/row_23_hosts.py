"""Row 23, hosts, origins and proxies: who calls a started studio by which name, and whether that one is let in.

Each case is a set of headers as a tunnel, a proxy, a browser or a stranger sends them, and what a page that was opened
so must get: its configuration (GET /config) and an answer to a call that it sends (POST).
"""

import sys
from pathlib import Path

import httpx

from bench.faults import Row, main, running

RIGHT = (
    "ssh -L, docker -p, tailnet names and proxies come in as the README says; foreign, null and rebound ones are "
    "refused with a sentence; no made-up header becomes the page's address"
)
TOKEN, PROXY, STRANGER = "a-long-and-secret-token", "127.0.0.9", "127.0.0.2"
HERE, NAME, TAIL, LAN = "127.0.0.1:{port}", "studio.example.com", "box.tail12.ts.net", "192.168.7.7"
TLS = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
OUTER = TLS | {"x-forwarded-host": NAME}
IN, READ, OUT = (200, 200), (200, 403), (421, 421)

# name: where from, Host, Origin, more headers, what it must get
CASES: dict[str, tuple[str, str, str, dict[str, str], tuple[int, int]]] = {
    "own": (STRANGER, HERE, f"http://{HERE}", {}, IN),
    "ssh -L": (STRANGER, "localhost:9000", "http://localhost:9000", {}, IN),
    "docker -p": (STRANGER, f"{LAN}:8080", f"http://{LAN}:8080", {}, IN),
    "docker -p, IPv6": (STRANGER, "[fd00::7]:8080", "http://[fd00::7]:8080", {}, IN),
    "tailscale serve": (STRANGER, TAIL, f"https://{TAIL}", {}, IN),
    "tailscale serve, headers": (STRANGER, TAIL, f"https://{TAIL}", TLS, IN),
    "nginx, $http_host": (STRANGER, f"{NAME}:8443", f"https://{NAME}:8443", {}, IN),
    "nginx, $host": (STRANGER, NAME, f"http://{NAME}", {}, IN),
    "nginx as it comes, TLS": (STRANGER, HERE, f"https://{NAME}", {"sec-fetch-site": "same-origin"}, IN),
    "nginx as it comes, script": (STRANGER, HERE, "", {}, IN),
    "nginx as it comes, http": (STRANGER, HERE, f"http://{NAME}", {}, READ),
    "trusted proxy": (PROXY, HERE, f"https://{NAME}", OUTER, IN),
    "trusted proxy, other scheme": (PROXY, HERE, f"http://{NAME}", OUTER, READ),
    "trusted proxy, foreign name": (
        PROXY,
        HERE,
        "https://evil.example",
        OUTER | {"x-forwarded-host": "evil.example"},
        OUT,
    ),
    "untrusted proxy": (STRANGER, HERE, f"https://{NAME}", OUTER, READ),
    "rebinding": (STRANGER, "evil.example", "http://evil.example", {}, OUT),
    "rebinding, Fetch": (STRANGER, "evil.example", "http://evil.example", {"sec-fetch-site": "same-origin"}, OUT),
    "rebinding, own port": (STRANGER, "evil.example:{port}", "http://evil.example:{port}", {}, OUT),
    "name with ours in front": (STRANGER, f"{NAME}.evil.example", f"http://{NAME}.evil.example", {}, OUT),
    "null": (STRANGER, HERE, "null", {}, READ),
    "null, Fetch": (STRANGER, HERE, "null", {"sec-fetch-site": "same-origin"}, READ),
    "foreign": (STRANGER, HERE, "https://evil.example", {}, READ),
    "foreign, LAN": (STRANGER, LAN, "https://evil.example", {}, READ),
    "another port": (STRANGER, HERE, "http://127.0.0.1:1", {}, READ),
    "embedded": (STRANGER, HERE, "", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, (403, 403)),
}
MADE_UP = ("x-gradio-server", "x-forwarded-host", "x-forwarded-server", "x-real-ip", "forwarded", "x-original-host")


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    hosts = f"{NAME},.tail12.ts.net"
    with running(home / "studio", host="0.0.0.0", token=TOKEN, trusted_proxy=PROXY, hosts=hosts) as studio:
        port = studio.url.rpartition(":")[2]
        right = sum(as_expected(studio.url, port, name, wrong) for name in CASES)
        with client(studio.url, STRANGER) as stranger:
            reflected = 0
            for header in MADE_UP:
                told = stranger.get("/config", headers={header: "https://evil.example"}).text
                reflected += "evil.example" in told
        if reflected:
            wrong.append(f"{reflected} made-up headers came back in the page's configuration.")
        if studio.tracebacks:
            wrong.append(f"{studio.tracebacks} tracebacks in the log.")
    return Row({"cases_right": right, "cases": len(CASES), "reflected": reflected}, tuple(wrong))


def client(url: str, address: str) -> httpx.Client:
    transport, bearer = httpx.HTTPTransport(local_address=address), {"authorization": f"Bearer {TOKEN}"}
    return httpx.Client(base_url=url, transport=transport, headers=bearer, timeout=30)


def as_expected(url: str, port: str, name: str, wrong: list[str]) -> bool:
    address, host, origin, more, expected = CASES[name]
    headers = {"host": host.format(port=port)} | more
    with client(url, address) as caller:
        read = {key: value for key, value in headers.items() if key != "sec-fetch-site" or "sec-fetch-mode" in headers}
        opened = caller.get("/config", headers=read)
        sent = headers | ({"origin": origin.format(port=port)} if origin else {})
        called = caller.post("/gradio_api/call/v2/library", json={}, headers=sent)
    got = opened.status_code, called.status_code
    mute = [answer for answer in (opened, called) if answer.status_code >= 400 and len(answer.json()["detail"]) < 30]
    if got != expected or mute:
        wrong.append(f"{name}: got {got}, must be {expected}." + " A refusal says nothing." * bool(mute))
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
