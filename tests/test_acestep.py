"""ACE-Step over tiny random pipelines in the published layout: the whole real path."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import post_process
from backend import Studio
from settings import Settings
from song.audio import Audio
from song.request import read
from song.take import Kept

pytestmark = pytest.mark.usefixtures("neural")
VERSE = "[verse]\nOver the hills\n[chorus]\nOh sing with me"


@pytest.fixture(scope="module")
def studio(neural, tmp_path_factory) -> Iterator[Studio]:
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def take(studio) -> Kept:
    """Twelve seconds of the composer, to start from."""
    return made(studio, engine="composer", prompt="lo-fi hip hop, 96 bpm, A minor, 4/4", duration=12, seed=3)


def made(studio: Studio, mode: str = "generate", **knobs) -> Kept:
    return kept(studio, mode, **knobs)[0]


def kept(studio: Studio, mode: str, **knobs) -> list[Kept]:
    asked = {"engine": "acestep", "precision": "fp32", "seed": 1, "inference_steps": 2} | knobs
    if asked["engine"] != "acestep":
        asked = {name: value for name, value in asked.items() if name not in ("precision", "inference_steps")}
    job = list(studio.follow(studio.submit(read({"mode": mode} | asked)).id))[-1]
    assert job.state == "done", job
    return [studio.library.take(one) for one in job.takes]


def sound(one: Kept) -> Audio:
    return post_process.read(Path(one.files["audio"]))


# --- the modes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["turbo", "base"])
def test_words_become_a_song(studio, kind):
    song = made(studio, prompt="warm piano", duration=10, checkpoint=kind, lyrics=VERSE, bpm=97.4, key="F# minor")
    recipe, heard = song.recipe, sound(song)
    assert (heard.sample_rate, heard.channels, heard.frames) == (48_000, 2, 10 * 48_000)
    assert recipe.facts.lufs == pytest.approx(-14, abs=0.5)
    assert (recipe.engine, recipe.plan["checkpoint"], recipe.plan["bpm"]) == ("acestep", kind, 97)
    assert {"torch", "transformers", "diffusers", "checkpoint"} <= recipe.versions.keys()
    assert any(one.startswith(f"Made with {kind}. ") and "MIT" in one for one in recipe.notices)
    assert any("97.4 bpm were asked for as 97" in one for one in recipe.notices)


def test_outside_the_regions_every_sample_is_the_same(studio, take):
    new = made(studio, "edit", source=take.id, prompt="techno", regions="2.5-5, 7-8")
    old, proof = sound(take), new.recipe.proof
    assert proof and proof.changed_outside == 0 and len(proof.seams) == 4
    changed = np.flatnonzero((old.samples != sound(new).samples).any(axis=0)) / 48_000
    assert changed.min() >= 2.5 and changed.max() < 8 and not ((changed > 5) & (changed < 7)).any()
    assert all(abs(seam.level_step_db) <= 3 for seam in proof.seams)


@pytest.mark.parametrize("side", ["end", "start"])
def test_a_song_goes_on_or_begins_earlier_and_nothing_else_changes(studio, take, side):
    longer = made(studio, "extend", source=take.id, seconds=5, side=side)
    old, new, proof = sound(take), sound(longer), longer.recipe.proof
    assert proof and proof.changed_outside == 0
    assert new.frames >= old.frames + 2 * 48_000 and longer.recipe.facts.true_peak_dbtp <= -1.0


def test_a_cover_follows_its_original(studio, take):
    cover = made(studio, "cover", source=take.id, prompt="jazz")
    assert cover.recipe.duration == pytest.approx(12, abs=0.1) and cover.recipe.plan["bpm"] == 96


@pytest.mark.parametrize("task", ["add", "extract", "complete"])
def test_a_base_checkpoint_works_on_single_tracks(studio, take, task):
    new = made(studio, "edit", source=take.id, task=task, track="drums", prompt="funk")
    assert new.recipe.plan["checkpoint"] == "base" and sound(new).frames == sound(take).frames
    assert (new.recipe.proof is not None) == (task == "add")
