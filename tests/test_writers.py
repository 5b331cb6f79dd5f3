"""Lyrics by chat models: tiny ones through the real loading code, and answers of every kind."""

import itertools
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import checkpoints as shelf
import lyrics
import memory
import tasks
import tiny_chat
from backend import Studio
from engines.musicgen import MusicGen
from settings import Settings, settings
from song.errors import BadCheckpoint, BadRequest, CannotMake, EngineMissing, NotEnoughMemory
from song.lyrics import Lyrics
from song.progress import silent
from song.request import Generate, fields
from song.writing import GET, read_brief
from writing import answer, chat, prompt, writers

WISE = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 30, "seed": 3}


@pytest.fixture
def studio(neural: Path, tmp_path: Path):
    made = Studio(Settings(home=tmp_path / "home", lane="inline"))
    yield made
    made.close()


def asked(**said):
    return read_brief({"brief": "das Meer bei Nacht", "language": "de", "writer": "tiny-qwen3"} | WISE | said)


def last(studio, request, part=None):
    *_, written = studio.write(request, part)
    return written


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tiny_chat.KINDS)
def test_a_model_writes_and_says_who_it_is(studio, name):
    grown = list(studio.write(asked(writer=name)))
    written = grown[-1]
    assert grown[0].stage and not written.stage and all(one.stage for one in grown[:-1])
    assert {section.name for section in written.lyrics.sections} <= {"", "verse", "chorus", "bridge"}
    assert any(line in str(written.lyrics) for line in tiny_chat.LINES) and "Meer bei Nacht" not in str(written.lyrics)
    print_of = shelf.fingerprint(writers.models()[name])
    assert written.credit == f"{name} {print_of}, seed 3: das Meer bei Nacht"
    told = " ".join(written.notices)
    assert f"Written in German by {name}" in told and "cut off after 30 tokens" in told and "it wrote" in told
    assert not list(studio.settings.temp.iterdir())


def test_every_knob_reaches_the_words(studio):
    first = last(studio, asked()).lyrics
    assert last(studio, asked()).lyrics == first
    for knob, value in {"seed": 4, "temperature": 0, "top_p": 0.2, "top_k": 1, "max_tokens": 16}.items():
        assert last(studio, asked(**{knob: value})).lyrics != first, knob
    assert last(studio, asked(temperature=0)).lyrics == last(studio, asked(temperature=0, seed=9)).lyrics
    names = ["verse", "chorus"]
    plain = prompt.song(asked(), names, "German")
    for knob, value in {"brief": "the sea", "tone": "sad", "rhyme": "ABAB", "lines": 6}.items():
        assert prompt.song(asked(**{knob: value}), names, "German") != plain, knob
    assert prompt.song(asked(), ["verse"], "German") != plain != prompt.song(asked(), names, "French")
    assert {*WISE, "brief", "tone", "rhyme", "lines", "structure", "language", "writer"} == set(fields(type(asked())))


def test_a_line_is_written_anew_and_the_rest_stays(studio):
    old = Lyrics.parse("[verse]\nEins\nZwei\n[chorus]\nDrei\n[verse]\nVier")
    new = last(studio, asked(max_tokens=16), lyrics.Part(old, 0, 1))
    assert new.lyrics.sections[1:] == old.sections[1:] and new.lyrics.sections[0].lines[0].text == "Eins"
    assert new.lyrics.sections[0].lines[1].text != "Zwei" and "more than was asked for" in " ".join(new.notices)
    with pytest.raises(BadRequest, match="choose one of them"):
        last(studio, asked(), lyrics.Part(old, 0, 2))
    with pytest.raises(BadRequest, match="seem to be in Chinese"):
        last(studio, asked(language="", brief="x", writer="auto"), lyrics.Part(Lyrics.parse("海\n海"), 0))


def test_who_leaves_stops_it_and_the_next_is_served(studio):
    studio.start()
    going = studio.write(asked(max_tokens=3000))
    while "Writing" not in next(going).stage:
        pass
    left = time.monotonic()
    going.close()
    assert time.monotonic() - left < 5 and not any(t.name.startswith("ThreadPool") for t in threading.enumerate())
    assert last(studio, asked()).lyrics.sections
    assert not list(studio.settings.temp.iterdir())


def test_a_writer_and_an_engine_do_not_fill_the_memory_together(studio, tmp_path):
    engine = tasks.engines()["musicgen"]
    assert isinstance(engine, MusicGen)
    tasks.rest()
    engine._kept["a song that waits", 0] = np.zeros(9)
    last(studio, asked())
    assert chat.kept() and not engine._kept
    request = Generate(prompt="piano", engine="musicgen", seed=1, duration=1, checkpoint="none such")
    with pytest.raises(BadRequest):  # before it looks for its own
        tasks.make({"id": "one", "request": request.model_dump(mode="json")}, tmp_path, silent)
    assert not chat.kept()
    last(studio, asked())
    tasks.rest()
    assert not chat.kept()


# --- what a model's makers set ----------------------------------------------------------------------------------------


def published(folder, **said):
    """A chat model whose makers set more than how it draws."""
    tiny_chat.checkpoint(folder, "Qwen2")
    told = json.loads((folder / chat.PUBLISHED).read_text())
    (folder / chat.PUBLISHED).write_text(json.dumps(told | said))
    return folder


def spoken(folder, **said):
    chance = asked(**said)
    return chat.Model("tiny", folder, "cpu", "fp32").say("Schreib", chance, 5, lambda _: None, silent)


NOT_DRAWING = {
    "cache_implementation": "quantized",
    "custom_generate": "somebody/code",
    "prompt_lookup_num_tokens": 3,
    "num_beams": 4,
    "num_return_sequences": 3,
    "guidance_scale": 2.0,
    "watermarking_config": {"greenlist_ratio": 7},
    "compile_config": "fast",
    "assistant_early_exit": 2,
    "dola_layers": "high",
    "penalty_alpha": 0.6,
    "max_time": 1e-9,
    "token_healing": True,
    "return_dict_in_generate": True,
    "output_scores": True,
    "no such thing": [1],
}


def test_what_is_no_drawing_is_left_out_and_said(tmp_path):
    plain = spoken(published(tmp_path / "plain"))
    folder = published(tmp_path / "more", **NOT_DRAWING)
    shelf.check(folder)
    found = spoken(folder)
    assert (found.text, found.tokens) == (plain.text, plain.tokens)
    assert set(found.unused) == {*NOT_DRAWING} and plain.unused == ()


def test_how_it_draws_is_kept(tmp_path):
    plain = spoken(published(tmp_path / "plain"), temperature=0)
    assert spoken(published(tmp_path / "more", repetition_penalty=1.9), temperature=0).text != plain.text
    first = plain.text.splitlines()[0]
    token = tiny_chat.tokenizer().convert_tokens_to_ids(f"{first}\n")
    assert first not in spoken(published(tmp_path / "less", suppress_tokens=[token]), temperature=0).text


def test_its_stop_strings_end_it_and_are_no_words(tmp_path):
    plain = spoken(published(tmp_path / "plain"), temperature=0)
    before, stop = plain.text.splitlines()[0], plain.text.splitlines()[2]
    for number, said in enumerate((stop, [stop, "never"])):
        found = spoken(published(tmp_path / str(number), stop_strings=said), temperature=0)
        assert not found.cut and found.tokens < plain.tokens
        assert found.text.startswith(before) and stop not in found.text


@pytest.mark.parametrize(
    "said",
    [
        {"repetition_penalty": "high"},
        {"repetition_penalty": -1},
        {"bad_words_ids": "x"},
        {"sequence_bias": {"a": 1}},
        {"suppress_tokens": "x"},
        {"stop_strings": 7},
        {"stop_strings": [""]},
        {"eos_token_id": "end"},
        {"eos_token_id": [-5]},
        {"eos_token_id": [[1]]},
        {"no_repeat_ngram_size": "x"},
    ],
)
def test_settings_that_cannot_be_are_one_sentence(said, tmp_path):
    with pytest.raises(CannotMake) as refused:
        spoken(published(tmp_path / "model", **said))
    assert chat.PUBLISHED in str(refused.value) and "\n" not in str(refused.value)


def test_a_fault_of_who_listens_is_no_fault_of_the_model(tmp_path):
    def full(text):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        chat.Model("tiny", published(tmp_path / "model"), "cpu", "fp32").say("Schreib", asked(), 5, full, silent)


# --- who writes -------------------------------------------------------------------------------------------------------


def test_auto_writes_english_by_itself_and_leaves_other_languages_to_a_model(neural):
    assert writers.chosen(asked(writer="auto")).name == "tiny-qwen2"
    assert writers.chosen(asked(writer="auto", language="", brief="Ich liebe dich und das ist nicht leicht")).folder
    english = writers.chosen(asked(writer="auto", language="en"))
    assert (english.name, english.folder) == ("embedded", None) and "auto takes it for English" in english.why
    assert writers.chosen(asked(language="Klingon")).language == "Klingon"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"writer": "qwen3-4b-instruct-2507"}, f"not on this machine; get it with: {GET}"),
        ({"writer": "mono"}, "writer: there is none of this name here; choose auto, embedded, tiny-qwen2"),
        ({"writer": "../tiny-qwen2"}, "writer: there is none of this name"),
        ({"writer": "embedded"}, f"language: the studio's own writer knows English only; .*{GET}"),
        ({"structure": "intro, solo"}, "structure: nobody sings"),
        ({"structure": "verse, " * 50, "lines": 12}, "asks for 600 different lines"),
        ({"max_tokens": 8000}, "brief: tiny-qwen3 reads and writes 4096 tokens in all"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_sentence(studio, said, sentence):
    with pytest.raises((BadRequest, EngineMissing, CannotMake), match=sentence) as refused:
        last(studio, asked(**said))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("language", ["de2", "<b>", "x" * 31, "\x00"])
def test_what_is_no_language_is_refused(language):
    with pytest.raises(BadRequest, match="language: "):
        asked(language=language)


def test_a_model_without_libraries_or_memory_says_so(studio, monkeypatch):
    tasks.rest()
    with monkeypatch.context() as patch:
        patch.setattr(memory, "room", lambda device="cpu": memory.Room(10**6, 10**7))
        with pytest.raises(NotEnoughMemory, match=r"tiny-qwen3 needs 0\.7 GB here \(weights .* 0\.0 GB are free"):
            last(studio, asked())
    monkeypatch.setattr(writers, "find_spec", lambda name: None)
    with pytest.raises(EngineMissing, match="make neural"):
        last(studio, asked())


def test_who_leaves_while_another_song_is_made_is_not_kept_waiting(studio, tmp_path):
    free = threading.Event()
    studio.start()
    studio.lane.runner.tasks["hold"] = lambda *_: free.wait(20) and {}
    held = studio.lane.begin("hold", {}, tmp_path, silent)
    try:
        going = studio.write(asked())
        assert next(going).stage == "Waiting for the song in the making"
        begun = time.monotonic()
        going.close()
        assert time.monotonic() - begun < 10 and not held.done()
    finally:
        free.set()
    assert held.result() == {}


def test_other_tools_models_are_known_by_id_and_broken_ones_say_why(tmp_path, monkeypatch):
    ref = tmp_path / "hub" / "models--some--chat"
    folder = tiny_chat.checkpoint(ref / "snapshots" / ("a" * 40), "Qwen2")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STUDIO_CHECKPOINTS", raising=False)
    settings.cache_clear()
    assert writers.chosen(asked(writer="some/chat")).folder == folder
    assert shelf.by_id("../chat") is None and shelf.by_id("no/chat") is None
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": None}))
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(BadCheckpoint, match="no chat template"):
        chat.Model("some/chat", folder, "cpu", "fp32")
    said = json.loads((folder / "config.json").read_text())
    code = said | {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "modeling_strange.Strange"}}
    (folder / "config.json").write_text(json.dumps(code))
    (folder / "modeling_strange.py").write_text("raise SystemExit('code of others ran')")
    with pytest.raises(CannotMake, match="of a kind that is not known here"):
        chat.Model("some/chat", folder, "cpu", "fp32")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint):
        shelf.check(folder)
    settings.cache_clear()


def test_the_published_writers_are_known():
    known = shelf.known(writers.ENGINE)
    assert list(known) == ["qwen3-4b-instruct-2507", "qwen2.5-7b-instruct"]
    for one in known.values():
        assert (one.kind, one.licence.name, one.pinned) == ("chat", "Apache-2.0", True)
        assert one.bytes == pytest.approx(2 * one.parameters, rel=0.01), "in 16 bit"
        assert not any("bin" in pattern or "pt" in pattern for pattern in one.wanted)


# --- answers ----------------------------------------------------------------------------------------------------------

GOOD = "Title: *The Tide*\n\n[verse]\nHold on\nLet go\n\n[chorus]\nSing\nSing on\n"


def test_a_good_answer_is_lyrics():
    found = answer.read(
        answer.spoken(f"<think>\nHm [end]\n</think>\n{GOOD}[end]\nDo you like it?"), ["verse", "chorus"], 2
    )
    assert found.title == "The Tide" and found.notices == ()
    assert str(found.lyrics) == "[verse]\nHold on\nLet go\n\n[chorus]\nSing\nSing on"


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (f"Sure! Here it is:\n{GOOD}", 'lines without a section, from "Sure! Here it is:" on'),
        ("Hold on\nLet go", "Asked for the sections verse, chorus, it wrote none."),
        ("[verse]\nHold on\nLet go", "Asked for the sections verse, chorus, it wrote verse."),
        (GOOD.replace("Sing on\n", ""), "Asked for 2 lines in a section, it wrote 1 to 2."),
        (GOOD.replace("[chorus]", "**Chorus**"), "it wrote verse."),
    ],
)
def test_what_is_not_as_it_was_asked_for_is_said_and_left_as_it_is(text, notice):
    found = answer.read(answer.spoken(text), ["verse", "chorus"], 2)
    assert notice in " ".join(found.notices)
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith(("[", "Title"))]
    assert [line.text for section in found.lyrics.sections for line in section.lines] == kept


@pytest.mark.parametrize(
    ("text", "aloud"),
    [
        ("<think>still thinking [end]", ""),
        ("thoughts</think>words", "words"),
        ("words<|im_end|>more", "words"),
        ("a\x00b\x1b[31m\tc\n", "ab[31m c\n"),
        ("", ""),
    ],
)
def test_thoughts_stop_marks_and_control_characters_are_not_words(text, aloud):
    assert answer.spoken(text) == aloud


def test_a_think_block_is_not_the_end(neural):
    assert not answer.stopped("<think>[end]") and answer.stopped("<think>[end]</think>x[end]")


def test_characters_of_several_tokens_come_whole():
    import torch

    heard: list[str] = []
    tokenizer = tiny_chat.tokenizer()
    ears = chat._Heard(tokenizer, 2, 50, heard.append, silent, "")
    ears.put(torch.tensor([[1, 2]]))  # what was asked
    for token in tokenizer.encode("[verse]\nMöwen\n海"):
        ears.put(torch.tensor([token]))
    assert heard[-1] == "[verse]\nMöwen\n海" and not any("\ufffd" in text for text in heard)
    assert all(later.startswith(text) for text, later in itertools.pairwise(heard))
