"""Doors for scripts: what a song is made of, and what sets it apart from another."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

import post_process
from song.errors import Cancelled, StudioError
from song.progress import Progress
from tabs import studio
from tabs.doors import Summary, answered, let_in, refusal, whole
from tabs.waits import reading, seat, writing

BEAT = 1.0  # seconds between two words to whoever waits


def build() -> None:
    """Put the doors on the page's own server."""
    for door in (separate, gamepack, compare):
        gr.api(door, api_name=door.__name__, concurrency_limit=None)


async def separate(
    audio: gr.FileData = None,  # type: ignore[assignment]
    source: str = "",
    model: str = "",
) -> AsyncGenerator[tuple[Any, Summary], None]:
    """The stems of a song as a zip, and what is said of them: `by`, `licence`, `files`, the `null` test in dB, and what
    was `done`: the words of a take, if their times were estimated, are timed by its vocal.

    Args:
        audio: the song as a file; left out, `source` is taken apart.
        source: a take in the library, or an upload.
        model: a model of Demucs; left out, a take's own stems, or else those of the first model that is here.
    """
    id = await writing(let_in, audio) if audio is not None else str(source)
    async with aclosing(followed(lambda progress: studio().separating(id, str(model), progress))) as going:
        async for news in going:
            if isinstance(news, Path):
                told = await reading(post_process.stems_told, news) | {"done": list(studio().done(news))}
                yield gr.FileData(path=str(news), orig_name="stems.zip"), told
            else:
                yield None, news


async def gamepack(take_id: str, bar: int = 0, bars: int = 0) -> AsyncGenerator[tuple[Any, Summary], None]:
    """Bars of a composer's take as a game pack: the zip, and its cue sheet. Three layers that loop and stack, two
    transitions, two stingers, on one bar grid.

    Args:
        take_id: an id from /library.
        bar: the first bar, from 1; 0 begins the liveliest section.
        bars: how many; 0 goes on to that section's end, for 8 at most.
    """
    first, count = (whole(name, value, 0, 10**6) or None for name, value in (("bar", bar), ("bars", bars)))
    async with aclosing(followed(lambda progress: _packed(str(take_id), first, count, progress))) as going:
        async for news in going:
            if isinstance(news, Path):
                cues = await reading(post_process.pack_cues, news)
                yield gr.FileData(path=str(news), orig_name="gamepack.zip"), cues
            else:
                yield None, news


async def _packed(take_id: str, bar: int | None, bars: int | None, progress: Progress) -> Path:
    return (await studio().packing(take_id, bar, bars, progress))[0]


async def compare(a: str, b: str) -> Summary:
    """What differs between two songs: in their recipes, by field (`recipes`, null where one has none), and in their
    `sound`: whether it is identical, from which second it differs, and by how many dB.

    Args:
        a: a take in the library, or an upload.
        b: the one to hold against it.
    """
    return dict(await answered(studio().comparing(str(a), str(b))))


async def followed(make: Callable[[Progress], Coroutine[Any, Any, Path]]) -> AsyncGenerator[Path | Summary, None]:
    """How far `make` is, again and again, and at last its file. It is cancelled where the caller goes away."""
    far = {"fraction": 0.0, "stage": "waiting"}

    def progress(fraction: float, stage: str) -> None:
        far.update(fraction=round(fraction, 3), stage=stage)

    with seat():
        making = asyncio.create_task(make(progress))
        try:
            while not (await asyncio.wait({making}, timeout=BEAT))[0]:
                yield dict(far)
            yield making.result()
        except (StudioError, Cancelled) as error:
            raise refusal(str(error) or "Cancelled.") from None
        finally:
            making.cancel()
