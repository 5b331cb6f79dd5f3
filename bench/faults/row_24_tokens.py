"""Row 24, guessing the token: at the scripts' door, at the page's form, with made-up callers, and through a proxy.

A started studio that other machines can reach trusts one proxy, 127.0.0.9; all of 127.0.0.0/8 is this machine.
"""

import sys
from pathlib import Path

import httpx

from bench.faults import Row, main, running

RIGHT = (
    "of 1,000 guesses from one address at most 10 are looked at in five minutes, made-up X-Forwarded-For or not; a "
    "session stays signed in, other addresses and others behind the trusted proxy come in, the page still answers"
)
TOKEN, PROXY, MOST = "a-long-and-secret-token", "127.0.0.9", 10
RIGHT_ONE = {"authorization": f"Bearer {TOKEN}"}

WAYS: dict[str, tuple[str, dict[str, str]]] = {  # from where, and with which headers; {n} is the number of the try
    "bearer": ("127.0.0.2", {}),
    "made_up": ("127.0.0.1", {"x-forwarded-for": "203.0.113.{n}", "forwarded": "for=203.0.113.{n}"}),
    "form": ("127.0.0.3", {}),
    "proxied": (PROXY, {"x-forwarded-for": "6.6.6.{n}, 198.51.100.7"}),
}
HONEST: dict[str, tuple[str, dict[str, str]]] = {
    "another": ("127.0.0.4", {}),
    "beside": (PROXY, {"x-forwarded-for": "198.51.100.8"}),
}


def measure(home: Path, quick: bool) -> Row:
    tries = 100 if quick else 1000
    figures: dict[str, float] = {}
    wrong: list[str] = []
    with running(home / "studio", host="0.0.0.0", token=TOKEN, trusted_proxy=PROXY) as studio:
        for name, (address, told) in WAYS.items():
            with client(studio.url, address) as guesser:
                session = signed_in(guesser) if name == "bearer" else {}
                looked = sum(guess(guesser, name, filled(told, number)) == 401 for number in range(tries))
                figures[f"{name}_evaluated"] = looked
                if not 0 < looked <= MOST:
                    wrong.append(f"{looked} of {tries} guesses were looked at ({name}).")
                if guesser.get("/config", headers=RIGHT_ONE | filled(told, 0)).status_code != 429:
                    wrong.append(f"The right token came in from a locked address ({name}): guessing would go on.")
                if session and guesser.get("/config", headers=session).status_code != 200:
                    wrong.append("A signed-in session was locked out by guesses from its address.")
        for name, (address, told) in HONEST.items():
            with client(studio.url, address) as honest:
                if honest.get("/config", headers=RIGHT_ONE | told).status_code != 200:
                    wrong.append(f"The right token was refused ({name}).")
        if studio.tracebacks:
            wrong.append(f"{studio.tracebacks} tracebacks in the log.")
    return Row(figures, tuple(wrong))


def client(url: str, address: str) -> httpx.Client:
    return httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), timeout=30)


def filled(told: dict[str, str], number: int) -> dict[str, str]:
    return {name: value.format(n=number % 250) for name, value in told.items()}


def signed_in(one: httpx.Client) -> dict[str, str]:
    """The cookie header of a session from this address."""
    cookie = one.post("/login", data={"token": TOKEN}).headers["set-cookie"].partition(";")[0]
    one.cookies.clear()
    return {"cookie": cookie}


def guess(one: httpx.Client, way: str, told: dict[str, str]) -> int:
    if way == "form":
        return one.post("/login", data={"token": "a-wrong-one"}, headers=told).status_code
    return one.get("/config", headers={"authorization": "Bearer a-wrong-one"} | told).status_code


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
