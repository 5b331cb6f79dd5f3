"""The studio in a browser: builds the page, adds the script doors, launches."""

# ruff: noqa: E402  (gradio reads the environment while it is imported and while the page is built)

import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from functools import partial

from pydantic import ValidationError

import logs
import private
from settings import LOOPBACK, ON_SPACE, Settings, complaint, settings

if __name__ == "__main__":
    logs.begin()
# No call to any other host, and no proxy between us and ourselves.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_SSR_MODE", "false")
if not ON_SPACE:  # else uvicorn takes the caller's address from headers that anybody can send over loopback
    os.environ["FORWARDED_ALLOW_IPS"] = ""
# No statistics of all calls after every call; nobody looks at them.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(2**31))
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1,localhost,::1")))
private.umask()  # here, because Gradio makes folders while it is imported
with suppress(ValidationError, OSError):  # main() says what is wrong with the environment
    Settings().page_cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(Settings().page_cache)

import gradio as gr
from starlette.middleware import Middleware

import theme
from api import faults, files, health, live
from api.bodies import Bodies
from api.caller import INSIDE, Proxies
from api.calls import Calls
from api.connections import Guarded, Room, lifespan, places
from api.crowd import Crowd
from api.gate import Gate
from api.names import own_names
from api.still import Still
from song.errors import CannotOpen, StudioError
from tabs import cover, doors, edit, extend, generate, library, lyrics, parts, recipe, sessions, studio
from tabs.widgets import script

SHORTEST = 16  # characters of a token that nobody guesses
SLOTS = 512  # events that Gradio lets go on at once. Those that wait, waits.SEATS at most, are coroutines
QUEUE = 256  # events that may stand in line for a turn; one more is told so at once

SIGN_OUT = '<form id="signout" method="post" action="logout"><button class="plainbutton">Sign out</button></form>'
ICON = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path d='M0 3h2v2H0zM3 0h2v8H3zM6 2h2v4H6z'/></svg>"
HEAD = f"""<link rel="icon" href="data:image/svg+xml,{ICON}">
<script>{script("page")}{script("karaoke")}</script>"""

with gr.Blocks(title="STUDIO", fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
    parts.build()
    doors.build()  # first: a door's name must not be taken by a handler of the page
    gr.HTML(f"<header><h1>STUDIO</h1>{SIGN_OUT}</header>", elem_id="top", apply_default_css=False)
    with gr.Tabs(elem_id="modes", overflow_behavior="wrap") as tabs:
        desks = {}
        for name, room in {"generate": generate, "cover": cover, "extend": extend, "edit": edit}.items():
            with gr.Tab(name.capitalize(), id=name):
                desks[name] = room.build(demo)
        with gr.Tab("Lyrics", id="lyrics"):
            lyrics.build(demo, tabs, {name: desks[name] for name in ("generate", "cover", "edit")})
        with gr.Tab("Library", id="library") as shelf:
            library.build(shelf, tabs, desks)
    recipe.wire(desks["generate"].drop, tabs, desks)


def main() -> int:
    """Run the studio until it is told to stop; the exit code. What stops it from starting is said in one sentence."""
    try:
        return serve(settings())
    except ValidationError as error:
        return complain(complaint(error))
    except StudioError as error:
        return complain(str(error), error.exit_code)


def complain(sentence: str, code: int = 3) -> int:
    print(f"studio: {sentence}", file=sys.stderr)
    return code


def serve(config: Settings) -> int:
    """Open the studio and the page side by side, then wait for the signal to stop."""
    check_reachable(config)
    port = free_port(config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    opening = Opening()
    try:
        launch(config, port)
        opening.finish()
        host = "localhost" if config.host in ("0.0.0.0", "::") else bracketed(config.host)
        print(f"STUDIO is ready at http://{host}:{port}", flush=True)
        stop.wait()
    finally:
        hang_up()
        opening.close()
    return 0


def hang_up() -> None:
    """Close the page's server. Pages that still follow a job get a second, and no complaint is printed about them."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    if getattr(demo, "server", None) is not None:
        demo.server.config.timeout_graceful_shutdown = 1
    demo.close(verbose=False)


class Opening:
    """The studio opens its library and warms its worker while the page starts."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._open, name="opening")
        self.thread.start()

    def _open(self) -> None:
        try:
            studio().start()
        except Exception as error:  # raised again in `finish`, on the main thread
            self.error = error

    def finish(self) -> None:
        """Wait until it is open. Raises what went wrong."""
        self.thread.join()
        if self.error:
            raise self.error

    def close(self) -> None:
        self.thread.join()
        if not self.error:
            studio().close()


def launch(config: Settings, port: int) -> None:
    """Start the page's server in the background."""
    for folder in (config.takes, config.page_cache):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CannotOpen(f"{folder} cannot be used ({error.strerror}); set STUDIO_HOME.") from None
    gr.set_static_paths([config.takes])
    token = "" if ON_SPACE else config.token
    css = theme.css() + ("" if token else "\n#signout { display: none }")
    gate = Middleware(
        Gate,
        token=token,
        names=(*own_names(config.host), *config.hosts),
        literals=config.open_to_network,
        sessions=config.sessions,
        proxies=config.trusted_proxy,
        bodies=Bodies(config.max_upload, config.page_cache, config.min_free_disk),
        space=ON_SPACE,
        css=theme.css(),
    )
    room = Room(places(), shared=Proxies(INSIDE if ON_SPACE else config.trusted_proxy))
    app, _, _ = demo.queue(status_update_rate=5, max_size=QUEUE, default_concurrency_limit=8, api_open=False).launch(
        server_name=bracketed(config.host),
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        enable_monitoring=False,
        share=False,
        run_history=False,
        footer_links=[],
        max_threads=SLOTS,
        max_file_size=config.max_upload,
        state_session_capacity=500,
        theme=theme.Mono(),
        css=css,
        head=HEAD,
        app_kwargs={
            "middleware": [gate, Middleware(Calls, doors=doors.Wired(demo)), Middleware(Crowd), Middleware(Still)],
            "routes": [*files.ROUTES, *live.ROUTES, *health.ROUTES],
            "exception_handlers": faults.HANDLERS,
            "lifespan": lifespan,
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
    )
    logs.adopt()
    sessions.lighten(app, demo)
    demo.server.config.http_protocol_class = partial(Guarded, room=room)  # read for every new connection


def bracketed(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def check_reachable(config: Settings) -> None:
    """Nobody else's machine may reach a studio without a token that cannot be guessed; a Space is public by design."""
    if ON_SPACE or not config.open_to_network:
        return
    why = f"listening on {config.host}" if config.host not in LOOPBACK else "being called by other names or by a proxy"
    make = 'python -c "import secrets; print(secrets.token_urlsafe(32))", then start with STUDIO_TOKEN=<that token>.'
    if not config.token:
        raise CannotOpen(f"{why} lets other machines in, so a token is needed. Make one with {make}")
    if len(config.token) < SHORTEST:
        raise CannotOpen(
            f"{why} lets other machines in, and a token of {len(config.token)} characters can be guessed; "
            f"{SHORTEST} are the least. Make one with {make}"
        )


def free_port(config: Settings) -> int:
    """The port to listen on; 0 asks for any free one. Raises CannotOpen where it is taken."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise CannotOpen(
                f"cannot listen on {config.host}:{config.port} ({error.strerror}). Is a studio running already? "
                f"Stop it, or choose another port with STUDIO_PORT={config.port + 1}."
            ) from None
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    code = main()
    logs.end()
    sys.exit(code)
