"""Songs that are thought over before they are made, by a tiny planner and by the composer: the whole real path."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import memory
import post_process
import tasks
import tiny_planner
from backend import Studio
from engines.acestep import AceStep, thoughts
from engines.acestep.asked import length_notice, told
from engines.acestep.planner import Asked, Chance, Metas, Planned, Planner
from engines.acestep.planner import read as read_plan
from engines.acestep.planner.metas import KEYS, LANGUAGES
from settings import Settings, settings
from song.errors import BadRequest, Cancelled, EngineMissing, NotEnoughMemory
from song.progress import silent
from song.request import Generate, read
from song.take import Kept
from tabs import widgets
from writing.fit import measure

SUNG = "[verse]\nOver the hills\n[chorus]\nOh sing with me"
BRIEF = {"use_cot_caption": False}  # a caption of random weights takes most of the time


@pytest.fixture(scope="module")
def shelf(pipelines: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The checkpoints of this process: a pipeline, and a planner that thinks for it."""
    import torch

    folder = tmp_path_factory.mktemp("thinking")
    (folder / "turbo").symlink_to(pipelines / "turbo")
    tiny_planner.checkpoint(folder / "tiny-planner")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_CHECKPOINTS", str(folder))
        settings.cache_clear()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield folder
        torch.set_num_threads(threads)
    settings.cache_clear()
    tasks.rest()


@pytest.fixture(scope="module")
def studio(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


def made(studio: Studio, mode: str = "generate", **knobs: object) -> Kept:
    asked = {"engine": "acestep", "precision": "fp32", "seed": 1, "inference_steps": 1, "prompt": "warm piano"} | knobs
    asked = {"duration": 10} | asked if mode == "generate" else asked
    job = list(studio.follow(studio.submit(read({"mode": mode} | asked)).id))[-1]
    assert job.state == "done", job
    return studio.library.take(job.takes[0])


def samples(one: Kept) -> np.ndarray:
    return post_process.read(Path(one.files["audio"])).samples


@pytest.fixture(scope="module")
def thought(studio: Studio) -> Kept:
    return made(studio, lyrics=SUNG, **BRIEF)


# --- with a planner ---------------------------------------------------------------------------------------------------


def test_what_the_planner_decides_is_told_to_the_model_shown_and_kept(thought):
    plan, recipe = thought.recipe.plan, thought.recipe
    assert plan["planner"] == "tiny-planner" and plan["codes"] == 50
    assert set(plan["planned"]) == {"bpm", "keyscale", "language", "timesignature"}
    assert plan["bpm"] == plan["planned"]["bpm"] == recipe.facts.bpm and 30 <= plan["bpm"] <= 300
    assert plan["key"] == plan["planned"]["keyscale"] == recipe.facts.key and plan["key"] in KEYS
    assert plan["vocal_language"] == plan["planned"]["language"] and plan["vocal_language"] in LANGUAGES
    assert recipe.versions["planner"].startswith("tiny-planner ")
    words = widgets.sheet(thought)["words"]
    assert words.startswith(f"{plan['bpm']} bpm, {plan['key']}, {plan['meter']}") and words.endswith(": warm piano")


def test_the_song_follows_its_plan_and_the_same_request_gives_the_same_song(studio, thought):
    again = made(studio, lyrics=SUNG, **BRIEF)
    assert again.recipe.samples_sha256 == thought.recipe.samples_sha256
    plan = thought.recipe.plan
    said = {"bpm": float(plan["bpm"]), "key": plan["key"].replace("♯", "#").replace("♭", "b"), "meter": plan["meter"]}
    plain = made(studio, lyrics=SUNG, thinking=False, **said)
    assert "planner" not in plain.recipe.plan and plain.recipe.plan["words"] == "warm piano"
    assert not np.allclose(samples(plain), samples(thought), atol=1e-3), "the codes are heard, too"


def test_what_the_user_gave_wins_over_every_plan(studio):
    given = {"bpm": 97.0, "key": "F# minor", "meter": "3/4", "vocal_language": "no"}
    plan = made(studio, lyrics=SUNG, lm_temperature=2, **given, **BRIEF).recipe.plan
    assert {name: plan[name] for name in given} == given and plan["planned"] == {} and plan["codes"] == 50


@pytest.mark.parametrize("knob", [{"lm_temperature": 0.2}, {"lm_guidance": 4}, {"lm_negative_prompt": "noise"}])
def test_the_planners_knobs_are_heard(studio, thought, knob):
    assert made(studio, lyrics=SUNG, **BRIEF, **knob).recipe.samples_sha256 != thought.recipe.samples_sha256


def test_every_knob_reaches_the_planner(shelf):
    given = {"bpm": 97.4, "key": "F# minor", "meter": "6/8", "vocal_language": "no", "lyrics": SUNG, "seed": 7}
    turned = {"lm_temperature": 0.3, "lm_top_k": 5, "lm_top_p": 0.4, "lm_guidance": 2.5, "lm_negative_prompt": "noise"}
    off = {"use_cot_caption": False, "use_cot_metas": False, "use_cot_language": False}
    request = Generate(prompt="warm piano", **given, **turned, **off)
    assert thoughts.question(request, told(request), 12.5, sound=False) == Asked(
        "warm piano", SUNG, Metas(97, None, 13, "F# minor", "no", 6), 12.5, 7, False, False, False, False,
        Chance(0.3, 5, 0.4, 2.5), "noise",
    )  # fmt: skip
    plain = Generate(prompt="warm piano", seed=7, lyrics=SUNG)
    assert thoughts.question(plain, told(plain), 30, sound=True) == Asked(
        "warm piano", SUNG, Metas(duration=30), seconds=30, seed=7
    )
    unsung = Generate(prompt="warm piano", seed=7)
    assert thoughts.question(unsung, told(unsung), 30, sound=True).language is False, "nobody sings in no language"


@pytest.fixture
def brief_studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No song is longer than 14 s, whoever decides."""
    monkeypatch.setenv("STUDIO_MAX_DURATION", "14")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_the_planner_decides_how_long_a_sung_song_is_where_nobody_says(studio, brief_studio):
    lasted = set()
    for seed in range(3):
        take = made(studio, lyrics=SUNG, duration=None, seed=seed, lm_temperature=2, lm_top_p=0, **BRIEF)
        plan = take.recipe.plan
        lasted.add(plan["planned"]["duration"])
        assert 10 <= plan["planned"]["duration"] == take.recipe.duration <= 14 and plan["codes"] == 5 * plan["duration"]
        said = f"Nobody said how long the song is: tiny-planner decided on {take.recipe.duration:g} s."
        assert said in take.recipe.notices
        assert take.recipe.duration <= AceStep().duration(take.recipe.request) == 14
    assert len(lasted) > 1


def test_who_says_the_length_or_sings_nothing_is_not_asked_for_it(shelf):
    engine = AceStep()
    request = Generate(prompt="warm piano", engine="acestep", seed=1, lyrics=SUNG)
    assert engine.duration(request) == 600, "the planner may choose any"
    changes = {
        "duration": (50.0, 50),
        "prompt": ("two minutes of warm piano", 120),
        "instrumental": (True, 30),
        "lyrics": ("[intro]\n[drop]", 30),
    }
    for name, (value, seconds) in changes.items():
        assert engine.duration(request.model_copy(update={name: value})) == seconds
    for switch in ("use_cot_metas", "thinking"):
        assert engine.duration(request.model_copy(update={switch: False})) == 35, "16 bars at 110 bpm"


def test_a_caption_that_the_model_cannot_read_is_left_and_said(studio):
    """The tiny pipeline reads 256 letters, and random weights write longer captions."""
    recipe = made(studio, use_cot_metas=False).recipe
    assert len(recipe.plan["planned"]["caption"]) > 100 and recipe.plan["words"] == "warm piano"
    assert any("The planner's caption was longer than the model reads" in one for one in recipe.notices)


def test_variations_are_thought_over_one_by_one(studio):
    job = studio.submit(
        Generate(prompt="warm piano", engine="acestep", precision="fp32", duration=10, seed=1, inference_steps=1,
                 variations=2, **BRIEF)
    )  # fmt: skip
    takes = [studio.library.take(one) for one in list(studio.follow(job.id))[-1].takes]
    assert len(takes) == 2 and takes[0].recipe.plan["planned"] != takes[1].recipe.plan["planned"]
    _, _, same = studio.replay(takes[1].recipe, Path(studio.settings.temp))
    assert same, "a variation is the song that its own request gives"


def test_where_a_gpu_thinks_variations_are_planned_side_by_side(shelf, monkeypatch):
    """The way a GPU goes, with its sums done here: each song has the plan of its own seed, and says how it came."""
    engine, asked = AceStep(), Generate(prompt="warm piano", seed=1, precision="fp32", duration=10, **BRIEF)
    songs = [asked.model_copy(update={"seed": seed}) for seed in (1, 2, 3)]
    alone = [engine._thought(one, 10.0, "turbo", shelf / "turbo", silent) for one in songs]
    planner = engine._planner
    monkeypatch.setattr(planner, "device", "cuda")
    monkeypatch.setattr(engine, "_thinker", lambda *_: planner)
    monkeypatch.setattr(planner, "load", lambda *_: planner._model)
    first = engine._thought(songs[0], 10.0, "turbo", shelf / "turbo", silent, tuple(songs[1:]))
    assert len(engine._thoughts) == 2
    together = [first, *(engine._thought(one, 10.0, "turbo", shelf / "turbo", silent) for one in songs[1:])]
    assert not engine._thoughts and [one.codes for one in together] == [one.codes for one in alone]
    assert all(any("side by side" in notice for notice in one.notices) for one in together)
    assert len({one.codes for one in alone}) == 3 and not any(one.notices for one in alone)

    plans = planner.plans

    def one_at_once(asked, seeds, progress):
        if len(seeds) > 1:
            raise NotEnoughMemory("Three songs need more memory than there is.")
        return plans(asked, seeds, progress)

    monkeypatch.setattr(planner, "plans", one_at_once)
    lonely = engine._thought(songs[0], 10.0, "turbo", shelf / "turbo", silent, tuple(songs[1:]))
    assert lonely.codes == alone[0].codes and not engine._thoughts
    assert any("planned alone" in notice and "Three songs need" in notice for notice in lonely.notices)


def test_songs_with_an_original_are_not_thought_over(shelf):
    for mode in ("cover", "extend", "edit"):
        request = read({"mode": mode, "source": "x"})
        assert "thinking" not in request.model_dump()
        assert AceStep()._thought(request, 30.0, "turbo", shelf / "turbo", silent) is None


def test_thinking_can_be_cancelled(shelf):
    def cancel(fraction: float, stage: str) -> None:
        if stage == "Thinking" and fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        AceStep().generate(Generate(prompt="warm piano", seed=1, precision="fp32", duration=10), cancel)


def test_planner_and_pipeline_make_room_for_each_other(shelf, monkeypatch):
    engine = AceStep()
    request = Generate(prompt="warm piano", seed=1, precision="fp32", duration=10, inference_steps=1, **BRIEF)
    small, large = memory.Room(3 * 10**8, 10**9), memory.Room(10**12, 10**12)
    both = lambda: engine._model is not None or (engine._planner is not None and engine._planner.loaded)  # noqa: E731
    monkeypatch.setattr(memory, "host", lambda: small if both() else large)
    engine.generate(request, silent)
    assert engine._model is not None and not engine._planner.loaded
    monkeypatch.setattr(memory, "host", lambda: small if engine._model is not None else large)
    engine.generate(request, silent)
    engine.unload()
    assert engine._model is None and engine._planner is None


def test_what_the_planner_could_not_say_is_said_with_the_take(shelf, monkeypatch):
    """Constrained as it is, only a caption can be of no use: one that YAML takes for a list, say."""
    found = Planned(Metas(bpm=90), (), read_plan("caption: [Intro]")[1])
    monkeypatch.setattr(Planner, "plan", lambda *_: found)
    request = Generate(prompt="warm piano")
    asked = thoughts.question(request, told(request), 30, sound=True)
    (thought,) = thoughts.planned(Planner(shelf / "tiny-planner"), asked, told(request), silent)
    assert thought.told == replace(told(request), bpm=90)
    assert thought.notices == ("The plan says caption: something that is no text, which cannot be; it was left out.",)


def test_a_planner_that_is_not_here_is_named(studio):
    for name, error, match in (
        ("nobody", BadRequest, "planner: there is none of this name here; there is tiny-planner"),
        ("acestep-5hz-lm-4b", EngineMissing, "studio models get acestep-5hz-lm-4b"),
    ):
        with pytest.raises(error, match=match):
            studio.submit(Generate(prompt="warm piano", engine="acestep", duration=10, planner=name))
    assert made(studio, planner="tiny-planner", **BRIEF).recipe.plan["planner"] == "tiny-planner"


# --- without one ------------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(shelf: Path, pipelines: Path, tmp_path: Path) -> Iterator[Path]:
    """A pipeline, and no planner."""
    shutil.copytree(pipelines / "turbo", tmp_path / "turbo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_CHECKPOINTS", str(tmp_path))
        settings.cache_clear()
        yield tmp_path
    settings.cache_clear()


def test_without_a_planner_the_composer_decides_and_the_take_says_so(alone, studio):
    recipe = made(studio, prompt="slow waltz in D minor").recipe
    plan = recipe.plan
    assert (plan["key"], plan["meter"]) == ("D minor", "3/4") and 50 <= plan["bpm"] <= 130
    notice = f"the composer's plan decided: {plan['bpm']} bpm. Get one with: {thoughts.GET}."  # the words say the rest
    assert f"No planner is here, so {notice}" in recipe.notices
    given = made(studio, bpm=97, key="F# minor", meter="3/4").recipe
    assert (given.plan["bpm"], given.plan["key"], given.plan["meter"]) == (97, "F# minor", "3/4")
    assert not any("planner" in one for one in given.notices)
    for knob in ("thinking", "use_cot_metas"):
        plain = made(studio, **{knob: False}).recipe
        assert "bpm" not in plain.plan and not any("planner" in one for one in plain.notices)


LINE = "Over the hills and far away I go\n"
LONG_SONG = f"[verse]\n{LINE * 8}\n[chorus]\n{LINE * 6}\n" * 2
GERMAN = "[verse]\n" + "Ich und du, wir gehen in die Nacht, und der Mond ist für mich da\n" * 8


@pytest.mark.parametrize("words", [LONG_SONG, GERMAN, "[verse]\n" + "月が綺麗ですね今夜は星も綺麗ですね\n" * 8])
def test_without_a_planner_a_song_is_as_long_as_its_words_take(alone, words):
    request = Generate(prompt="warm piano", engine="acestep", seed=1, lyrics=words, bpm=100)
    seconds = AceStep().duration(request)
    twice = AceStep().duration(request.model_copy(update={"lyrics": f"{words}\n{words}"}))
    assert 30 < 1.5 * seconds < twice
    found = measure(words, {"bpm": 100.0, "duration": seconds})
    colours = [line.colour for section in found for line in section.lines]
    assert set(colours) in ({"green"}, {"amber"}, {"green", "amber"}), "all can be sung"


def test_a_song_of_unsaid_length_is_made_as_long_and_the_take_says_so(alone, studio):
    recipe = made(studio, lyrics=SUNG, duration=None, bpm=300).recipe
    assert recipe.duration == 13, "16 bars of 0.8 s"
    assert "Nobody said how long the song is: it has 13 s, what its words take to sing." in recipe.notices
    assert not any("how long" in one for one in made(studio, lyrics=SUNG, bpm=300).recipe.notices)


def test_more_words_than_can_be_sung_are_said(alone):
    request = Generate(prompt="warm piano", engine="acestep", seed=1, lyrics=f"[verse]\n{LINE}" * 60, bpm=60)
    assert AceStep().duration(request) == 600
    assert "cannot be made: take some out." in length_notice(request)


def test_what_the_composer_alone_can_play_is_left_open(alone, studio):
    plan = made(studio, prompt="rock in 7/8, D dorian", style="something new").recipe.plan
    assert plan["key"] == "D minor" and "meter" not in plan


def test_a_checkpoint_that_knows_no_codes_is_told_the_words(alone, shelf, studio):
    (alone / "tiny-planner").symlink_to(shelf / "tiny-planner")
    index = alone / "turbo" / "model_index.json"
    lacking = ("audio_tokenizer", "audio_token_detokenizer")
    index.write_text(json.dumps(json.loads(index.read_text()) | dict.fromkeys(lacking, (None, None))))
    for name in lacking:
        shutil.rmtree(alone / "turbo" / name)
    recipe = made(studio, **BRIEF).recipe
    assert recipe.plan["codes"] == 0 and recipe.plan["bpm"] == recipe.plan["planned"]["bpm"]
    assert any("cannot follow the planner's codes" in one for one in recipe.notices)
