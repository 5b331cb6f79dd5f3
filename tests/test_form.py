"""Every knob becomes a component of the page, and what the form holds becomes a request."""

import math

import gradio as gr
import pytest

import app
from song.errors import BadRequest
from song.job import Job
from song.request import MODES, Cover, Generate, fields, groups, read
from tabs import desk, form

KNOBS = fields(Generate)


@pytest.fixture(scope="module")
def built() -> dict[str, gr.components.Component]:
    with gr.Blocks():
        return {name: knob for part, _ in groups(Generate) for name, knob in form.build(part, {}).items()}


def test_every_knob_has_a_component_and_its_tip(built):
    assert set(built) == set(KNOBS)
    for name, knob in built.items():
        assert KNOBS[name].description in (knob.info, getattr(knob, "placeholder", None)), name


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_a_tab_with_all_its_knobs(mode):
    desk = app.desks[mode.model_fields["mode"].default]
    assert list(desk.knobs) == list(fields(mode))


def test_numbers_with_a_default_slide_within_their_range(built):
    ceiling = built["ceiling_dbtp"]
    assert isinstance(ceiling, gr.Slider)
    assert (ceiling.minimum, ceiling.maximum, ceiling.step, ceiling.value) == (-9, 0, 0.1, -1)


def test_loudness_has_names_and_takes_any_number(built):
    knob = built["target_lufs"]
    assert isinstance(knob, gr.Dropdown) and knob.allow_custom_value and knob.value == -14
    assert ("broadcast (-23)", -23) in knob.choices
    for typed, lufs in [(-23, -23), ("-12.5", -12.5), ("Club", -9), ("apple", -16), (-14, -14)]:
        assert read(form.said(Generate, {"prompt": "x", "target_lufs": typed})).target_lufs == lufs
    with pytest.raises(BadRequest, match="-30 to -8, or one of streaming, apple, club, broadcast"):
        read(form.said(Generate, {"prompt": "x", "target_lufs": "loud"}))


@pytest.mark.parametrize("name", ["duration", "bpm", "key", "seed", "style", "title"])
def test_what_may_stay_unsaid_says_auto(built, name):
    assert built[name].value == ""
    assert built[name].placeholder == "auto"


def test_choices_offer_auto_first(built):
    assert built["meter"].choices[0] == ("auto", "")
    assert [value for _, value in built["ending"].choices] == ["auto", "ring", "stop", "fade"]


def test_an_untouched_form_with_words_is_the_default_request():
    untouched = {name: form.unsaid(field) for name, field in KNOBS.items()}
    assert read(form.said(Generate, untouched | {"prompt": "lofi"})) == Generate(prompt="lofi")


def test_a_request_survives_the_way_through_the_form():
    request = Generate(
        prompt="a waltz", style="jazz", duration=12.5, bpm=82, key="Bb major", seed=2**32 - 1, meter="3/4", fade_out=2.5
    )
    assert read(form.said(Generate, form.held(request))) == request
    assert form.held(Generate(prompt="x", seed=2**32 - 1))["seed"] == str(2**32 - 1)


def test_a_recipe_fills_the_form_of_its_mode():
    request = Cover(prompt="bossa nova", source="u0123456789abcdef", strength=0.25, seed=3, source_bpm=96.5)
    news = desk.filled(request, app.tabs, app.desks)
    there = app.desks["cover"]
    assert news[app.tabs].selected == "cover" and news.keys() <= set(desk.everything(app.tabs, app.desks))
    assert (
        read({"mode": "cover"} | form.said(Cover, {name: news[knob] for name, knob in there.knobs.items()})) == request
    )
    assert news[there.kept]["prompt"] == "bossa nova"
    opened = [box.label for box in there.boxes if box in news]
    assert opened == ["What was heard", "Take"] and all(news[box].open for box in there.boxes if box in news)


@pytest.mark.parametrize(
    ("typed", "value"), [("82", 82), (" 82.5 ", 82.5), ("", None), ("  ", None), ("fast", "fast"), (120, 120)]
)
def test_typed_numbers_become_numbers(typed, value):
    assert form.said(Generate, {"bpm": typed}) == {"bpm": value}


def test_numbers_that_are_none_are_refused_by_the_request():
    for typed in ("nan", "inf", "-1", "9" * 30, "fast"):
        with pytest.raises(BadRequest, match="bpm"):
            read({"prompt": "x"} | form.said(Generate, {"bpm": typed}))
    assert math.isnan(form.said(Generate, {"bpm": "nan"})["bpm"])


def test_the_page_names_a_knob_as_its_label_does():
    job = Job(id="1", request=Generate(prompt="x"), state="failed", error_code="bad_request", error="form: is unclear")
    assert desk.told(job, {})["text"] == "Sections: is unclear"
    assert desk.told(job.model_copy(update={"error_code": "disk_full"}), {})["text"] == "form: is unclear"
    assert form.sentence(BadRequest("bpm", "must be a number from 30 to 300")) == (
        "Tempo, bpm: must be a number from 30 to 300"
    )
