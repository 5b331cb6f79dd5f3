"""What every command needs: an option, the studio without its page, a way to be stopped, words on stdout."""

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import private
from song.errors import BadRequest, Cancelled, CannotOpen
from song.job import Job
from song.progress import Progress

if TYPE_CHECKING:
    from backend import Studio

SONG = "A song: a file, or the id of a take or upload in the library."
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@contextlib.contextmanager
def opened() -> Iterator["Studio"]:
    """The studio without its page. What an engine prints goes to stderr: stdout is for the answer alone."""
    import backend
    from settings import settings

    with settled():
        config = settings()
    studio = backend.Studio(config.model_copy(update={"lane": "inline"}))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield studio
    finally:
        studio.close()


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Say what is wrong with the environment in the studio's own words."""
    from pydantic import ValidationError

    from settings import complaint

    try:
        yield
    except ValidationError as error:
        raise CannotOpen(complaint(error)) from None


def song_id(studio: "Studio", song: str) -> str:
    """The id of what was named: a file is taken into the library first."""
    path = Path(song)
    if path.exists() or path.suffix or path.name != song:
        return studio.add_source(path).id
    return studio.source(song).id


def check_place(out: Path) -> None:
    """Before anything is made that could not be written there."""
    if not out.parent.is_dir() or out.is_dir():
        raise BadRequest("out", "must be the name of a file in a folder that exists")


def copied(source: Path, place: Path) -> None:
    import durable

    with private.as_asked():
        durable.copy(source, place)


@contextlib.contextmanager
def watched() -> Iterator[Progress]:
    """A bar on a terminal, for a fraction and what is done just now."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task("starting", total=1.0)
        yield lambda fraction, stage: bar.update(line, completed=fraction, description=stage)


@contextlib.contextmanager
def stoppable() -> Iterator[Progress]:
    """A bar on a terminal; Ctrl-C cancels what is done there at its next step."""
    stop = stop_asked()
    with watched() as show:

        def progress(fraction: float, stage: str) -> None:
            show(fraction, stage)
            if stop.is_set():
                raise Cancelled("Cancelled.")

        try:
            yield progress
        finally:
            on_signals(signal.default_int_handler)  # nobody looks at `stop` any more


def finished(studio: "Studio", job: Job) -> Job:
    """Start the job and wait for its end, with a bar on a terminal. Ctrl-C cancels it."""
    stop = stop_asked()
    with watched() as show:
        studio.start(only=job.id)
        for news in studio.follow(job.id, beat=0.2):
            show(news.fraction, news.stage)
            if stop.is_set():
                studio.cancel(job.id)
    on_signals(signal.default_int_handler)  # nobody looks at `stop` any more
    return news


def stop_asked() -> threading.Event:
    """Set by Ctrl-C or a polite kill, so that work is left where that is safe and never in the middle of a write; the
    second one raises KeyboardInterrupt."""
    asked = threading.Event()

    def note(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    on_signals(note)
    return asked


def on_signals(handler: Callable[[int, Any], Any]) -> None:
    """Ctrl-C and a polite kill are answered in the same way."""
    with contextlib.suppress(ValueError):  # only the main thread may do so
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with SIGINT ignored
            signal.signal(number, handler)


def print_text(text: str) -> None:
    """Text for people. Titles come from files of others, so nothing in them may steer the terminal."""
    print("".join(c if c == "\n" or c.isprintable() else " " for c in text))


def print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, allow_nan=False))
