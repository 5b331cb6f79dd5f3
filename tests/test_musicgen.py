"""MusicGen over tiny random checkpoints in the published format: the whole real path, and transformers as the judge."""

import json
import shutil
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import memory
import post_process
import preview
import separation
import tasks
import tiny
import tiny_demucs
from backend import Studio
from checkpoints import shelf
from engines.musicgen import found, tunes, windows
from engines.musicgen.chroma import HOP, RATE, WIDTH, chroma
from engines.musicgen.codec import Codec
from engines.musicgen.model import Model, make_sure_it_fits
from engines.musicgen.step import TorchStep
from engines.musicgen.tokens import Chance, chosen
from engines.musicgen.windows import Asked, codes, decoded, played
from kernels import KernelsUnfit
from settings import Settings
from song.audio import Audio
from song.errors import BadRequest, Cancelled, CannotMake, EngineMissing, NotEnoughMemory
from song.progress import Aloud, silent
from song.request import Generate, read
from song.take import Kept

WORDS = ("warm piano with drums", "jazz", "dark techno house and guitar")  # of unequal length, once they are tokens
GREEDY = Chance(temperature=0)
FRAMES = 57

pytestmark = pytest.mark.usefixtures("neural")


@pytest.fixture(scope="module")
def models(neural: Path) -> dict[str, Model]:
    return {kind: Model(kind, neural / kind, "fp32") for kind in tiny.KINDS}


@pytest.fixture(scope="module")
def studio(neural, tmp_path_factory):
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def take(studio) -> Kept:
    """Eight bars of the composer, to start from."""
    return made(studio, engine="composer", prompt="lo-fi hip hop, 96 bpm, A minor, 4/4", duration=12, seed=3)


def made(studio: Studio, mode: str = "generate", **knobs) -> Kept:
    return kept(studio, mode, **knobs)[0]


def kept(studio: Studio, mode: str, **knobs) -> list[Kept]:
    asked = {"engine": "musicgen", "precision": "fp32", "seed": 1} | knobs
    asked = asked if asked["engine"] == "musicgen" else asked | {"precision": "auto"}
    job = list(studio.follow(studio.submit(read({"mode": mode} | asked)).id))[-1]
    assert job.state == "done", job
    return [studio.library.take(one) for one in job.takes]


def sound(one: Kept) -> Audio:
    return post_process.read(Path(one.files["audio"]))


def asked(songs: int = 1, frames: int = FRAMES, chance: Chance = GREEDY, **said) -> Asked:
    seeds = tuple((seed,) for seed in range(songs))
    return Asked(words=WORDS[:songs], seeds=seeds, frames=frames, chance=chance, **{"stride": 900} | said)


def whole(model: Model, wanted: Asked) -> np.ndarray:
    return np.concatenate(list(codes(model, wanted)), axis=-1)


# --- token by token as transformers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("guidance", [3.0, 1.0])
@pytest.mark.parametrize("heard", [False, True], ids=["words", "audio"])
@pytest.mark.parametrize("songs", [1, 3])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_likeliest_codes_are_those_of_transformers(neural, models, kind, songs, heard, guidance):
    model, dice = models[kind], np.random.default_rng(0)
    prompt, tune, beside = None, None, {}
    if heard and model.melody:
        tune = np.eye(12, dtype=np.float32)[dice.integers(0, 12, 7)]
        beside = {"input_features": tune}
    elif heard:
        wave = (dice.standard_normal((model.channels, 16_000)) * 0.1).astype(np.float32)
        prompt = model.codec.encode(wave)
        assert len(np.unique(prompt)) > 10
        beside = {"input_values": wave}
    theirs = _theirs(neural / kind, model, songs, beside, guidance)
    start = 0 if prompt is None else prompt.shape[-1]
    chance = Chance(temperature=0, guidance_scale=guidance)
    melody = None if tune is None else lambda frame: tune
    ours = whole(model, asked(songs, chance=chance, prompt=prompt, melody=melody))
    assert ours.shape == (songs, 8 if model.channels == 2 else 4, FRAMES)
    assert len(np.unique(theirs)) > 20, "the choices must be distinct, or equality says nothing"
    assert np.array_equal(ours, theirs[..., start:])


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_plain_step_chooses_what_the_packed_one_does(neural, models, kind):
    model = Model(kind, neural / kind, "fp32")
    model.step = TorchStep(model.net.decoder, "fp32")
    assert np.array_equal(whole(model, asked(3)), whole(models[kind], asked(3)))


def test_where_the_kernels_are_unfit_the_plain_step_plays_and_says_so(neural, monkeypatch):
    import kernels.decode

    def unfit(precision: str) -> None:
        raise KernelsUnfit("The fp32 kernels compute wrongly on this CPU; the plain loop must do.")

    monkeypatch.setattr(kernels.decode, "check", unfit)
    model = Model("mono", neural / "mono", "fp32")
    assert isinstance(model.step, TorchStep) and "compute wrongly" in model.notice
    assert whole(model, asked()).shape == (1, 4, FRAMES)


def test_what_does_not_fit_into_memory_is_refused_with_numbers(neural, monkeypatch):
    config = neural / "mono" / "config.json"
    monkeypatch.setattr(memory, "host", lambda: memory.Room(10**9, 16 * 10**9))
    with pytest.raises(NotEnoughMemory, match=r"mono needs .* GB here .* are free"):
        make_sure_it_fits("mono", config.parent, "fp32")


def _theirs(folder: Path, model: Model, songs: int, beside: dict[str, np.ndarray], guidance: float) -> np.ndarray:
    """The codes that transformers' own `generate` chooses, (songs, codebooks, frames)."""
    import torch
    import transformers

    kind = transformers.MusicgenForConditionalGeneration
    kind = transformers.MusicgenMelodyForConditionalGeneration if model.melody else kind
    net, seen = kind.from_pretrained(folder).eval(), []
    decode = net.audio_encoder.decode
    net.audio_encoder.decode = lambda found, **said: (seen.append(found[0]), decode(found, **said))[1]
    words = model.tokenizer(list(WORDS[:songs]), padding=True, return_tensors="pt")
    extra = {name: torch.from_numpy(np.stack([value] * songs)) for name, value in beside.items()}
    net.generate(**words, **extra, do_sample=False, guidance_scale=guidance, max_new_tokens=FRAMES + 3)
    return torch.stack(seen, dim=2).flatten(1, 2).numpy()  # left and right take turns


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_coarser_numbers_choose_nearly_the_same(neural, models, precision):
    """The scores of the same position, whatever was chosen before."""
    coarse, fine = Model("mono", neural / "mono", precision), models["mono"]
    prompt = whole(fine, asked())
    scores = []
    for model in (coarse, fine):
        conditions = model.conditions(WORDS[:1], True)
        pattern, first = model.begin(conditions, prompt, FRAMES + 4)
        entering = model.tables.embedded(pattern[:, :, first], first)
        scores.append(model.step(np.concatenate([entering, entering]), first))
    error = np.linalg.norm(scores[0] - scores[1]) / np.linalg.norm(scores[1])
    assert 0 < error < 0.1


def test_the_shapes_that_a_cuda_graph_needs_give_the_same(models):
    model = models["mono"]
    plain, still = model.step, TorchStep(model.net.decoder, "fp32", still=True)
    ours = whole(model, asked(3))
    model.step = still
    try:
        assert np.array_equal(whole(model, asked(3)), ours)
    finally:
        model.step = plain


# --- chance -----------------------------------------------------------------------------------------------------------


def test_a_code_is_drawn_by_its_share():
    scores = np.log(np.array([0.5, 0.25, 0.15, 0.1]))[None, None].repeat(20_000, axis=1)
    luck = np.random.default_rng(0).random((1, 20_000))

    def shares(**said) -> np.ndarray:
        found = chosen(scores, Chance(**said), luck)[0]
        return np.bincount(found, minlength=4) / len(found)

    assert shares(top_k=0) == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.015)
    assert shares(top_k=2) == pytest.approx([2 / 3, 1 / 3, 0, 0], abs=0.015)
    assert shares(top_k=0, top_p=0.8) == pytest.approx(np.array([0.5, 0.25, 0.15, 0]) / 0.9, abs=0.015)
    assert shares(top_k=3, top_p=0.5) == pytest.approx([1, 0, 0, 0])
    hot = np.array([0.5, 0.25, 0.15, 0.1]) ** 0.5
    assert shares(top_k=0, temperature=2) == pytest.approx(hot / hot.sum(), abs=0.015)
    assert shares(temperature=0) == pytest.approx([1, 0, 0, 0])


def test_the_same_seed_is_the_same_song_whoever_is_made_beside_it(models):
    model, chance = models["mono"], Chance(top_k=20)

    def song(*seeds: int) -> np.ndarray:
        return whole(model, Asked(WORDS[:1] * len(seeds), tuple((seed,) for seed in seeds), FRAMES, chance, 900))

    one, other = song(1), song(7)
    assert np.array_equal(one, song(1)) and not np.array_equal(one, other)
    assert np.array_equal(song(1, 7), np.concatenate([one, other]))


# --- songs longer than the window -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mono", "stereo-melody"])
def test_a_long_song_goes_on_from_what_the_window_still_holds(models, kind):
    model, stride, frames = models[kind], 120, 2 * tiny.WINDOW + 30
    tune = np.eye(12, dtype=np.float32)[np.arange(20) % 12]
    melody = (lambda frame: np.roll(tune, frame, axis=0)) if model.melody else None
    song = whole(model, asked(1, frames, stride=stride, melody=melody))
    assert song.shape[-1] == frames
    held = tiny.WINDOW - stride
    for start in (stride, 2 * stride):  # each window again, alone, from what came before it
        until = min(start + tiny.WINDOW, frames)
        after = None if melody is None else lambda frame, start=start: melody(frame + start)
        before = song[..., start : start + held]
        again = whole(model, asked(1, until - start - held, stride=stride, prompt=before, melody=after))
        assert np.array_equal(again, song[..., start + held : until])


def test_a_long_song_keeps_its_level_at_every_join(studio):
    long = made(studio, prompt="warm piano", duration=20, stride=2)
    heard = sound(long)
    assert heard.frames == 20 * 48_000
    blocks = heard.samples.reshape(2, 80, -1)  # of a quarter of a second
    levels = 10 * np.log10(np.square(blocks).mean(axis=(0, 2)) + 1e-9)
    steps = np.abs(np.diff(levels))
    joins = np.arange(16, 80, 8) - 1  # the window is 4 s, and moves on by 2
    assert steps[joins].max() <= np.percentile(steps, 95) + 1


# --- the codec --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[1] * 60, [7] * 9, [59, 1], [1, 59]], ids=str)
def test_sound_in_pieces_is_the_sound_at_once(models, sizes):
    model = models["stereo"]
    tokens = np.random.default_rng(0).integers(0, 64, (2, 8, sum(sizes)))
    stream, start, pieces = model.codec.stream(), 0, []
    for size in sizes:
        pieces.append(stream.push(tokens[..., start : start + size], last=start + size == sum(sizes)))
        start += size
    assert np.abs(np.concatenate(pieces, axis=-1) - model.codec.decode(tokens)).max() < 1e-6
    assert sum(piece.shape[-1] for piece in pieces[:-1]) >= (start - sizes[-1] - 8) * 640, "most of it came early"


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_sound_is_as_transformers_decodes_it(models, kind):
    import torch

    net, model = tiny.built(kind).audio_encoder, models[kind]
    tokens = np.random.default_rng(0).integers(0, 64, (1, 4 * model.channels, 90))
    with torch.no_grad():
        sides = [torch.from_numpy(tokens[:, side :: model.channels]) for side in range(model.channels)]
        theirs = torch.cat([net.decode(side[None], [None]).audio_values for side in sides], dim=1).numpy()
    ours = model.codec.decode(tokens)
    assert np.abs(ours - theirs).max() < 1e-6 < np.abs(theirs).max()
    rough = Codec(net, model.channels, fast=True).decode(tokens)
    assert np.linalg.norm(rough - theirs) < 0.02 * np.linalg.norm(theirs)


def test_sound_comes_while_it_is_made(models, monkeypatch):
    """The first piece is decoded long before the last code is drawn."""
    pushed, model = [], models["mono"]
    monkeypatch.setattr(windows, "_CHUNK", 20)
    wanted = asked(frames=150)

    def watch(fraction: float, stage: str) -> None:
        pushed.append(fraction)

    heard, found_codes = played(model, wanted, watch)
    assert np.abs(heard - model.codec.decode(found_codes)[0]).max() < 1e-6
    assert len(pushed) >= 150 and pushed == sorted(pushed) and pushed[-1] < 1


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_what_is_heard_early_is_the_new_part_of_the_song(models, monkeypatch, kind):
    """Whether its codes are drawn now or were drawn beside another song."""
    monkeypatch.setattr(windows, "_CHUNK", 20)
    model, pieces, at = models[kind], [], []
    prompt = whole(model, asked(frames=30))
    aloud = Aloud(lambda fraction, stage: at.append((fraction, len(pieces))), pieces.append)
    song, new = played(model, asked(frames=120, prompt=prompt), aloud)
    assert next(fraction for fraction, heard in at if heard) < 0.4, "it begins early"
    heard = np.concatenate([piece.samples for piece in pieces], axis=1)
    assert np.array_equal(heard, song[:, 30 * 640 :]) and pieces[0].sample_rate == 32_000
    pieces.clear()
    again = decoded(model, np.concatenate([prompt, new], axis=-1), aloud, known=30)
    assert len(pieces) > 5
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces], axis=1), again[:, 30 * 640 :])


def test_a_song_in_the_making_is_a_file_that_grows(studio, tmp_path, monkeypatch):
    """Its sound is the decoded song, before it is resampled and mastered; afterwards no file is left."""
    monkeypatch.setattr(windows, "_CHUNK", 50)
    engine, songs, sizes = tasks.engines()["musicgen"], [], []
    spared = engine._spared
    monkeypatch.setattr(engine, "_spared", lambda *said: (songs.append(spared(*said)), songs[-1])[1])
    path, held = tmp_path / preview.NAME, []

    def watch(fraction: float, stage: str) -> None:
        sizes.append(path.stat().st_size if path.exists() else 0)
        if sizes[-1]:
            held.append(path.read_bytes())

    request = Generate(prompt="warm piano", engine="musicgen", precision="fp32", duration=5, seed=1)
    tasks.make({"id": "one", "request": request.model_dump(mode="json")}, tmp_path, watch)
    assert not path.exists() and (tmp_path / "song.wav").exists()
    assert len(set(sizes)) >= 4, "piece by piece"
    assert all(late[: len(early)] == early for early, late in pairwise(held))
    heard = np.frombuffer(held[-1][44:], "<i2").reshape(-1, 1).T / 32768
    assert np.abs(heard - np.clip(songs[0][0], -1, 1)).max() < 1 / 32768


# --- melodies ---------------------------------------------------------------------------------------------------------


def test_chroma_is_as_transformers_defines_it():
    import torch
    from transformers.audio_utils import chroma_filter_bank

    room = import_module("transformers.models.musicgen_melody.feature_extraction_musicgen_melody")
    theirs = object.__new__(room.MusicgenMelodyFeatureExtractor)
    theirs.n_fft = WIDTH
    theirs.chroma_filters = torch.from_numpy(chroma_filter_bank(WIDTH, 12, RATE, tuning=0)).float()
    window = torch.hann_window(WIDTH)
    theirs.spectrogram = lambda wave: (  # torchaudio's Spectrogram, with its settings
        torch.stft(wave, WIDTH, HOP, WIDTH, window, center=True, pad_mode="reflect", return_complex=True)
        .div(window.square().sum().sqrt())
        .abs()
        .square()
    )
    times = np.arange(RATE * 3) / RATE
    tune = np.concatenate([np.sin(2 * np.pi * 440 * 2 ** (step / 12) * times[:RATE]) for step in (0, 3, 7)])
    for wave in (tune, tune[:9_000], np.random.default_rng(0).standard_normal(70_001)):
        wave = wave.astype(np.float32)
        expected = theirs._torch_extract_fbank_features(torch.from_numpy(wave)[None])[0].numpy()
        ours = chroma(wave)
        assert ours.shape == expected.shape and (ours == expected).all(axis=1).mean() > 0.98
    assert [int(place) for place in chroma(tune.astype(np.float32)).argmax(axis=1)[[2, 11, 20]]] == [9, 0, 4]


def test_a_cover_follows_its_original(studio, take):
    cover = made(studio, "cover", source=take.id, prompt="jazz", temperature=0)
    assert cover.recipe.plan["checkpoint"] == "melody" and cover.recipe.duration == pytest.approx(12)
    assert "96 bpm, A minor" in cover.recipe.plan["words"]
    again = made(studio, "cover", source=take.id, prompt="jazz", temperature=0, seed=9)
    assert again.recipe.samples_sha256 == cover.recipe.samples_sha256, "nothing is left to chance"
    other = made(studio, engine="composer", prompt="house, 120 bpm, F major", duration=12, seed=4)
    words = made(studio, "cover", source=other.id, prompt="jazz", bpm=96, key="A minor", temperature=0)
    assert words.recipe.plan["words"] == cover.recipe.plan["words"]
    assert words.recipe.samples_sha256 != cover.recipe.samples_sha256, "another melody, another song"


def test_the_melody_is_heard_without_bass_and_drums_where_demucs_is_here(studio, take, neural):
    whole = made(studio, "cover", source=take.id, prompt="jazz", temperature=0)
    assert "separator" not in whole.recipe.versions
    assert any("whole mix, with bass and drums" in notice and "htdemucs" in notice for notice in whole.recipe.notices)
    place = tiny_demucs.checkpoint(neural / "htdemucs")
    try:
        apart = made(studio, "cover", source=take.id, prompt="jazz", temperature=0)
        assert apart.recipe.versions["separator"].startswith("htdemucs ")
        assert any("without bass and drums, by htdemucs" in notice for notice in apart.recipe.notices)
        assert apart.recipe.samples_sha256 != whole.recipe.samples_sha256
        assert "separator" in [part.kind for part in apart.ledger.parts]
        song = post_process.read(Path(take.files["audio"]))
        parts = separation.separator().separate(song, "htdemucs", place, silent)
        sung = Audio(parts["vocals"].samples + parts["other"].samples, song.sample_rate)
        assert np.allclose(tunes.heard(song, silent).samples, tunes.mono(sung), atol=1e-6)
    finally:
        shutil.rmtree(place)
        separation.separator().unload()


def test_chords_become_a_guide(studio):
    songs = [
        made(studio, prompt="jazz", duration=5, temperature=0, chords=chords)
        for chords in ("| Am |", "| Am |", "| F# |")
    ]
    first, same, other = (one.recipe.samples_sha256 for one in songs)
    assert first == same != other
    with pytest.raises(BadRequest, match="cannot follow a melody"):
        made(studio, prompt="jazz", duration=5, chords="| Am |", checkpoint="mono")


# --- the modes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_words_become_a_song(studio, kind):
    song = made(studio, prompt="warm piano", duration=5, checkpoint=kind)
    recipe, heard = song.recipe, sound(song)
    assert (heard.sample_rate, heard.channels, heard.frames) == (48_000, 2, 5 * 48_000)
    assert recipe.facts.lufs == pytest.approx(-14, abs=0.5)
    assert np.array_equal(*heard.samples) == (not kind.startswith("stereo"))
    assert (recipe.engine, recipe.plan["checkpoint"]) == ("musicgen", kind)
    assert recipe.versions["checkpoint"] == f"{kind} {found.revision(found.places()[kind])}"
    assert {"torch", "transformers"} <= recipe.versions.keys()
    assert any(one.startswith(f"Made with {kind}. ") and "CC-BY-NC 4.0" in one for one in recipe.notices)
    for kind in ("stems", "ardour"):
        with pytest.raises(CannotMake, match="needs a model of Demucs"):
            studio.export(song.id, kind)


@pytest.mark.parametrize(
    "turned",
    [{"seed": 2}, {"temperature": 0.3}, {"top_k": 3}, {"top_p": 0.1}, {"guidance_scale": 8}, {"stride": 1},
     {"checkpoint": "stereo"}, {"precision": "int8"}, {"bpm": 150}, {"key": "D minor"}, {"style": "techno"}],
    ids=str,
)  # fmt: skip
def test_every_knob_changes_the_song(studio, turned):
    usual = {"prompt": "warm piano", "duration": 6}
    songs = [made(studio, **usual), made(studio, **usual | turned)]
    assert songs[0].recipe.samples_sha256 != songs[1].recipe.samples_sha256


def test_a_song_of_a_second_is_a_song(studio):
    for knobs in ({"checkpoint": "stereo"}, {"chords": "| Am |"}):
        heard = sound(song := made(studio, prompt="warm piano", duration=1, **knobs))
        assert heard.frames == 48_000 and np.abs(heard.samples).max() > 0.05
        assert song.recipe.facts.lufs == pytest.approx(-14, abs=0.5)


def test_a_song_is_made_again_sample_by_sample(studio, tmp_path):
    song = made(studio, prompt="warm piano", duration=5)
    assert studio.replay(song.recipe, tmp_path)[2]


def test_variations_are_made_side_by_side(studio, monkeypatch):
    batches = []
    engine = tasks.engines()["musicgen"]
    spared = engine._spared
    monkeypatch.setattr(
        engine,
        "_spared",
        lambda model, asked, progress: (batches.append(len(asked.seeds)), spared(model, asked, progress))[1],
    )
    songs = kept(studio, "generate", prompt="warm piano", duration=5, variations=3)
    assert batches == [3] and not engine._kept
    assert [one.recipe.seed for one in songs] == [1, 2, 3]
    alone = made(studio, prompt="warm piano", duration=5, seed=2)
    assert np.abs(sound(alone).samples - sound(songs[1]).samples).max() < 1e-3
    assert np.abs(sound(songs[0]).samples - sound(songs[1]).samples).max() > 0.01


@pytest.mark.parametrize("kind", ["mono", "stereo", "melody"])
def test_a_song_goes_on_and_before_it_nothing_changes(studio, take, kind):
    longer = made(studio, "extend", source=take.id, seconds=5, checkpoint=kind)
    old, new, proof = sound(take), sound(longer), longer.recipe.proof
    assert proof and proof.changed_outside == 0
    cut = proof.regions[0].first
    assert np.array_equal(new.samples[:, :cut], old.samples[:, :cut])
    assert new.frames == cut + 5 * 48_000 and cut / 48_000 == pytest.approx(10, abs=0.02), "a barline: a bar is 2.5 s"
    assert abs(proof.seams[0].level_step_db) <= 3 and longer.recipe.facts.true_peak_dbtp <= -1.0
    assert all(studio.export(longer.id, kind).is_file() for kind in ("stems", "reaper"))


def test_what_comes_after_depends_on_what_came_before(studio, take):
    other = made(studio, engine="composer", prompt="techno, 96 bpm, A minor, 4/4", duration=12, seed=5)
    asked = {"prompt": "jazz", "seconds": 3}
    one, two = (made(studio, "extend", source=id, **asked) for id in (take.id, other.id))
    tails = [sound(song).samples[:, -48_000:] for song in (one, two)]
    tails = [tail / np.abs(tail).max() for tail in tails]
    assert np.abs(tails[0] - tails[1]).max() > 0.05


def test_outside_the_regions_every_sample_is_the_same(studio, take):
    new = made(studio, "edit", source=take.id, prompt="techno", regions="2.5-5, 7-8")
    old, proof = sound(take), new.recipe.proof
    assert proof and proof.changed_outside == 0 and len(proof.seams) == 4
    changed = np.flatnonzero((old.samples != sound(new).samples).any(axis=0)) / 48_000
    assert changed.min() >= 2.5 and changed.max() < 8 and not ((changed > 5) & (changed < 7)).any()
    assert all(abs(seam.level_step_db) <= 3 for seam in proof.seams)
    start = made(studio, "edit", source=take.id, prompt="techno", regions="0-1")
    assert start.recipe.proof and start.recipe.proof.changed_outside == 0


# --- no ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"prompt": "x", "checkpoint": "nope"}, "checkpoint: there is none of this name here; there is melody, mono"),
        ({"prompt": "half a second of jazz, 0.5 s"}, "duration: MusicGen makes at least 1 second"),
        ({"prompt": "x", "duration": 301}, "duration: MusicGen makes at most 300 seconds"),
        ({"prompt": "six minutes of jazz"}, "duration: MusicGen makes at most 300 seconds"),
        ({"mode": "extend", "side": "start"}, "side: MusicGen only goes on after the end"),
        ({"mode": "edit", "prompt": "x"}, "regions: is missing"),
        ({"mode": "cover", "prompt": "x", "checkpoint": "mono"}, "checkpoint: cannot follow a melody"),
        ({"mode": "cover"}, "style: is missing"),
    ],
    ids=str,
)  # fmt: skip
def test_what_it_cannot_do_is_refused_before_anything_is_written(studio, take, knobs, sentence):
    source = {"source": take.id} if "mode" in knobs else {}
    with pytest.raises(BadRequest) as refused:
        studio.submit(read({"engine": "musicgen"} | source | knobs))
    assert str(refused.value).startswith(sentence)


def test_endless_words_are_read_as_far_as_the_model_was_taught(models):
    endless = "warm piano and " * 400
    for model in (models["mono"], models["melody"]):
        wanted = Asked(words=(endless,), seeds=((0,),), frames=8, chance=GREEDY, stride=900)
        assert whole(model, wanted).shape[-1] == 8


def test_it_stops_at_any_step(models):
    steps = []

    def stop(fraction: float, stage: str) -> None:
        steps.append(fraction)
        if len(steps) == 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        played(models["mono"], asked(frames=150), stop)
    assert 0.15 < steps[-1] < 0.3
    played(models["mono"], asked(), silent)  # and goes on to work


def test_too_little_memory_is_said_and_one_song_is_tried_alone(studio, monkeypatch):
    engine, tried = tasks.engines()["musicgen"], []

    def short(model, wanted, progress):
        tried.append(len(wanted.seeds))
        if len(wanted.seeds) > 1:
            raise MemoryError
        return played(model, wanted, progress)

    monkeypatch.setattr("engines.musicgen.door.played", short)
    assert len(kept(studio, "generate", prompt="warm piano", duration=5, variations=2)) == 2
    assert tried == [2, 1, 1]

    def shorter(model, wanted, progress):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr("engines.musicgen.door.played", shorter)
    with pytest.raises(CannotMake, match="not enough memory to play this with mono in fp32"):
        engine.generate(Generate(prompt="warm piano", seed=1, precision="fp32"), silent)
    assert engine._model is None


def test_its_memory_comes_back_when_nobody_makes_songs(studio, monkeypatch):
    engine, asked = tasks.engines()["musicgen"], {"prompt": "warm piano", "duration": 1}
    before = made(studio, **asked)
    assert engine._model is not None
    monkeypatch.setattr(studio.lane.runner, "idle", 0.1)
    deadline = time.monotonic() + 20
    while engine._model is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine._model is None
    monkeypatch.undo()
    assert made(studio, **asked).recipe.samples_sha256 == before.recipe.samples_sha256, "it is loaded again"


# --- files that are not what they should be ---------------------------------------------------------------------------


def _without(name: str):
    return lambda folder: (folder / name).unlink()


def _truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _pickled(folder: Path) -> None:
    import pickle

    (folder / "model.safetensors").write_bytes(pickle.dumps({"decoder": [1, 2, 3]}))


def _pickle_only(folder: Path) -> None:
    import torch

    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _another_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["decoder"]["ffn_dim"] = 512
    (folder / "config.json").write_text(json.dumps(config))


def _one_lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("decoder.model.decoder.layers.1.fc1.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _not_numbers(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


@pytest.mark.parametrize(
    "spoil",
    [_without("model.safetensors"), _without("tokenizer.json"), _truncated, _pickled, _pickle_only, _another_shape,
     _one_lacking, _not_numbers],
)  # fmt: skip
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_spoilt_checkpoint_is_refused_in_one_sentence(neural, tmp_path, spoil, precision):
    folder = tmp_path / "mono"
    shutil.copytree(neural / "mono", folder)
    spoil(folder)
    with pytest.raises(CannotMake, match=r"^The checkpoint mono cannot be read: .* Mend it\.$"):
        Model("mono", folder, precision)


def _as_audiocraft(net) -> dict:
    """A model's weights by the names that audiocraft saves them under, written down without our own table."""
    weights = {}
    for name, value in net.decoder.state_dict().items():
        place = name.split(".")
        if place[0] == "lm_heads":
            weights[f"linears.{place[1]}.weight"] = value
        elif place[2] == "embed_tokens":
            weights[f"emb.{place[3]}.weight"] = value
        elif place[2] == "layer_norm":
            weights[f"out_norm.{place[3]}"] = value
        elif place[2] == "layers" and place[5] not in ("q_proj", "k_proj", "v_proj"):
            part = {"fc1": "linear1", "fc2": "linear2", "self_attn_layer_norm": "norm1", "final_layer_norm": "norm2"}
            part |= {"encoder_attn_layer_norm": "norm_cross", "encoder_attn": "cross_attention"}
            rest = ".".join(place[5:])
            weights[f"transformer.layers.{place[3]}.{part.get(place[4], place[4])}.{rest}"] = value
    for number, layer in enumerate(net.decoder.model.decoder.layers):
        for part, mine in (("self_attn", layer.self_attn), ("cross_attention", layer.encoder_attn)):
            three = [mine.q_proj.weight, mine.k_proj.weight, mine.v_proj.weight]
            weights[f"transformer.layers.{number}.{part}.in_proj_weight"] = _cat(three)
    for name, value in net.enc_to_dec_proj.state_dict().items():
        weights[f"condition_provider.conditioners.description.output_proj.{name}"] = value
    return {name: value.detach() for name, value in weights.items()}


def _cat(tensors):
    import torch

    return torch.cat(list(tensors))


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_a_fine_tune_of_audiocraft_plays(neural, models, tmp_path, kind):
    """Its decoder, with text encoder, codec and tokenizer of a checkpoint of its shape."""
    import torch

    net = tiny.built(kind, seed=5)
    for mine, base in (  # these three never change in such training
        (net.text_encoder, models[kind].net.text_encoder),
        (net.audio_encoder.quantizer, models[kind].net.audio_encoder.quantizer),
    ):
        mine.load_state_dict(base.state_dict())
    net.save_pretrained(tmp_path / "theirs")
    tiny.tokenizer().save_pretrained(tmp_path / "theirs")
    (tmp_path / "tuned").mkdir()
    package = {"best_state": _as_audiocraft(net), "xp.cfg": "dataset: {}", "version": "1.3.0", "exported": True}
    torch.save(package, tmp_path / "tuned" / "state_dict.bin")
    assert found.kind(tmp_path / "tuned") == "audiocraft"
    tuned, theirs = (Model(name, tmp_path / name, "fp32") for name in ("tuned", "theirs"))
    assert np.array_equal(whole(tuned, asked()), whole(theirs, asked()))
    assert not np.array_equal(whole(tuned, asked()), whole(models[kind], asked()))


def test_what_audiocraft_keeps_is_read_as_numbers_only(neural, tmp_path):
    import torch

    folder = tmp_path / "tuned"
    folder.mkdir()

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"best_state": Trap()}, folder / "state_dict.bin")
    with pytest.raises(CannotMake, match="tuned cannot be read"):
        Model("tuned", folder, "fp32")
    assert not (tmp_path / "sprung").exists()
    other = _as_audiocraft(tiny.built("mono"))
    other["emb.0.weight"] = other["emb.0.weight"][:, :64]
    torch.save({"best_state": other}, folder / "state_dict.bin")
    with pytest.raises(CannotMake, match="borrows its text encoder and codec"):
        Model("tuned", folder, "fp32")
    tuneful = {"condition_provider.conditioners.self_wav.output_proj.weight": torch.zeros(1)}
    torch.save({"best_state": other | tuneful}, folder / "state_dict.bin")
    with pytest.raises(CannotMake, match="melody checkpoint in audiocraft's format"):
        Model("tuned", folder, "fp32")


def test_folders_that_hold_no_checkpoint_are_passed_over(neural, tmp_path, monkeypatch):
    assert list(found.places()) == sorted(tiny.KINDS)
    for name, text in {"broken": "{", "other": '{"model_type": "bert"}', "list": "[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text)
    monkeypatch.setattr(shelf, "settings", lambda: Settings(checkpoints=tmp_path))
    assert found.places() == {}
    assert "studio models get musicgen-small" in (tasks.engines()["musicgen"].available() or "")
    with pytest.raises(EngineMissing, match="has no checkpoint here"):
        tasks.engines()["musicgen"].generate(Generate(prompt="x", seed=1), silent)
    monkeypatch.setattr(shelf, "settings", lambda: Settings(checkpoints=neural / "mono"))
    assert list(found.places()) == ["mono"], "the folder may be a checkpoint itself"
