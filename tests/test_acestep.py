"""ACE-Step over tiny random pipelines in the published layout: the whole real path."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import memory
import post_process
import separation
import tasks
import tiny_demucs
from backend import Studio
from checkpoints import shelf
from engines.acestep import AceStep, asked, door, found
from engines.acestep.asked import NotNumbers, Told, untrained
from engines.acestep.held import widened
from engines.acestep.model import Model, Wanted
from settings import Settings
from song.audio import Audio
from song.errors import BadRequest, Cancelled, CannotMake, EngineMissing, NotEnoughMemory
from song.progress import silent
from song.request import Generate, read
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
    """Ten seconds of the composer, four bars, to start from."""
    return made(studio, engine="composer", prompt="lo-fi hip hop, 96 bpm, A minor, 4/4", duration=10, seed=3)


@pytest.fixture(scope="module")
def sung(studio) -> Callable[[str], Kept]:
    """A song with words by a kind of checkpoint, made once."""
    knobs = {"lyrics": VERSE, "bpm": 97.4, "key": "F# minor", "guidance_scale": 5}
    return cache(lambda kind: made(studio, prompt="warm piano", duration=10, checkpoint=kind, **knobs))


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
def test_words_become_a_song(sung, kind):
    song = sung(kind)
    recipe, heard = song.recipe, sound(song)
    assert (heard.sample_rate, heard.channels, heard.frames) == (48_000, 2, 10 * 48_000)
    assert recipe.facts.lufs == pytest.approx(-14, abs=0.5)
    assert (recipe.engine, recipe.plan["checkpoint"], recipe.plan["bpm"]) == ("acestep", kind, 97)
    assert {"torch", "transformers", "diffusers", "checkpoint"} <= recipe.versions.keys()
    assert any(one.startswith(f"Made with {kind}. ") and "MIT" in one for one in recipe.notices)
    assert any("97.4 bpm were asked for as 97" in one for one in recipe.notices)
    assert any("turbo has its guidance built in" in one for one in recipe.notices) == (kind == "turbo")
    advice = {"turbo": "was trained for 8 steps and a shift of 1, 2 or 3", "base": "wants 32 to 64 steps"}
    assert f"The checkpoint {advice[kind]}; it was asked for 2 steps." in recipe.notices
    assert recipe.lyrics and recipe.lyrics.timing == "estimated"
    assert [(line.start, line.end) for line in recipe.lyrics.lines] == [(0, 5), (5, 10)]


@pytest.fixture
def demucs(neural) -> Iterator[None]:
    """A tiny model that takes songs apart lies beside the others."""
    tiny_demucs.checkpoint(neural / "htdemucs")
    yield
    shutil.rmtree(neural / "htdemucs")
    separation.separator().unload()


def test_a_song_in_which_nobody_is_heard_keeps_its_estimated_lines_and_says_so(studio, sung, demucs):
    song = sung("turbo")
    stems = studio.separate(song.id)
    assert stems.name == "stems-htdemucs.zip"
    (said,) = studio.done(stems)
    assert "estimated" in said and said.endswith(".") and "could not" not in said
    assert studio.library.take(song.id) == song and studio.export(song.id, "stems") == stems


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
    assert cover.recipe.duration == pytest.approx(10, abs=0.1) and cover.recipe.plan["bpm"] == 96


@pytest.mark.parametrize("task", ["add", "extract", "complete"])
def test_a_base_checkpoint_works_on_single_tracks(studio, take, task):
    new = made(studio, "edit", source=take.id, task=task, track="drums", prompt="funk")
    assert new.recipe.plan["checkpoint"] == "base" and sound(new).frames == sound(take).frames
    assert (new.recipe.proof is not None) == (task == "add")


# --- every knob reaches the pipeline ----------------------------------------------------------------------------------


class Enough(Exception):
    """The pipeline was called; what it would do is not what these tests look at."""


@pytest.fixture
def told(neural, take, studio, monkeypatch) -> Callable[..., dict]:
    """What the pipeline is told for a request."""
    import diffusers

    said: dict = {}

    def listen(self, **heard):
        said.update(heard)
        raise Enough

    monkeypatch.setattr(diffusers.AceStepPipeline, "__call__", listen)
    source = tasks._source({"source": studio.source(take.id).model_dump(mode="json")}, silent)
    assert source is not None

    def ask(mode: str = "generate", other: Audio | None = None, start=source, **knobs) -> dict:
        usual = {"generate": {"prompt": "warm piano", "duration": 10}, "cover": {"prompt": "jazz", "strength": 1.0}}
        usual |= {"edit": {"regions": "2-5"}, "extend": {}}
        basic = {"mode": mode, "seed": 1, "checkpoint": "base", "precision": "fp32"}
        basic |= {} if mode == "generate" else {"source": take.id}
        with pytest.raises(Enough):
            tasks.engines()["acestep"].generate(
                read(basic | usual[mode] | knobs), silent, None if mode == "generate" else start, reference=other
            )
        return said

    return ask


@pytest.mark.parametrize(
    ("knobs", "name", "expected"),
    [
        ({"inference_steps": 3}, "num_inference_steps", 3),
        ({}, "num_inference_steps", 50),
        ({"checkpoint": "turbo"}, "num_inference_steps", 8),
        ({"guidance_scale": 4.5}, "guidance_scale", 4.5),
        ({}, "guidance_scale", 7.0),
        ({"checkpoint": "turbo", "guidance_scale": 4.5}, "guidance_scale", 1.0),
        ({"shift": 2.5}, "shift", 2.5),
        ({}, "shift", 1.0),
        ({"checkpoint": "turbo"}, "shift", 3.0),
        ({"cfg_interval_start": 0.25}, "cfg_interval_end", 0.75),
        ({"cfg_interval_end": 0.75}, "cfg_interval_start", 0.25),
        ({"bpm": 120}, "bpm", 120),
        ({"thinking": False}, "bpm", None),
        ({"key": "Bb major"}, "keyscale", "Bb major"),
        ({"meter": "6/8"}, "timesignature", "6"),
        ({"duration": 11}, "audio_duration", 11),
        ({"prompt": "jazz, half a minute", "duration": None}, "audio_duration", 30),
        ({"lyrics": VERSE, "vocal_language": "yue"}, "vocal_language", ["yue"]),
        ({"lyrics": VERSE}, "vocal_language", ["unknown"]),
        ({"lyrics": VERSE, "singer": "low"}, "prompt", ["warm piano, sung by a low voice"]),
        ({"style": "techno"}, "prompt", ["warm piano, Techno"]),
        ({"lyrics": VERSE}, "lyrics", [VERSE]),
        ({"lyrics": VERSE, "instrumental": True}, "lyrics", ["[Instrumental]"]),
        ({}, "lyrics", ["[Instrumental]"]),
        ({}, "task_type", "text2music"),
        ({}, "src_audio", None),
        ({"mode": "cover"}, "task_type", "cover"),
        ({"mode": "cover"}, "bpm", 96),
        ({"mode": "cover", "bpm": 150}, "bpm", 150),
        ({"mode": "cover", "source_key": "D minor"}, "keyscale", "D minor"),
        ({"mode": "extend"}, "timesignature", "4"),
        ({"mode": "extend", "seconds": 4, "lyrics": VERSE}, "lyrics", [VERSE]),
        ({"mode": "extend"}, "task_type", "repaint"),
        ({"mode": "edit"}, "repainting_start", 2.0),
        ({"mode": "edit"}, "repainting_end", 5.0),
        ({"mode": "edit", "vocal_language": "de"}, "vocal_language", ["de"]),
        ({"mode": "edit", "task": "add", "track": "bass"}, "task_type", "lego"),
        ({"mode": "edit", "task": "add", "track": "bass"}, "track_name", "bass"),
        ({"mode": "edit", "task": "complete", "track": "bass", "regions": ""}, "complete_track_classes", ["bass"]),
        ({"mode": "edit", "task": "extract", "track": "bass", "regions": ""}, "task_type", "extract"),
    ],
    ids=str,
)
def test_every_knob_reaches_the_pipeline(told, knobs, name, expected):
    assert told(**knobs)[name] == expected


def test_the_song_and_the_reference_reach_the_pipeline(told, studio, take):
    old = sound(take).samples
    assert np.array_equal(told("cover", duration=10)["src_audio"], old[:, : 10 * 48_000])
    assert np.array_equal(told("edit")["src_audio"], old)
    onward = told("extend", seconds=3)
    start = round(onward["repainting_start"] * 48_000)
    assert np.array_equal(onward["src_audio"][:, :start], old[:, :start])
    assert not onward["src_audio"][:, start:].any() and onward["src_audio"].shape[1] == start + 3 * 48_000
    ahead = told("extend", seconds=5, side="start")  # two bars of 96 bpm
    assert (ahead["repainting_start"], ahead["repainting_end"]) == (0, pytest.approx(5))
    assert not ahead["src_audio"][:, : 5 * 48_000].any()
    assert np.array_equal(ahead["src_audio"][:, 5 * 48_000 :], old[:, -(ahead["src_audio"].shape[1] - 5 * 48_000) :])


@pytest.mark.parametrize(
    ("turbo", "steps", "shift", "words"),
    [
        (True, 8, 3.0, ""),
        (True, 8, 1.0, ""),
        (True, 8, 2.5, "asked for a shift of 2.5"),
        (True, 20, 4.0, "asked for 20 steps and a shift of 4"),
        (False, 50, 1.0, ""),
        (False, 64, 3.0, ""),
        (False, 20, 5.0, "wants 32 to 64 steps; it was asked for 20 steps"),
    ],
)
def test_what_a_checkpoint_was_not_trained_for_is_said(turbo, steps, shift, words):
    told = untrained(turbo, steps, shift)
    assert words in told[0] if words else told == ()


@pytest.mark.parametrize("mode", ["generate", "cover", "extend", "edit"])
def test_a_reference_reaches_the_pipeline(told, studio, take, mode):
    other = made(studio, engine="composer", prompt="metal, 150 bpm", duration=5, seed=2)
    said = told(mode, sound(other), reference=other.id)
    assert np.array_equal(said["reference_audio"], sound(other).samples)
    assert told(mode)["reference_audio"] is None
    with pytest.raises(BadRequest, match=r"^reference: .*no take"):
        studio.submit(
            read({"mode": "cover", "engine": "acestep", "source": take.id, "prompt": "x", "reference": "nope"})
        )


def test_a_song_from_words_may_sound_like_another_and_says_whose_it_is(studio, take):
    asked = {"prompt": "warm piano", "duration": 10, "checkpoint": "turbo"}
    plain, like = made(studio, **asked), made(studio, reference=take.id, **asked)
    assert plain.recipe.samples_sha256 != like.recipe.samples_sha256
    assert ("original", take.id) in [(part.kind, part.name) for part in like.ledger.parts]
    idle = made(studio, engine="composer", prompt="lofi", duration=5, reference=take.id)
    assert "composer does not use: reference." in idle.recipe.notices


# --- a checkpoint in memory -------------------------------------------------------------------------------------------

SONG = Wanted("text2music", Told("warm piano"), (1,), 2.0, steps=2, guidance=3.0, shift=1.0)


@pytest.fixture(scope="module")
def model(neural) -> Model:
    return Model("base", neural / "base", "fp32")


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return (np.random.default_rng(0).standard_normal((2, 2 * 48_000)) * 0.1).astype(np.float32)


def test_everything_that_is_wanted_changes_the_song(model, noise):
    cover = replace(SONG, task="cover", source=noise)
    paint = replace(cover, task="repaint", region=(0.4, 1.2))
    lego = replace(paint, task="lego", track="bass")
    told = SONG.told
    changed = [
        (SONG, {"told": replace(told, caption="jazz")}), (SONG, {"told": replace(told, lyrics="la")}),
        (SONG, {"told": replace(told, language="de")}), (SONG, {"told": replace(told, bpm=90)}),
        (SONG, {"told": replace(told, key="C major")}), (SONG, {"told": replace(told, meter="3")}),
        (SONG, {"seeds": (2,)}), (SONG, {"steps": 3}), (SONG, {"guidance": 6.0}), (SONG, {"shift": 3.0}),
        (SONG, {"interval": (0.6, 1.0)}), (SONG, {"adg": True}),
        (SONG, {"interval": (0.0, 0.2)}), (SONG, {"codes": "<|audio_code_5|>" * 10}),
        (cover, {"strength": 0.5}), (cover, {"source": noise * 0.5}),
        (paint, {"region": (0.4, 1.6)}), (paint, {"free": 0.5}),
        (lego, {"track": "drums"}), (lego, {"task": "repaint"}),
    ]  # fmt: skip
    plain = {id(base): model.latents(base, silent) for base, _ in changed}
    for base, change in changed:
        one, other = plain[id(base)], model.latents(replace(base, **change), silent)
        assert one.shape == other.shape == (1, 50, 8)
        assert (one - other).abs().max() > 1e-4, change


def test_what_is_held_to_the_source_is_the_source_outside_of_the_region(model, noise):
    paint = replace(SONG, task="repaint", source=noise, region=(0.8, 1.2), steps=4)
    shown: dict = {}
    hook = model.net.transformer.register_forward_pre_hook(lambda _, __, given: shown.update(given), with_kwargs=True)
    free = model.latents(paint, silent)
    hook.remove()
    source = shown["context_latents"][:1, :, :8]
    held = model.latents(replace(paint, free=0.0), silent)
    near = model.latents(replace(paint, free=0.8), silent)  # one step of four, and a ramp of 5 frames
    first, last = 20, 30  # frames of the region, 25 a second
    assert (held[:, first:last] - source[:, first:last]).abs().max() > 1e-3, "the region is made anew"
    ramp = 5
    for outside in (slice(0, first - ramp), slice(last + ramp, None)):
        assert torch_equal(near[:, outside], source[:, outside])
        assert (free[:, outside] - source[:, outside]).abs().max() > 1e-3, "the model itself leaves nothing as it was"
    assert (near[:, first - 1] - source[:, first - 1]).abs().max() > 1e-4, "the ramp blends"
    assert (near - free)[:, first:last].abs().max() > 1e-4, "what is held beside the region is heard in it"


def torch_equal(one, other) -> bool:
    return bool((one - other).abs().max() < 1e-6)


def test_a_ramp_falls_outside_of_the_region():
    import torch

    inside = torch.zeros(1, 12, 1)
    inside[:, 4:6] = 1
    assert widened(inside, 3)[0, :, 0].tolist() == [0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0]
    assert widened(inside, 0).equal(inside)


def test_adaptive_dual_guidance_turns_every_frame(model):
    """In a plane the answer is known: what is foreseen with words lies 0.1 rad from what is without; at scale 3 it is
    turned by twice that (and a thousandth), and never by more than about 30 degrees."""
    import torch

    from engines.acestep.guidance import WIDEST, turned

    def foreseen(angle: float, scale: float) -> torch.Tensor:
        said = torch.tensor([[[np.cos(angle), np.sin(angle)]]], dtype=torch.double)
        unsaid = torch.tensor([[[1.0, 0.0]]], dtype=torch.double)
        noisy, time = torch.tensor([[[0.3, -0.2]]], dtype=torch.double), torch.tensor([0.5])
        given = [(noisy - one) / 0.5 for one in (said, unsaid)]
        return (noisy - 0.5 * turned(noisy, *given, time, scale))[0, 0]

    for angle, scale, turn in ((0.1, 3.0, 0.1 * 2.001), (0.5, 9.0, WIDEST), (0.1, 1.0, 0.1 * 0.001)):
        expected = np.cos(turn) * np.array([np.cos(angle), np.sin(angle)]) + np.array([0.0, np.sin(turn)])
        assert np.allclose(foreseen(angle, scale), expected, atol=1e-6)
    assert torch.allclose(foreseen(1e-4, 3.0), torch.tensor([1.0, 1e-4 * (1 + 2.001)], dtype=torch.double), atol=1e-5)
    plain = model.latents(SONG, silent)
    unguided = replace(SONG, guidance=1.0)
    assert torch.equal(model.latents(unguided, silent), model.latents(replace(unguided, adg=True), silent))
    model.latents(replace(SONG, adg=True), silent)
    assert torch.equal(plain, model.latents(SONG, silent)), "and nothing of it is left behind"


@pytest.mark.parametrize("interval", [(0.0, 0.2), (0.2, 0.8), (0.7, 0.7), (0.9, 1.0), (0.0, 1.0)])
def test_the_interval_counts_as_upstream_does_and_old_recipes_keep_theirs(model, take, interval):
    """By how many rows the transformer sees: guidance doubles them."""
    rows: list[tuple[float, bool]] = []

    def guided(said: tuple[float, float]) -> list[bool]:
        rows.clear()
        asked = replace(SONG, steps=10, seconds=1.0, interval=said)
        model.latents(asked, silent)
        return [double for _, double in rows]

    look = model.net.transformer.register_forward_pre_hook(
        lambda _, __, given: rows.append((float(given["timestep"][0]), given["hidden_states"].shape[0] == 2)),
        with_kwargs=True,
    )
    try:
        times = np.linspace(1, 0, 11)[:10].round(6)
        start, end = interval
        assert guided(interval) == [start <= t <= end for t in times]
        names = ("cfg_interval_start", "cfg_interval_end")
        knobs = take.recipe.request.model_dump() | dict(zip(names, interval, strict=True))
        old = take.recipe.model_copy(update={"engine": "acestep", "engine_version": "1", "request": read(knobs)})
        again = old.asked()
        assert old.model_copy(update={"engine_version": "2"}).asked() == old.request
        now = guided((again.cfg_interval_start, again.cfg_interval_end))
        assert now == [start <= 1 - t <= end for t, _ in rows], "as diffusers decided for the old recipe"
    finally:
        look.remove()


@pytest.mark.parametrize(("kind", "method"), [("turbo", "ode"), ("base", "sde"), ("sft", "ode")])
def test_a_cover_hears_its_original_for_a_share_of_its_steps(neural, noise, kind, method):
    """Two songs, each with two variations: at 0 they cannot be told from a song of the same words, and what it costs
    does not depend on how much they hear."""
    import torch

    model = Model(kind, neural / kind, "fp32")
    steps: list[int] = []
    model.net.transformer.register_forward_hook(lambda *_: steps.append(1))
    told = replace(SONG.told, caption="jazz")
    words = replace(SONG, told=told, seeds=(1, 2), steps=4, method=method)
    words = replace(words, guidance=1.0 if kind == "turbo" else 5.0)
    one, other = (replace(words, task="cover", source=song) for song in (noise, noise[::-1] * 0.3))

    def heard(strength: float) -> float:
        made = (model.latents(replace(song, strength=strength), silent) for song in (one, other))
        return float((next(made) - next(made)).norm())

    shares = [heard(share) for share in (0.0, 0.25, 0.75, 1.0)]
    assert len(steps) == 4 * 8, "a pass a step, whatever the strength"
    assert shares[0] == 0.0 < shares[1] < shares[2] < shares[3]
    assert torch.equal(model.latents(replace(one, strength=0.0), silent), model.latents(words, silent))
    assert heard(1.0) == shares[3], "and nothing of it is left behind"


@pytest.mark.slow
def test_a_cover_that_hears_nothing_of_its_original_has_its_reference_still(model, noise):
    import torch

    words = replace(SONG, reference=noise * 2, steps=1)
    cover = replace(words, task="cover", source=noise, strength=0.0)
    one, other = model.latents(cover, silent), model.latents(words, silent)
    assert torch.equal(one, other) and not torch.equal(one, model.latents(replace(cover, reference=None), silent))


def test_a_cover_at_strength_0_holds_no_sample_of_its_original(studio, take):
    other = made(studio, engine="composer", prompt="metal, 96 bpm, A minor, 4/4", duration=10, seed=2)
    knobs = {"prompt": "jazz", "bpm": 96, "key": "A minor", "source_meter": "4/4"}
    for strength, equal in ((0.0, True), (0.5, False)):
        songs = [made(studio, "cover", source=one.id, strength=strength, **knobs) for one in (take, other)]
        assert np.array_equal(sound(songs[0]).samples, sound(songs[1]).samples) == equal
    assert songs[0].recipe.engine_version == "2", "an old recipe is replayed by another engine, which is said"


def test_the_same_seed_is_the_same_song_whoever_is_made_beside_it(model, noise):
    import torch

    paint = replace(SONG, task="repaint", source=noise, region=(0.4, 1.2))
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one = model.latents(paint, silent)
    assert torch.equal(before, torch.random.get_rng_state()), "nobody else's chance is touched"
    torch.manual_seed(6)
    assert torch.equal(one, model.latents(paint, silent)), "and nobody else's chance is used"
    three = model.latents(replace(paint, seeds=(1, 2, 3)), silent)
    assert three.shape[0] == 3 and (three[:1] - one).abs().max() < 1e-3
    assert (three[1] - three[0]).abs().max() > 0.1


def test_sound_in_pieces_is_the_sound_at_once(model):
    import torch

    latents = torch.randn(1, 120, 8, generator=torch.Generator().manual_seed(1))
    stages: list[str] = []
    whole = model.sound(latents, lambda fraction, stage: stages.append(stage), 1000)
    assert whole.shape == (2, 120 * 1920) and set(stages) == {"Decoding"}
    with torch.inference_mode():
        theirs = model.net.vae.decoder(latents.transpose(1, 2))[0].numpy()
    for tile in (7, 50, 119):
        assert np.abs(model.sound(latents, silent, tile) - theirs).max() < 1e-5 < np.abs(theirs).max()


@pytest.mark.parametrize("at", range(4))
def test_it_stops_at_any_step(model, at):
    seen: list[str] = []

    def stop(fraction: float, stage: str) -> None:
        seen.append(stage)
        if len(seen) == at + 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.latents(replace(SONG, steps=3), stop)
    assert seen == ["Reading the words", "Step 1 of 3", "Step 2 of 3", "Step 3 of 3"][: at + 1]
    assert model.latents(SONG, silent).isfinite().all(), "and goes on to work"


def test_what_is_no_number_is_found_at_once_and_said(model, studio, monkeypatch):
    engine = tasks.engines()["acestep"]
    bias = model.net.transformer.proj_out_conv.bias
    kept = bias.clone()
    steps: list[str] = []
    try:
        bias[0] = float("nan")
        with pytest.raises(NotNumbers):
            model.latents(SONG, lambda fraction, stage: steps.append(stage))
        assert steps[-1] == "Step 1 of 2"
        monkeypatch.setattr(engine, "_loaded", lambda *_: model)
        with pytest.raises(CannotMake, match=r"^base computed something that is no number, .* take another seed\.$"):
            engine.generate(Generate(prompt="x", seed=1, duration=10, checkpoint="base"), silent)
    finally:
        bias.copy_(kept)


def test_words_beyond_what_is_read_are_refused_not_cut(model):
    with pytest.raises(BadRequest, match=r"^lyrics: ACE-Step reads 2048 tokens of it, these are \d+; shorten it$"):
        model.latents(replace(SONG, told=Told("x", "la " * 1000)), silent)
    with pytest.raises(BadRequest, match=r"^prompt: ACE-Step reads 256 tokens"):
        model.latents(replace(SONG, told=Told("la " * 150)), silent)


# --- variations, again, memory ----------------------------------------------------------------------------------------


def test_variations_are_made_side_by_side(studio, monkeypatch, tmp_path):
    batches: list[int] = []
    real = Model.latents
    monkeypatch.setattr(
        Model,
        "latents",
        lambda self, wanted, progress: (batches.append(len(wanted.seeds)), real(self, wanted, progress))[1],
    )
    songs = kept(studio, "generate", prompt="warm piano", duration=10, variations=2)
    assert batches == [2] and not tasks.engines()["acestep"]._kept
    assert [one.recipe.seed for one in songs] == [1, 2]
    assert np.abs(sound(songs[0]).samples - sound(songs[1]).samples).max() > 0.01
    alone = made(studio, prompt="warm piano", duration=10, seed=2)
    assert np.abs(sound(alone).samples - sound(songs[1]).samples).max() < 1e-2
    assert studio.replay(alone.recipe, tmp_path)[2], "and again, sample by sample"


def test_fresh_noise_at_every_step_is_each_songs_own(studio, tmp_path):
    asked = {"prompt": "warm piano", "duration": 10, "infer_method": "sde"}
    songs = kept(studio, "generate", variations=2, **asked)
    plain = made(studio, prompt="warm piano", duration=10)
    assert np.abs(sound(plain).samples - sound(songs[0]).samples).max() > 0.01
    alone = made(studio, seed=2, **asked)
    assert np.abs(sound(alone).samples - sound(songs[1]).samples).max() < 1e-2, "its neighbour stirs another pot"
    assert studio.replay(alone.recipe, tmp_path)[2], "and again, sample by sample"
    assert np.array_equal(sound(made(studio, prompt="warm piano", duration=10)).samples, sound(plain).samples)


def test_too_little_memory_means_one_song_alone_and_smaller_pieces(model, monkeypatch):
    engine, tried, tiles = AceStep(), [], []
    latents, decode = Model.latents, Model.sound

    def short(self, wanted, progress):
        tried.append(len(wanted.seeds))
        if len(wanted.seeds) > 1:
            raise MemoryError
        return latents(self, wanted, progress)

    def tight(self, found, progress, tile):
        tiles.append(tile)
        if tile > 25:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
        return decode(self, found, progress, tile)

    monkeypatch.setattr(Model, "latents", short)
    monkeypatch.setattr(Model, "sound", tight)
    one = engine._spared(model, replace(SONG, seeds=(1, 2)), silent)
    assert tried == [2, 1] and one.shape == (1, 50, 8)
    assert engine._decoded(model, one, silent).shape == (2, 96_000) and tiles == [250, 100, 25]
    engine._model = model
    monkeypatch.setattr(door, "TILES", (250, 100))
    with pytest.raises(CannotMake, match="not enough memory to play this with base in fp32"):
        engine._decoded(model, one, silent)
    assert engine._model is None, "what it held is given back"


def test_what_does_not_fit_into_memory_is_refused_with_numbers_before_it_is_loaded(neural, monkeypatch):
    engine = tasks.engines()["acestep"]
    engine.unload()
    monkeypatch.setattr(memory, "host", lambda: memory.Room(10**9, 16 * 10**9))
    with pytest.raises(NotEnoughMemory, match=r"turbo needs .* GB here \(weights .* are free"):
        engine.generate(Generate(prompt="x", seed=1, duration=600), silent)
    assert engine._model is None


# --- no ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"checkpoint": "nope"}, "checkpoint: there is none of this name here; there is base, sft, turbo"),
        ({"duration": 9}, "duration: ACE-Step makes 10 to 600 seconds; 9 were asked for"),
        ({"prompt": "five seconds of jazz"}, "duration: ACE-Step makes 10 to 600 seconds; 5 were asked for"),
        ({"prompt": "x" * 513}, "prompt: ACE-Step reads 512 characters of it, these are 513; shorten it"),
        ({"lyrics": "x" * 4097}, "lyrics: ACE-Step reads 4096 characters of it, these are 4097; shorten it"),
        ({"key": "D dorian"}, "key: ACE-Step knows major and minor keys only"),
        ({"meter": "7/8"}, "meter: ACE-Step knows 2/4, 3/4, 4/4, 6/8 only"),
        ({"precision": "int8"}, "precision: int8 is for MusicGen; ACE-Step computes in bf16 or fp32"),
        ({"cfg_interval_start": 0.8, "cfg_interval_end": 0.2}, "cfg_interval_start: lies behind cfg_interval_end"),
        ({"mode": "edit"}, "regions: is missing"),
        ({"mode": "edit", "regions": "2-20"}, "regions: 2-20 reaches beyond the song"),
        ({"mode": "edit", "task": "add"}, "track: is missing; say which track to add"),
        ({"mode": "edit", "task": "extract", "track": "bass", "regions": "2-5"}, "regions: extract is for the whole"),
        ({"mode": "edit", "track": "bass", "regions": "2-5"}, "track: means nothing to a repaint"),
        ({"mode": "edit", "task": "add", "track": "bass", "checkpoint": "sft"},
         "checkpoint: sft cannot do this (lego); choose base"),
        ({"mode": "cover", "prompt": ""}, "style: is missing"),
        ({"mode": "cover", "duration": 20}, "duration: a cover is as long as its original, 10 s, at most"),
    ],
    ids=lambda said: str(said)[:50],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_before_anything_is_written(studio, take, knobs, sentence):
    source = {"source": take.id} if "mode" in knobs else {}
    with pytest.raises(BadRequest) as refused:
        studio.submit(read({"engine": "acestep", "prompt": "x"} | source | knobs))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(("regions", "task"), [("10-620", "repaint"), ("", "extract"), ("", "complete")])
def test_what_is_longer_than_it_hears_at_once_is_refused(regions, task):
    request = read(
        {"mode": "edit", "source": "x", "regions": regions, "task": task} | ({"track": "bass"} if not regions else {})
    )
    with pytest.raises(BadRequest, match="hears 600 seconds at once"):
        asked.spans(request, 700.0)


def test_the_words_of_a_take_are_taken_over_where_they_fit(told, studio, take):
    assert told("extend")["prompt"] == ["lo-fi hip hop, 96 bpm, A minor, 4/4"]
    wordy = made(studio, engine="composer", prompt="lo-fi hip hop " + "with rain " * 60, duration=5, seed=1)
    source = tasks._source({"source": studio.source(wordy.id).model_dump(mode="json")}, silent)
    assert told("extend", start=source)["prompt"] == ["Lo-fi hip hop"]


def test_the_tables_are_the_published_ones():
    keys = {f"{note}{sign} {scale}" for note in "ABCDEFG" for sign in ("", "#", "b") for scale in ("major", "minor")}
    for key in keys:
        spoken = asked.told(Generate(prompt="x", key=key)).key
        assert spoken in keys and spoken.split()[1] == key.split()[1], "70 names with the signs of print, 24 keys"
    languages = (
        "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru"
    )
    languages += " sa sk sr sv sw ta te th tl tr uk ur vi yue zh"
    for language in languages.split():
        told = asked.told(Generate(prompt="x", lyrics="la", vocal_language=language))
        assert told.language == language and told.shown()["vocal_language"] == language
    with pytest.raises(BadRequest, match="vocal_language: must be one of"):
        read({"prompt": "x", "vocal_language": "tlh"})
    assert {asked.told(Generate(prompt="x", meter=meter)).meter for meter in asked.METERS} == {"2", "3", "4", "6"}
    for bpm in (30, 300):
        assert asked.told(Generate(prompt="x", bpm=bpm)).bpm == bpm


def test_what_the_words_name_is_given_and_a_knob_wins():
    told = asked.told(Generate(prompt="a waltz, 100 bpm, in F# minor, 3/4", key="C major"))
    assert (told.bpm, told.key, told.meter) == (100, "C major", "3")
    told = asked.told(Generate(prompt="a jam in D dorian, 7/8"))
    assert (told.bpm, told.key, told.meter) == (None, "", ""), "the caption says what the metadata cannot"


def test_auto_takes_the_quickest_that_can_do_it(neural):
    def name(**knobs) -> str:
        return found.chosen(read({"mode": "edit", "source": "x"} | knobs))[0]

    assert name() == "turbo" and name(task="add", track="bass") == "base"


def test_a_checkpoint_without_an_audio_tokenizer_makes_no_covers(studio, take, neural, tmp_path, monkeypatch):
    shutil.copytree(neural / "turbo", tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain" / "audio_tokenizer")
    index = json.loads((tmp_path / "plain" / "model_index.json").read_text())
    (tmp_path / "plain" / "model_index.json").write_text(json.dumps(index | {"audio_tokenizer": [None, None]}))
    monkeypatch.setattr(shelf, "settings", lambda: Settings(checkpoints=tmp_path))
    with pytest.raises(
        BadRequest, match=r"checkpoint: none of those here can do this \(cover\); get one with an audio"
    ):
        studio.submit(read({"mode": "cover", "engine": "acestep", "source": take.id, "prompt": "x"}))
    assert found.chosen(Generate(prompt="x"))[0] == "plain"


# --- files that are not what they should be ---------------------------------------------------------------------------


def _one_lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights.pop("layers.1.mlp.up_proj.weight")
    save_file(weights, path, metadata={"format": "pt"})


def _another_width(folder: Path) -> None:
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_size": 64}))


def _pickled(folder: Path) -> None:
    import pickle

    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(pickle.dumps({"decoder": [1, 2, 3]}))


def _code_of_others(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"transformer": ["mine", "Mine"]}))
    (folder / "transformer" / "mine.py").write_text(f"open({str(folder / 'sprung')!r}, 'w')\nclass Mine: pass\n")


@pytest.mark.parametrize("spoil", [_one_lacking, _another_width, _pickled, _code_of_others])
def test_a_spoilt_checkpoint_is_refused_in_one_sentence(neural, tmp_path, spoil):
    folder = tmp_path / "turbo"
    shutil.copytree(neural / "turbo", folder)
    spoil(folder)
    with pytest.raises(CannotMake, match=r"^The checkpoint turbo cannot be read: .* Mend it\.$"):
        Model("turbo", folder, "fp32")
    assert not (folder / "sprung").exists()


def test_where_nothing_is_there_it_says_what_to_get(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "settings", lambda: Settings(checkpoints=tmp_path))
    engine = tasks.engines()["acestep"]
    assert "studio models get acestep-v15-turbo-diffusers" in (engine.available() or "")
    with pytest.raises(EngineMissing, match="has no checkpoint here"):
        engine.generate(Generate(prompt="x", seed=1), silent)
    monkeypatch.setattr(door, "find_spec", lambda name: None if name == "diffusers" else True)
    assert "make neural" in (engine.available() or "")


def test_half_precision_is_nearly_the_same(neural, model):
    half = Model("base", neural / "base", "bf16")
    assert half.net.transformer.dtype != model.net.transformer.dtype
    one, other = (each.latents(replace(SONG, guidance=1.0), silent).float() for each in (half, model))
    assert 0 < (one - other).norm() < 0.1 * other.norm()
