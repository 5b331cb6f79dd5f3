"""A started studio, called as it is called in the world: through tunnels, mapped ports and proxies, and by strangers.

Every address of 127.0.0.0/8 is this machine, so a connection can come from many: 127.0.0.9 stands for a proxy that the
studio trusts, all others for callers that it does not.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.login import TRIES

TOKEN = "a-long-and-secret-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}
PROXY = "127.0.0.9"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("network") / "home"


@pytest.fixture(scope="module")
def studio(home, serve) -> Iterator[str]:
    with serve(home, host="0.0.0.0", token=TOKEN, trusted_proxy=PROXY) as url:
        yield url


def caller(url: str, address: str = "127.0.0.1", **headers: str) -> httpx.Client:
    """A client whose connections come from `address`."""
    return httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), headers=headers, timeout=20)


def guess(client: httpx.Client, told: dict[str, str] | None = None) -> int:
    return client.get("/config", headers={"authorization": "Bearer a-wrong-one", **(told or {})}).status_code


# -- who calls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])  # uvicorn itself would believe the first
def test_made_up_callers_do_not_open_the_lock(studio, address):
    with caller(studio, address) as client:
        codes = [guess(client, {"x-forwarded-for": f"203.0.113.{n}"}) for n in range(TRIES + 5)]
        assert codes == [401] * TRIES + [429] * 5
        assert client.get("/config", headers=BEARER | {"x-forwarded-for": "198.51.100.1"}).status_code == 429
    with caller(studio, "127.0.0.3") as other:
        assert other.get("/config", headers=BEARER).status_code == 200


def test_callers_behind_a_trusted_proxy_are_locked_one_by_one(studio):
    with caller(studio, PROXY) as proxy:
        wild = [guess(proxy, {"x-forwarded-for": f"6.6.6.{n}, 203.0.113.7"}) for n in range(TRIES + 3)]
        assert wild == [401] * TRIES + [429] * 3
        assert proxy.get("/config", headers=BEARER | {"x-forwarded-for": "203.0.113.7"}).status_code == 429
        assert proxy.get("/config", headers=BEARER | {"x-forwarded-for": "203.0.113.8"}).status_code == 200


def test_ignored_headers_are_said_once(studio, home):
    with caller(studio, "127.0.0.4", **BEARER) as client:
        for _ in range(3):
            assert client.get("/healthz", headers={"x-forwarded-proto": "https"}).is_success
    said = home.with_suffix(".log").read_text()
    sentence = "Forwarded headers from 127.0.0.4 are ignored; if this is your proxy, set STUDIO_TRUSTED_PROXY=127.0.0.4"
    assert said.count(sentence) == 1
    assert f"from {PROXY}" not in said


def test_the_cookie_is_secure_where_the_proxy_speaks_tls(studio):
    for address, secure in ((PROXY, True), ("127.0.0.5", False)):
        with caller(studio, address) as client:
            told = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
            answer = client.post("/login", data={"token": TOKEN}, headers=told)
            assert answer.status_code == 303 and ("; Secure" in answer.headers["set-cookie"]) is secure
