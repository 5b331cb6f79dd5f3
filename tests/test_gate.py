"""Who may come in: by name, by origin, by token. The middleware alone first, then the whole studio behind it."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import app
from api import login
from api.caller import Proxies, counted_as
from api.gate import Gate
from api.login import SESSION, TRIES, WINDOW, Keys, Tries
from api.names import own_names, same_site
from conftest import ROOT, free_port, surroundings
from settings import Settings
from song.errors import CannotOpen

TOKEN = "a-long-and-secret-token"
HTML = {"accept": "text/html"}


def echo(request):
    return JSONResponse({"headers": dict(request.headers)}, headers={"x-frame-options": "DENY"})


def behind(base="http://127.0.0.1:7860", **said):
    """A client of an open application behind a gate, on the address that the client names."""
    inner = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"])])
    return TestClient(Gate(inner, **said), base_url=base)


# -- name and origin ---------------------------------------------------------------------------------------------------


def answers(client, host):
    """The status for a Host; a refusal names it and the setting that lets it in."""
    answer = client.get("/", headers={"host": host})
    if answer.status_code == 421:
        assert "STUDIO_HOSTS=" in answer.json()["detail"], host
    return answer.status_code


LOOPBACK = ("127.0.0.1:7860", "localhost:7860", "LOCALHOST:9000", "localhost", "localhost.", "[::1]:80", "127.3.2.1")
NO_NAMES = ("", ":7860", "a:b:7860", "localhost:x", "localhost@evil.example", "evil.example/localhost", "[::1", "*")


def test_answers_to_its_own_names_on_any_port():
    client = behind(names=("studio.lan", ".tail12.ts.net", "10.0.0.9"))
    for host in (*LOOPBACK, "studio.lan:7860", "Studio.LAN:9000", "box.tail12.ts.net", "tail12.ts.net", "10.0.0.9:80"):
        assert answers(client, host) == 200, host
    for host in (
        *NO_NAMES,
        "evil.example:7860",
        "studio.lan.evil.example",
        "eviltail12.ts.net",
        "10.0.0.5",
        "[fd00::1]",
    ):
        assert answers(client, host) == 421, host
    detail = client.get("/", headers={"host": "new.lan:80"}).json()["detail"]
    assert "'new.lan'" in detail and detail.endswith("STUDIO_HOSTS=new.lan")


def test_on_a_network_it_answers_to_every_address():
    client = behind(literals=True)
    for host in (*LOOPBACK, "10.0.0.5:8080", "192.168.1.5", "[fd00::1]:7860"):
        assert answers(client, host) == 200, host
    for host in (*NO_NAMES, "evil.example", "10.0.0.5.evil.example"):
        assert answers(client, host) == 421, host


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_refuses_every_foreign_origin(method):
    client = behind()
    for origin in (
        "https://evil.example",
        "null",
        "http://127.0.0.1:7861",
        "http://localhost:7860",
        "http://127.0.0.1",
        "http://[",
        "file://",
        "http://127.0.0.1:7860.evil.example",
    ):
        answer = client.request(method, "/", headers={"origin": origin})
        assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers, origin
    assert client.request(method, "/", headers={"origin": "http://127.0.0.1:7860"}).status_code == 200


def test_other_sites_may_link_but_not_embed():
    client = behind()
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/files/x/wav", headers=foreign).status_code == 403
    assert client.get("/files/x/wav", headers=foreign | {"sec-fetch-site": "same-site"}).status_code == 403
    assert client.get("/", headers=foreign | {"sec-fetch-mode": "navigate"}).status_code == 200
    assert client.post("/", headers=foreign | {"sec-fetch-mode": "navigate"}).status_code == 403
    assert client.get("/", headers=foreign | {"sec-fetch-site": "same-origin"}).status_code == 200


def test_nobody_tells_us_who_the_caller_is():
    told = {
        "x-forwarded-for": "1.2.3.4",
        "X-Forwarded-Host": "evil.example",
        "forwarded": "for=1.2.3.4",
        "x-real-ip": "1.1.1.1",
    }
    seen = behind().get("/", headers=told).json()["headers"]
    assert not [name for name in seen if "forwarded" in name or name == "x-real-ip"]
    assert "x-forwarded-for" in behind(space=True).get("/", headers=told).json()["headers"]


def test_a_trusted_proxy_says_who_how_and_by_which_name():
    def seen(*told, client="10.0.0.2"):
        scope = {"type": "http", "client": (client, 1), "scheme": "http", "headers": [(b"host", b"inner"), *told]}
        read = Proxies(("10.0.0.0/8", "::1")).read(scope)
        assert [name for name, _ in read["headers"]] == [b"host"]
        return read["client"][0], read["scheme"], read["headers"][0][1].decode()

    hops = (b"x-forwarded-for", b"6.6.6.6, 203.0.113.5, 10.0.0.9")
    assert seen(hops) == ("203.0.113.5", "http", "inner")
    assert seen(hops, client="203.0.113.1") == ("203.0.113.1", "http", "inner")
    assert seen((b"x-forwarded-for", b"203.0.113.5"), (b"X-Forwarded-For", b"10.0.0.9:4242"))[0] == "203.0.113.5"
    assert seen((b"x-forwarded-for", b"6.6.6.6, unknown, 10.0.0.9"))[0] == "10.0.0.9"
    assert seen((b"x-forwarded-for", b"made up"))[0] == "10.0.0.2"
    assert seen((b"x-forwarded-for", b"[2001:db8::5]:99"), client="::1")[0] == "2001:db8::5"
    told = (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"studio.example.com")
    assert seen(hops, *told) == ("203.0.113.5", "https", "studio.example.com")
    assert seen(hops, (b"x-forwarded-proto", b"http, https, http"))[1] == "https"
    assert seen(hops, (b"x-forwarded-proto", b"javascript"))[1] == "http"


def test_one_caller_is_one_address_or_one_network_of_ipv6():
    assert counted_as("203.0.113.5") == "203.0.113.5"
    assert counted_as("2001:db8::1") == counted_as("2001:db8::ffff:2") != counted_as("2001:db8:0:1::1")


def test_rooms_behind_it_are_told_whom_to_count():
    inner = Starlette(routes=[Route("/", lambda request: JSONResponse(request.state.caller))])
    client = TestClient(Gate(inner, token=TOKEN), base_url="http://127.0.0.1:7860", client=("10.1.1.1", 5))
    assert client.get("/", headers={"authorization": f"Bearer {TOKEN}"}).json() == "10.1.1.1"
    callers = set()
    for _ in range(2):
        client.cookies.clear()
        client.post("/login", data={"token": TOKEN}, follow_redirects=False)
        callers |= {client.get("/").json(), client.get("/").json()}
    assert all(caller.startswith("session ") for caller in callers)
    space = TestClient(Gate(inner, space=True), client=("10.16.0.1", 5))
    told = {"x-forwarded-for": "6.6.6.6, 203.0.113.5, 10.0.0.9"}
    assert space.get("/", headers=told).json() == "203.0.113.5"


def test_every_answer_carries_the_security_headers():
    for client, path in (
        (behind(), "/"),
        (behind(token=TOKEN), "/"),
        (behind(token=TOKEN), "/login"),
        (behind(), "/healthz"),
    ):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_a_space_is_framed_by_hugging_face_and_has_any_name():
    client = behind("http://someone-studio.hf.space", space=True)
    answer = client.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert answer.status_code == 200
    assert "https://huggingface.co" in answer.headers["content-security-policy"]
    assert client.post("/", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_browser_that_compared_the_origin_is_believed_and_null_is_not():
    client = behind()
    vouched = {"sec-fetch-site": "same-origin"}
    assert client.post("/", headers=vouched | {"origin": "https://studio.lan"}).status_code == 200
    assert client.post("/", headers=vouched | {"origin": "null"}).status_code == 403
    own = {"origin": "http://127.0.0.1:7860"}
    assert client.post("/", headers=own | {"sec-fetch-site": "cross-site"}).status_code == 403
    said = client.post("/", headers={"origin": "https://studio.lan"}).json()["detail"]
    assert "https://studio.lan" in said and "$http_host" in said


def test_an_origin_is_scheme_name_and_port():
    assert same_site("http://a.b", "a.b", "http") and same_site("https://a.b", "A.B:443", "https")
    assert same_site("https://a.b", "a.b", "http")  # TLS ended at a proxy that said nothing
    assert same_site("http://[::1]:7860", "[::1]:7860", "http")
    assert not same_site("http://a.b", "a.b", "https")
    assert not same_site("http://a.b:8080", "a.b", "http") and not same_site("http://a.b", "a.b:8080", "http")


def test_names_of_this_machine():
    assert "192.168.1.5" in own_names("192.168.1.5")
    assert all(own_names("0.0.0.0")) and "0.0.0.0" not in own_names("0.0.0.0")
    assert not own_names("127.0.0.1") and not own_names("localhost") and not own_names("::1")


# -- token and session -------------------------------------------------------------------------------------------------


def test_bearer_opens_and_nothing_else_does():
    client = behind(token=TOKEN)
    assert client.get("/").status_code == 401
    assert client.get("/").headers["www-authenticate"] == "Bearer"
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer tok\u00e9n".encode("latin-1")):
        assert client.get("/", headers={"authorization": wrong}).status_code == 401
    assert client.get(f"/?token={TOKEN}").status_code == 401
    assert client.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/healthz").text == "ok"


def test_the_cookie_is_a_session_and_not_the_token():
    client = behind(token=TOKEN)
    answer = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303 and TOKEN not in cookie
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and cookie.startswith("studio-")
    assert client.get("/").status_code == 200
    client.post("/logout", follow_redirects=False)
    assert client.get("/").status_code == 401


def test_sessions_end_and_cannot_be_forged():
    keys = Keys(TOKEN)
    session = keys.session(now=1000)
    assert keys.valid(session, now=1001)
    assert not keys.valid(session, now=1001 + SESSION)
    assert not Keys("another").valid(session, now=1001)
    for forged in ("", ".", "9999999999", session[:-1], session + "0", "\udcff.\udcff", *keys._open):
        assert not keys.valid(forged, now=1001)


def test_signing_out_ends_one_session_for_good(tmp_path):
    path = tmp_path / "sessions.json"
    keys = Keys(TOKEN, path)
    phone, desk = keys.session(), keys.session()
    keys.end(phone)
    assert not keys.valid(phone) and keys.valid(desk)
    again = Keys(TOKEN, path)
    assert again.studio == keys.studio and again.valid(desk) and not again.valid(phone)
    assert not Keys("another-token", path).valid(desk)
    assert path.stat().st_mode & 0o777 == 0o600
    assert desk not in path.read_text() and TOKEN not in path.read_text()


def test_sessions_are_bounded_and_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(login, "SESSIONS", 3)
    keys = Keys(TOKEN)
    first, *others = (keys.session(now=1000 + number) for number in range(4))
    assert not keys.valid(first, now=1010) and all(keys.valid(one, now=1010) for one in others)


def test_sessions_that_cannot_be_kept_or_read_are_none_after_a_restart(tmp_path, caplog, monkeypatch):
    path = tmp_path / "sessions.json"
    keys = Keys(TOKEN, path)
    session = keys.session()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        keys.end(session)
    assert "everybody signs in again" in caplog.text
    assert not keys.valid(session) and not Keys(TOKEN, path).valid(session)
    for damaged in ("", "[]", '{"studio": 1}', '{"studio": "a", "sessions": {"x": "y"}}'):
        path.write_text(damaged)
        assert not Keys(TOKEN, path).valid(session)


def test_a_copied_cookie_does_not_answer_after_signing_out():
    client = behind(token=TOKEN)
    cookies = []
    for _ in range(2):
        client.cookies.clear()
        client.post("/login", data={"token": TOKEN}, follow_redirects=False)
        cookies.append(dict(client.cookies))
    client.cookies.clear()
    assert client.post("/logout", cookies=cookies[0], follow_redirects=False).status_code == 303
    client.cookies.clear()
    assert client.get("/", cookies=cookies[0]).status_code == 401
    client.cookies.clear()
    assert client.get("/", cookies=cookies[1]).status_code == 200


def test_ten_wrong_tokens_lock_an_address_for_a_while():
    client = behind(token=TOKEN)
    client.post("/login", data={"token": TOKEN})
    cookie = dict(client.cookies)
    client.cookies.clear()
    for _ in range(TRIES):
        assert client.post("/login", data={"token": "guess"}, headers=HTML).status_code == 401
    locked = client.post("/login", data={"token": TOKEN}, headers=HTML)
    assert locked.status_code == 429 and "Too many" in locked.text and locked.headers["retry-after"] == str(int(WINDOW))
    assert client.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 429
    assert client.get("/", cookies=cookie).status_code == 200


def test_tries_are_forgotten_in_time_and_per_address():
    tries = Tries()
    for second in range(TRIES):
        tries.wrong("a", now=second / 2)
    assert tries.locked("a", now=10.0) and not tries.locked("b", now=10.0)
    assert tries.locked("a", now=WINDOW - 1)
    assert not tries.locked("a", now=WINDOW + 1)


def test_a_long_login_body_is_refused():
    assert behind(token=TOKEN).post("/login", content=b"token=" + b"x" * 1_000_000).status_code == 413


def test_launching_reaches_its_own_start_from_this_machine_only():
    inner = Starlette(routes=[Route("/gradio_api/startup-events", echo)])
    gate = Gate(inner, token=TOKEN, names=("10.0.0.5",))
    for caller, status in (("127.0.0.1", 200), ("10.0.0.5", 200), ("10.0.0.77", 401)):
        client = TestClient(gate, base_url="http://10.0.0.5:7860", client=(caller, 5555))
        assert client.get("/gradio_api/startup-events").status_code == status


# -- the studio behind it ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("locked") / "home"


@pytest.fixture(scope="module")
def locked(home, serve):
    with serve(home, token=TOKEN) as url:
        yield url


def paths(router, prefix=""):
    """Every path that the page's server knows, with something in place of the parameters."""
    for route in router.routes:
        inner = getattr(route, "original_router", route)
        if hasattr(inner, "routes"):
            yield from paths(inner, prefix + getattr(route, "path", ""))
        else:
            yield prefix + re.sub(r"{[^}]+}", "x", route.path)


def test_no_route_is_open_without_the_token(locked, home):
    from gradio.routes import App

    known = set(paths(App.create_app(app.demo, app_kwargs={"routes": [*app.files.ROUTES, *app.live.ROUTES]})))
    assert {
        "/files/x/x",
        "/jobs/x/audio",
        "/gradio_api/upload",
        "/gradio_api/queue/join",
        "/gradio_api/file=x",
        "/config",
    } <= known
    with httpx.Client(base_url=locked, timeout=10) as client:
        for path in sorted(known):
            if path in ("/login", "/logout", "/gradio_api/startup-events"):
                continue
            for method in ("GET", "POST"):
                assert client.request(method, path).status_code == 401, path
        assert client.get("/config", headers={"authorization": "Bearer wrong"}).status_code == 401
        name = f"studio-{Keys(TOKEN, Settings(home=home).sessions).studio}"
        assert client.get("/config", headers={"cookie": f"{name}={TOKEN}"}).status_code == 401
        assert client.get("/config", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.post("/login", data={"token": TOKEN}).status_code == 303
        (signed,) = client.cookies.items()
        assert client.get("/config").status_code == 200
        assert client.post("/logout").status_code == 303
        client.cookies.clear()
        assert client.get("/config", headers={"cookie": "=".join(signed)}).status_code == 401


def test_the_client_comes_in_with_a_bearer(locked):
    from gradio_client import Client

    client = Client(locked, headers={"Authorization": f"Bearer {TOKEN}"}, verbose=False, analytics_enabled=False)
    assert client.predict(api_name="/library") == []


def test_signing_in_and_out_in_a_browser(locked, chromium):
    with chromium.new_context(java_script_enabled=False) as plain:
        page = plain.new_page()
        page.goto(locked)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        assert "not the token" in page.get_by_role("alert").inner_text()
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(locked)
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.locator("#go").wait_for()
        (cookie,) = context.cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and TOKEN not in cookie["value"]
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()
        page.goto(locked)
        page.get_by_label("Token").wait_for()


# -- refusing to start -------------------------------------------------------------------------------------------------


def test_refuses_the_network_without_a_token(tmp_path, monkeypatch):
    with pytest.raises(CannotOpen, match=r"token_urlsafe.*STUDIO_TOKEN"):
        app.check_reachable(Settings(home=tmp_path, host="0.0.0.0"))
    for more in ({"trusted_proxy": "127.0.0.1"}, {"hosts": "studio.lan"}):
        with pytest.raises(CannotOpen, match=r"other names or by a proxy.*STUDIO_TOKEN"):
            app.check_reachable(Settings(home=tmp_path, **more))
    with pytest.raises(CannotOpen, match="15 characters can be guessed; 16"):
        app.check_reachable(Settings(home=tmp_path, host="0.0.0.0", token="x" * 15))
    app.check_reachable(Settings(home=tmp_path, host="0.0.0.0", token="x" * 16))
    app.check_reachable(Settings(home=tmp_path, token="x"))
    app.check_reachable(Settings(home=tmp_path))
    monkeypatch.setattr(app, "ON_SPACE", True)
    app.check_reachable(Settings(home=tmp_path, host="0.0.0.0"))


def test_a_taken_port_is_said_plainly(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotOpen, match=f"127.0.0.1:{port}.*STUDIO_PORT"):
            app.free_port(Settings(home=tmp_path, port=port))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HOST", "0.0.0.0", "STUDIO_TOKEN="),
        ("PORT", "many", "STUDIO_PORT cannot be used"),
        ("LANE", "x", "STUDIO_LANE"),
        ("HOSTS", "studio.lan,*.example.com", "STUDIO_HOSTS cannot be used: *.example.com is no name"),
        ("HOSTS", "https://studio.lan", "is no name"),
        ("TRUSTED_PROXY", "nginx", "nginx is no address"),
    ],
)
def test_what_stops_it_is_one_sentence_and_exit_code_3(tmp_path, monkeypatch, capsys, name, value, sentence):
    monkeypatch.setenv(f"STUDIO_{name}", value)
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(app, "settings", Settings)
    assert app.main() == 3
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "home").exists()


def test_a_library_from_the_future_stops_it(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "studio.db")) as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('9999_from_the_future')")
        database.commit()
    environment = surroundings(home, port=free_port())
    ended = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 3, ended
    assert ended.stderr.startswith("studio: ") and ended.stderr.count("\n") == 1 and not ended.stdout


def test_importing_the_page_is_light():
    code = "import sys, app; print(sorted({'torch', 'numba', 'scipy', 'sqlalchemy'} & set(sys.modules)))"
    seen = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert seen.stdout.strip() == "[]", SimpleNamespace(out=seen.stdout, err=seen.stderr)
