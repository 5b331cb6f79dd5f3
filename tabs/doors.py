"""Doors for scripts: what gradio_client sees. Names are stable; the parameters come from the request class."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from song.errors import StudioError
from song.job import Job
from song.request import Generate, fields, read
from song.take import Kept
from tabs import studio

Summary = dict[str, Any]


def build() -> None:
    """Put the doors on the page's own server."""
    gr.api(generate, api_name="generate", concurrency_limit=None)
    gr.api(submit, api_name="submit", concurrency_limit=None)
    for door in (job, cancel, take, library):
        gr.api(door, api_name=door.__name__, concurrency_limit=None)


def knobs(gives: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a door that takes `**said` the real signature: every knob by name with its type, default and tip."""

    def sign(door: Callable[..., Any]) -> Callable[..., Any]:
        members = fields(Generate)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        asked = [
            inspect.Parameter(
                name,
                kind,
                default=inspect.Parameter.empty if field.is_required() else field.default,
                annotation=Generate.__annotations__.get(name, field.annotation),
            )
            for name, field in members.items()
        ]
        # Gradio hands over the caller's request by this type; it is no parameter of the door.
        asked.append(inspect.Parameter("caller", kind, default=None, annotation=gr.Request))
        tips = "\n".join(f"    {name}: {field.description}" for name, field in members.items())
        door.__doc__ = f"{door.__doc__}\n\nArgs:\n{tips}"
        door.__signature__ = inspect.Signature(asked, return_annotation=gives)  # type: ignore[attr-defined]
        door.__annotations__ = {one.name: one.annotation for one in asked} | {"return": gives}
        return door

    return sign


@knobs(gives=tuple[gr.FileData, Summary])
def generate(*given: Any, **named: Any) -> Iterator[tuple[Any, Summary]]:
    """Make a song from words. Gives the audio file and the take; `takes` lists the ids of all variations."""
    said, caller = bound(generate, given, named)
    begun = begin(said)
    try:
        for now in studio().follow(begun.id, beat=1.0):
            if now.final:
                yield ended(now, caller)
            else:
                yield None, described(now)
    finally:  # the caller went away or cancelled: nobody is left to hear the song
        if not studio().job(begun.id).final:
            studio().cancel(begun.id)


@knobs(gives=Summary)
def submit(*given: Any, **named: Any) -> Summary:
    """Ask for a song and return at once with its job; follow it with /job, stop it with /cancel."""
    return described(begin(bound(submit, given, named)[0]))


def job(job_id: str) -> Summary:
    """How far a job is, and the ids of its takes.

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


def take(take_id: str, caller: gr.Request = None) -> tuple[gr.FileData, Summary]:  # type: ignore[assignment]
    """One take of the library: its audio file and what is known about it.

    Args:
        take_id: an id from /library.
    """
    kept = answer(studio().library.take, str(take_id))
    return audio(kept), summary(kept, caller)


def library(
    search: str = "",
    favourites: bool = False,
    limit: int = 50,
    offset: int = 0,
    caller: gr.Request = None,  # type: ignore[assignment]
) -> list[Summary]:
    """The takes that were kept, newest first.

    Args:
        search: words that the title or the prompt must hold; empty finds all.
        favourites: only those marked as favourite.
        limit: how many at most, 1 to 200.
        offset: how many to pass over first.
    """
    limit, offset = whole("limit", limit, 1, 200), whole("offset", offset, 0, 10**9)
    found = answer(studio().library.takes, str(search), bool(favourites), limit, offset)
    return [summary(kept, caller) for kept in found]


def bound(door: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> tuple[dict[str, Any], gr.Request]:
    """The call as values by knob name, and who called."""
    said = inspect.signature(door).bind_partial(*given, **named).arguments
    return said, said.pop("caller", None)


def begin(said: dict[str, Any]) -> Job:
    return answer(lambda: studio().submit(read(said)))


def ended(now: Job, caller: gr.Request) -> tuple[gr.FileData, Summary]:
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


def refusal(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """Doors are not validated by Gradio: a client may send anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or not low <= value <= high:
        raise refusal(f"{name}: must be a whole number from {low} to {high}")
    return int(value)


def audio(kept: Kept) -> gr.FileData:
    return gr.FileData(path=kept.files["audio"], orig_name=f"{kept.id}.wav")


def described(now: Job) -> Summary:
    return now.model_dump(mode="json")


def summary(kept: Kept, caller: gr.Request | None) -> Summary:
    """The take as scripts see it, with addresses in place of this machine's paths."""
    told = kept.summary()
    host = caller.headers.get("host", "") if caller else ""
    root = f"{caller.url.scheme}://{host}" if caller and host else ""
    kinds = {"audio": "wav"}
    told["files"] = {kind: f"{root}/files/{kept.id}/{kinds.get(kind, kind)}" for kind in told["files"]}
    return told
