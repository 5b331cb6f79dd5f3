"""Doors for scripts: what gradio_client sees. Names are stable; the parameters come from the request class."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from song.errors import StudioError
from song.job import Job
from song.request import Cover, Edit, Extend, Generate, Knobs, fields, read
from song.take import Kept
from song.writing import WriteLyrics, read_brief
from tabs import client, studio
from tabs.waits import reading, seat, writing

T = TypeVar("T")
Summary = dict[str, Any]
AUDIO = "The song to start from, as a file; left out, `source` names it."


def build() -> None:
    """Put the doors on the page's own server."""
    gr.api(generate, api_name="generate", concurrency_limit=None)
    gr.api(submit, api_name="submit", concurrency_limit=2)
    for door in (cover, extend, edit, lyrics, listen, job, cancel, cancel_all, take, loop, library, loras, add_lora):
        gr.api(door, api_name=door.__name__, concurrency_limit=None)


class Wired:
    """What Gradio knows of the doors of a page and of the calls that come in, see api.calls.Doors."""

    def __init__(self, demo: gr.Blocks):
        self.demo = demo

    def least(self, door: str | int) -> int | None:
        for number, one in self.demo.fns.items():
            if door in (number, one.api_name):
                return len([block for block in one.inputs if not block.skip_api])
        return None

    def expects(self, id: str) -> bool:
        queue = self.demo._queue
        sessions = queue.pending_event_ids_session
        return (
            id in queue.pending_messages_per_session
            or id in queue.event_ids_to_events
            or any(id in events for events in sessions.values())
        )


def knobs(mode: type[Knobs], gives: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a door that takes `**said` the real signature: every knob by name with its type, default and tip.

    A mode that starts from a song also takes it as an upload, `audio`; then `source` may be left out.
    """

    def sign(door: Callable[..., Any]) -> Callable[..., Any]:
        members = fields(mode)
        types = {name: kind for part in reversed(mode.__mro__) for name, kind in inspect.get_annotations(part).items()}
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        asked, tips = [], []
        if "source" in members:
            asked.append(inspect.Parameter("audio", kind, default=None, annotation=gr.FileData))
            tips.append(f"    audio: {AUDIO}")
        for name, field in members.items():
            default = "" if name == "source" else inspect.Parameter.empty if field.is_required() else field.default
            asked.append(inspect.Parameter(name, kind, default=default, annotation=types.get(name, field.annotation)))
            tips.append(f"    {name}: {field.description}")
        # Gradio hands over the caller's request by this type; it is no parameter of the door.
        asked.append(inspect.Parameter("caller", kind, default=None, annotation=gr.Request))
        door.__doc__ = "\n".join([str(door.__doc__), "", "Args:", *tips])
        door.__signature__ = inspect.Signature(asked, return_annotation=gives)  # type: ignore[attr-defined]
        door.__annotations__ = {one.name: one.annotation for one in asked} | {"return": gives}
        return door

    return sign


@knobs(Generate, gives=tuple[gr.FileData, Summary])
async def generate(*given: Any, **named: Any) -> AsyncGenerator[tuple[Any, Summary], None]:
    """Make a song from words. Gives the audio file and the take; `takes` lists the ids of all variations."""
    async with aclosing(made(generate, "generate", given, named)) as going:
        async for news in going:
            yield news


@knobs(Cover, gives=tuple[gr.FileData, Summary])
async def cover(*given: Any, **named: Any) -> AsyncGenerator[tuple[Any, Summary], None]:
    """A known song in a new style. Gives the audio file and the take."""
    async with aclosing(made(cover, "cover", given, named)) as going:
        async for news in going:
            yield news


@knobs(Extend, gives=tuple[gr.FileData, Summary])
async def extend(*given: Any, **named: Any) -> AsyncGenerator[tuple[Any, Summary], None]:
    """A song that goes on, or begins earlier. Gives the audio file and the take; its `proof` says what stayed."""
    async with aclosing(made(extend, "extend", given, named)) as going:
        async for news in going:
            yield news


@knobs(Edit, gives=tuple[gr.FileData, Summary])
async def edit(*given: Any, **named: Any) -> AsyncGenerator[tuple[Any, Summary], None]:
    """Seconds of a song, or one part, made anew. Gives the audio file and the take; its `proof` says what stayed."""
    async with aclosing(made(edit, "edit", given, named)) as going:
        async for news in going:
            yield news


@knobs(WriteLyrics, gives=tuple[str, Summary])
async def lyrics(*given: Any, **named: Any) -> AsyncGenerator[tuple[str, Summary], None]:
    """Write lyrics. Gives them with their tags, as they are written, and `title`, `seed`, `writer`, its `notices`, and
    the `credit` that goes into a song's `lyricist`."""
    said, _ = bound(lyrics, given, named)
    try:
        with seat():
            async with aclosing(studio().writing(read_brief(said))) as going:
                async for written in going:
                    yield str(written.lyrics), written.summary()
    except StudioError as error:
        raise refusal(str(error)) from None


async def made(
    door: Callable[..., Any], mode: str, given: tuple[Any, ...], named: dict[str, Any]
) -> AsyncGenerator[tuple[Any, Summary], None]:
    """Begin a song, follow it, and give it."""
    said, caller = bound(door, given, named)
    with seat():
        begun = asyncio.create_task(writing(begin_from, said, mode, caller))
        try:
            job_id, house = (await asyncio.shield(begun)).id, studio()
            async with aclosing(house.following(job_id, beat=1.0)) as going:
                async for now in going:
                    yield await reading(ended, now, caller) if now.final else (None, described(now))
        finally:  # the caller went away or cancelled: nobody is left to hear the song
            await forsaken(begun)


async def forsaken(begun: asyncio.Task[Job]) -> None:
    """Cancel a job that is not done yet, or not even begun."""
    with contextlib.suppress(StudioError, gr.Error):
        job = await begun
        if not (await reading(studio().job, job.id)).final:
            await writing(studio().cancel, job.id)


def begin_from(said: dict[str, Any], mode: str, caller: gr.Request | None) -> Job:
    """Begin a song that may start from an upload."""
    if (upload := said.pop("audio", None)) is not None:
        said["source"] = let_in(upload)
    return begin(said | {"mode": mode}, caller)


async def listen(audio: gr.FileData = None, source: str = "") -> tuple[str, Summary]:  # type: ignore[assignment]
    """Listen to a song. Gives the id to name as `source`, and what was heard, with a confidence each.

    Args:
        audio: the song as a file; left out, `source` is listened to.
        source: a take in the library, or an upload.
    """
    id = await writing(let_in, audio) if audio is not None else str(source)
    heard = await answered(studio().listening(id))
    return id, {"words": heard.words(), "grid": heard.grid()} | heard.model_dump(mode="json")


def let_in(upload: Any) -> str:
    """The id of an upload."""
    path, name = uploaded(upload, "audio")
    return str(answer(studio().add_source, path, Path(name).stem).id)


def uploaded(upload: Any, field: str) -> tuple[Path, str]:
    """Where an upload lies, and what its sender calls it. Only what came in through Gradio is taken: a path is no key
    to the studio's disk."""
    said = upload.get("path") if isinstance(upload, dict) else getattr(upload, "path", None)
    if not isinstance(said, str) or not Path(said).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise refusal(f"{field}: must be an uploaded file; with gradio_client, handle_file(path)")
    name = upload.get("orig_name") if isinstance(upload, dict) else upload.orig_name
    return Path(said), str(name or said)


def loras() -> list[Summary]:
    """The LoRAs that are here, by name: what each is made for, and its SHA-256."""
    return [one.summary() for one in answer(studio().kept_loras)]


def add_lora(file: gr.FileData, config: gr.FileData = None, name: str = "") -> Summary:  # type: ignore[assignment]
    """Keep a LoRA, to be asked for by its name. The same file twice is one.

    Args:
        file: a .safetensors file; with gradio_client, handle_file(path).
        config: the adapter_config.json beside it, where PEFT made it.
        name: what to call it; left out, as the file is called.
    """
    path, called = uploaded(file, "file")
    beside = None if config is None else uploaded(config, "config")[0]
    return dict(answer(studio().add_lora, path, str(name) or Path(called).stem, beside).summary())


@knobs(Generate, gives=Summary)
def submit(*given: Any, **named: Any) -> Summary:
    """Ask for a song and return at once with its job; follow it with /job, stop it with /cancel."""
    return described(begin(*bound(submit, given, named)))


def job(job_id: str) -> Summary:
    """How far a job is, the ids of its takes, and whether the one in the making is `audible`: at /jobs/<id>/audio.

    Args:
        job_id: the id that /submit gave.
    """
    return described(answer(studio().job, str(job_id)))


def cancel(job_id: str) -> Summary:
    """Stop a waiting or running job.

    Args:
        job_id: the id that /submit gave.
    """
    return described(answer(studio().cancel, str(job_id)))


def cancel_all(caller: gr.Request = None) -> list[str]:  # type: ignore[assignment]
    """Stop all jobs that the caller asked for: a browser that has signed in, else an address. Gives their ids."""
    return list(answer(studio().cancel_all, client(caller)))


def take(take_id: str, caller: gr.Request = None) -> tuple[gr.FileData, Summary]:  # type: ignore[assignment]
    """One take of the library: its audio file and what is known about it.

    Args:
        take_id: an id from /library.
    """
    kept = answer(studio().library.take, str(take_id))
    return audio(kept), summary(kept, caller)


async def loop(take_id: str, bar: int = 0, bars: int = 0, times: int = 1) -> tuple[gr.FileData, Summary]:
    """Bars of a take as a WAV that loops, and its bar, bars and `seam_db`: up to 0 the seam is a step like any other.

    Args:
        take_id: an id from /library.
        bar: the first bar, from 1; 0 begins the liveliest section.
        bars: how many; 0 goes on to that section's end, for 8 at most.
        times: how often it is played, 1 to 16; more than once to listen.
    """
    first, count = (whole(name, value, 0, 10**6) or None for name, value in (("bar", bar), ("bars", bars)))
    path, told = await answered(studio().looping(str(take_id), first, count, whole("times", times, 1, 16)))
    name = told.pop("name")
    return gr.FileData(path=str(path), orig_name=name), told


def library(
    search: str = "",
    favourites: bool = False,
    limit: int = 50,
    offset: int = 0,
    sell: str = "",
    caller: gr.Request = None,  # type: ignore[assignment]
) -> list[Summary]:
    """The takes that were kept, newest first.

    Args:
        search: words that the title or the prompt must hold; empty finds all.
        favourites: only those marked as favourite.
        limit: how many at most, 1 to 200.
        offset: how many to pass over first.
        sell: "yes", "no" or "unknown" finds only those of which the ledger says so.
    """
    limit, offset = whole("limit", limit, 1, 200), whole("offset", offset, 0, 10**9)
    found = answer(studio().library.takes, str(search), bool(favourites), limit, offset, str(sell))
    return [summary(kept, caller) for kept in found]


def bound(
    door: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[dict[str, Any], gr.Request | None]:
    """The call as values by knob name, and who called."""
    said = inspect.signature(door).bind_partial(*given, **named).arguments
    return said, said.pop("caller", None)


def begin(said: dict[str, Any], caller: gr.Request | None) -> Job:
    return answer(lambda: studio().submit(read(said), client(caller)))


def ended(now: Job, caller: gr.Request | None) -> tuple[gr.FileData, Summary]:
    """What a finished job gives; what went wrong is said in its own sentence."""
    if now.state != "done":
        raise refusal(now.error or f"The song was {now.state}.")
    kept = answer(studio().library.take, now.takes[0])
    return audio(kept), summary(kept, caller) | {"takes": list(now.takes)}


def answer(ask: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Ask the studio; its no becomes one plain sentence at the client."""
    try:
        return ask(*given, **named)
    except StudioError as error:
        raise refusal(str(error)) from None


async def answered(asked: Awaitable[T]) -> T:
    """`answer`, where it takes long: whoever asks has a seat, and holds no thread."""
    try:
        with seat():
            return await asked
    except StudioError as error:
        raise refusal(str(error)) from None


def refusal(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """Doors are not validated by Gradio: a client may send anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or not low <= value <= high:
        raise refusal(f"{name}: must be a whole number from {low} to {high}")
    return int(value)


def audio(kept: Kept) -> gr.FileData:
    return gr.FileData(path=answer(lambda: kept.sound), orig_name=f"{kept.id}.wav")


def described(now: Job) -> Summary:
    return now.model_dump(mode="json")


def summary(kept: Kept, caller: gr.Request | None) -> Summary:
    """The take as scripts see it, with addresses in place of this machine's paths."""
    told = kept.summary()
    host = caller.headers.get("host", "") if caller else ""
    root = f"{caller.url.scheme}://{host}" if caller and host else ""
    named = {kind: "wav" if kind == "audio" else kind for kind in told["files"]}
    told["files"] = {
        kind: f"{root}/files/{kept.id}/{name}" if name in kept.kinds else None for kind, name in named.items()
    }
    return told
