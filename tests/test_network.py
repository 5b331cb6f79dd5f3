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
    hosts = ".tail12.ts.net,studio.example.com"
    with serve(home, host="0.0.0.0", token=TOKEN, trusted_proxy=PROXY, hosts=hosts) as url:
        yield url


def caller(url: str, address: str = "127.0.0.11", **headers: str) -> httpx.Client:
    """A client whose connections come from `address`."""
    return httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), headers=headers, timeout=20)


def guess(client: httpx.Client, told: dict[str, str] | None = None) -> int:
    return client.get("/config", headers={"authorization": "Bearer a-wrong-one", **(told or {})}).status_code


def used(client: httpx.Client, **headers: str) -> list[int]:
    """What a page that was opened so gets: its configuration, and an answer to a call that it sends."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    site = {name: value for name, value in told.items() if name not in ("origin", "sec-fetch-site")}
    opened = client.get("/config", headers=site)
    called = client.post("/gradio_api/call/v2/library", json={}, headers=told)
    return [opened.status_code, called.status_code]


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


# -- by which name -----------------------------------------------------------------------------------------------------

IN, OUT = [200, 200], [421, 421]


def test_ssh_with_another_port(server):
    """ssh -L 9000:localhost:7860 to a studio that listens on loopback and has no token."""
    with caller(server) as client:
        assert used(client, host="localhost:9000", origin="http://localhost:9000") == IN
        assert used(client, host="127.0.0.1:9000", origin="http://127.0.0.1:9000") == IN
        assert used(client, host="127.0.0.1:9000", origin="http://localhost:9000") == [200, 403]
        assert used(client, host="localhost:9000", origin="http://localhost:9001") == [200, 403]


def test_a_container_asked_by_the_hosts_address_and_mapped_port(studio):
    """docker -p 8080:7860: neither name nor port is what the studio listens on."""
    with caller(studio, **BEARER) as client:
        for host in ("192.168.7.7:8080", "localhost:8080", "[fd00::7]:8080"):
            assert used(client, host=host, origin=f"http://{host}") == IN, host


def test_a_tailnet_name(studio, server):
    """tailscale serve speaks TLS outside, and comes from this machine with the tailnet's name."""
    with caller(studio, **BEARER) as client:
        assert used(client, host="box.tail12.ts.net", origin="https://box.tail12.ts.net") == IN
        assert used(client, host="box.tail99.ts.net", origin="https://box.tail99.ts.net") == OUT
    with caller(server) as client:
        said = client.get("/", headers={"host": "box.tail12.ts.net"})
        assert said.status_code == 421 and said.json()["detail"].endswith("STUDIO_HOSTS=box.tail12.ts.net")


def test_nginx_that_passes_on_the_name(studio):
    with caller(studio, **BEARER) as client:
        for host in ("studio.example.com", "studio.example.com:8443"):  # $http_host
            assert used(client, host=host, origin=f"http://{host}") == IN
            assert used(client, host=host, origin=f"https://{host}") == IN  # TLS ends at nginx
        assert used(client, host="studio.example.com", origin="http://studio.example.com") == IN  # $host
        assert used(client, host="studio.example.com", origin="http://studio.example.com:8080") == [200, 403]


def test_nginx_as_it_comes(studio):
    """Without proxy_set_header, the Host is where nginx passes to. Over TLS the browser itself says that the page is
    the studio's; over plain http it does not, and the refusal says what to set."""
    with caller(studio, **BEARER) as client:
        inner = {"host": studio.removeprefix("http://"), "connection": "close"}
        outer = "https://studio.example.com"
        assert used(client, **inner) == IN
        assert used(client, **inner, origin=outer, sec_fetch_site="same-origin") == IN
        said = client.post("/gradio_api/call/v2/library", json={}, headers=inner | {"origin": "http://studio.lan"})
        assert said.status_code == 403 and "proxy_set_header Host $http_host" in said.json()["detail"]


def test_a_trusted_proxy_that_passes_on_the_name_beside(studio):
    told = {"host": studio.removeprefix("http://"), "x_forwarded_host": "studio.example.com"}
    outer = {"x_forwarded_proto": "https", "x_forwarded_for": "203.0.113.9"}
    with caller(studio, PROXY, **BEARER) as client:
        assert used(client, **told, **outer, origin="https://studio.example.com") == IN
        assert used(client, **told, **outer, origin="http://studio.example.com") == [200, 403]
        assert used(client, **told | {"x_forwarded_host": "evil.example"}, origin="https://evil.example") == OUT
        page = client.get("/config", headers={name.replace("_", "-"): value for name, value in (told | outer).items()})
        assert page.json()["root"] == "https://studio.example.com"
    with caller(studio, "127.0.0.6", **BEARER) as client:
        assert used(client, **told, **outer, origin="https://studio.example.com") == [200, 403]


def test_rebinding_and_null_and_foreign_origins(studio, server):
    for url, headers in ((server, {}), (studio, BEARER)):
        with caller(url, **headers) as client:
            assert used(client, host="evil.example", origin="http://evil.example") == OUT
            assert used(client, host="evil.example", origin="http://evil.example", sec_fetch_site="same-origin") == OUT
            for origin in ("null", "http://evil.example", "http://127.0.0.1:1", "http://127.0.0.1"):
                assert used(client, origin=origin) == [200, 403], origin


def test_a_preflight_opens_nothing(studio):
    """The page's server answers preflights before the gate: whatever it says, the request itself is refused."""
    asks = {"host": "192.168.7.7:7860", "origin": "http://evil.example", "access-control-request-method": "POST"}
    with caller(studio, **BEARER) as client:
        client.options("/gradio_api/call/v2/library", headers=asks)
        assert used(client, host="192.168.7.7:7860", origin="http://evil.example") == [200, 403]
        refused = client.options("/gradio_api/call/v2/library", headers={"origin": "http://evil.example"})
        assert refused.status_code == 403


def test_no_header_makes_up_the_page_address(server):
    with caller(server) as client:
        for name in ("x-gradio-server", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip"):
            told = client.get("/config", headers={name: "https://evil.example"})
            assert told.json()["root"] == server and "evil" not in told.text
