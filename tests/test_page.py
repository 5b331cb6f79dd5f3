"""The page, end to end: a real browser in front of a real studio, judged by what a musician sees and hears."""

import io
import json
import pickle
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client

import tiny_loras
from song.request import MODES, Generate, fields
from song.writing import WriteLyrics

WORDS = "dusty lo-fi hip hop with rhodes and vinyl crackle, 82 bpm, D minor"
LONG = {"prompt": "slow ambient drift", "duration": "90", "variations": "8"}  # still at work when we look again
BEYOND = """() => [...document.querySelectorAll('.desk *, .shelf *')].filter(e => e.offsetParent &&
    e.getBoundingClientRect().width && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 120))"""
DROPPED = """() => { const dataTransfer = new DataTransfer(), way = { bubbles: true, cancelable: true };
    dataTransfer.items.add(new File(['hello'], 'letter.wav'));
    document.querySelector('h1').dispatchEvent(new DragEvent('drop', { dataTransfer, ...way })) }"""
SOON = 30_000  # milliseconds that a short song may take on a busy machine
REDRAWN = 15_000  # milliseconds that the page may take there to come up, or to show what is new


class Desk:
    """The page as a user handles it. `faults` is everything that should not have happened."""

    def __init__(self, page: Any, url: str):
        from playwright.sync_api import expect

        expect.set_options(timeout=REDRAWN)
        self.page, self.url, self.expect = page, url, expect
        self.faults: list[str] = []
        page.set_default_timeout(SOON)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: (self.faults.append("a dialog opened"), dialog.dismiss()))
        page.on("console", self._hear)
        page.on("request", self._note)

    def _hear(self, said: Any) -> None:
        address = said.location.get("url", "")
        if said.type == "error" and not (re.search(r"/jobs/\w+/audio$", address) and " 404 " in said.text):
            # A song that is done before its listener arrives can be heard under its own address: no fault.
            self.faults.append(f"console: {said.text} {address}")

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"request to {request.url}")

    def open(self, query: str = "") -> "Desk":
        self.page.goto(f"{self.url}/{query}")
        self.page.locator("#go, #stop").first.wait_for()
        # The page answers once its first load event has filled the style list.
        self.expect(self.page.locator("#status .line")).not_to_be_empty()
        # Whoever leaves a page breaks off what it was still waiting for.
        self.faults = [one for one in self.faults if not re.search("AbortError|Connection errored out|/stems$", one)]
        return self

    def knob(self, name: str) -> Any:
        return self.page.locator(f"#knob-{name} textarea, #knob-{name} input").first

    def ask(self, **said: str) -> None:
        for name, value in said.items():
            self.knob(name).fill(value)
            self.knob(name).blur()
        self.page.locator("#go").click()

    def done(self) -> None:
        self.expect(self.page.locator("#status .line")).to_contain_text("Done", timeout=SOON)
        self.page.locator("#card .words").wait_for()

    def make(self, **said: str) -> None:
        self.ask(**said)
        self.done()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def songs(self) -> Any:
        return self.page.locator("#shelf .song")


@pytest.fixture
def desk(chromium, server):
    with chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True) as context:
        opened = Desk(context.new_page(), server).open()
        yield opened
        assert not opened.faults


@pytest.fixture(scope="module")
def client(server):
    return Client(server, verbose=False, analytics_enabled=False)


def sound(url: str) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(httpx.get(url).raise_for_status().content), always_2d=True)
    assert rate == 48000 and samples.shape[1] == 2
    return samples


def test_words_become_a_song_that_can_be_heard(desk):
    with desk.page.expect_response(lambda answer: "/file=" in answer.url and answer.url.endswith(".wav")) as heard:
        desk.make(prompt=WORDS, duration="6", seed="7")
    samples = sound(heard.value.url)
    assert len(samples) == 6 * 48000 and np.abs(samples).max() > 0.1
    card = desk.page.locator("#card")
    for words in ("82 bpm", "D minor", "seed 7", "May I sell this? Yes: "):
        desk.expect(card).to_contain_text(words)
    desk.expect(card.locator(".strip .part").first).to_be_visible()
    desk.expect(desk.page.get_by_label("Pause", exact=True)).to_be_visible()  # it plays at once


def test_every_kind_of_file_downloads(desk):
    desk.make(prompt=WORDS, duration="5", title='Night / "Drive" <1>')
    starts = {
        "WAV": b"RIFF",
        "FLAC": b"fLaC",
        "MP3": b"",
        "Opus": b"OggS",
        "Picture": b"\x89PNG",
        "MIDI": b"MThd",
        "Recipe": b"{",
    }
    starts |= dict.fromkeys(("Stems", "Ardour", "DAWproject", "Reaper", "Game pack"), b"PK")
    starts |= dict.fromkeys(("Loop", "Loop x 4"), b"RIFF")
    for name, start in starts.items():
        with desk.page.expect_download(timeout=SOON) as download:
            desk.page.locator("#card").get_by_role("link", name=f"{name}: download").click()
        data = Path(download.value.path()).read_bytes()
        assert data.startswith(start) and len(data) > 100, name
        assert download.value.suggested_filename.startswith("Night Drive 1"), name
        if name in ("WAV", "FLAC", "MP3", "Opus"):
            assert np.abs(soundfile.read(io.BytesIO(data))[0]).max() > 0.05, name
        if name == "Stems":
            assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) > 1
        if name == "Recipe":
            assert json.loads(data)["request"]["prompt"] == WORDS
        if name == "FLAC":
            flac = data

    card = desk.page.locator("#card")
    assert card.locator(".picture").evaluate("one => one.complete && one.naturalWidth") == 960
    card.get_by_text("Master for").click()
    for label, value in {"Rate": "44100", "Depth": "16", "Loudness": "broadcast"}.items():
        card.get_by_label(label).select_option(value)
    with desk.page.expect_download(timeout=SOON) as download:
        card.get_by_role("button", name="Make master of").click()
    about = soundfile.info(download.value.path())
    assert (about.samplerate, about.subtype) == (44_100, "PCM_16")
    desk.expect(card.locator(".files .said")).to_have_text("At -23.0 LUFS.")
    card.get_by_label("File").select_option("mp3")
    card.get_by_role("button", name="Make master of").click()
    desk.expect(card.locator(".files .said")).to_have_text("depth: means nothing in mp3; take wav or flac")
    # A refusal is an error to the browser's console.
    desk.faults = [one for one in desk.faults if not re.search(r"status of 422 .*/mp3\?", one)]

    desk.page.locator("#reset").click()
    desk.expect(desk.knob("title")).to_have_value("")
    zone = desk.page.locator("#recipe-upload input[type=file]")
    zone.set_input_files({"name": "somebody sent it.flac", "mimeType": "audio/flac", "buffer": flac})
    desk.expect(desk.knob("title")).to_have_value('Night / "Drive" <1>')
    desk.expect(desk.knob("prompt")).to_have_value(WORDS)
    desk.expect(desk.knob("seed")).to_have_value(re.compile(r"^\d+$"))
    desk.page.evaluate(DROPPED)
    desk.expect(
        desk.page.get_by_test_id("toast-body").filter(has_text="File: has no recipe; give a song")
    ).to_be_visible()
    desk.expect(desk.knob("prompt")).to_have_value(WORDS)
    desk.page.locator("#reset").click()
    desk.expect(desk.knob("prompt")).to_have_value("")
    zone.set_input_files({"name": "and another.flac", "mimeType": "audio/flac", "buffer": flac})
    desk.expect(desk.knob("prompt")).to_have_value(WORDS)


def test_control_enter_variations_and_a_new_seed(desk):
    desk.knob("prompt").fill("slow solo piano")
    desk.knob("duration").fill("5")
    desk.knob("variations").fill("2")
    desk.knob("prompt").press("Control+Enter")
    desk.done()
    takes = desk.page.locator("#pick label")
    desk.expect(takes).to_have_count(2)
    first = desk.page.locator("#card .facts").inner_text()
    takes.nth(1).click()
    desk.expect(desk.page.locator("#card .facts")).not_to_have_text(first)
    desk.page.get_by_role("button", name="Again with a new seed").click()
    desk.expect(takes.first).to_be_hidden(timeout=SOON)
    desk.done()
    assert desk.page.locator("#card .facts").inner_text() != first


def test_a_reload_in_mid_job_finds_the_job_and_the_form_again(desk):
    desk.ask(**LONG)
    stop = desk.page.locator("#stop")
    desk.expect(stop).to_be_visible()
    desk.expect(desk.page.locator("#status .bar")).to_be_visible()
    desk.page.reload()
    desk.expect(desk.page.locator("#status .bar")).to_be_visible()
    desk.expect(desk.knob("prompt")).to_have_value(LONG["prompt"])
    desk.expect(desk.knob("duration")).to_have_value(LONG["duration"])
    stop.click()
    desk.expect(desk.page.locator("#status .line")).to_contain_text("cancelled", timeout=5000)
    desk.expect(desk.page.locator("#go")).to_be_visible()
    # Gradio says so itself when a reload cuts off what it was listening to.
    desk.faults = [one for one in desk.faults if not re.search("AbortError|Connection errored out|/stems$", one)]


def test_typed_but_unsent_words_survive_a_reload_and_reset_clears_them(desk):
    desk.page.get_by_role("button", name="psytrance").click()
    desk.expect(desk.knob("prompt")).to_have_value(re.compile("psytrance"))
    desk.knob("bpm").press_sequentially("140")
    desk.expect(desk.knob("style")).to_have_value("auto")
    desk.page.wait_for_timeout(300)
    desk.open()
    desk.expect(desk.knob("bpm")).to_have_value("140")
    desk.page.get_by_role("button", name="Reset the form").click()
    desk.expect(desk.knob("bpm")).to_have_value("")
    desk.expect(desk.knob("prompt")).to_have_value("")


def test_two_browsers_follow_their_own_songs(desk, chromium, server):
    desk.ask(**LONG)
    desk.expect(desk.page.locator("#stop")).to_be_visible()
    with chromium.new_context() as context:
        other = Desk(context.new_page(), server).open()
        other.ask(prompt="solo piano", duration="5")
        other.expect(other.page.locator("#status .line")).to_contain_text("before yours", ignore_case=True)
        desk.page.locator("#stop").click()
        other.done()
        other.expect(other.page.locator("#card .facts")).to_contain_text("0:05")
        desk.expect(desk.page.locator("#status .line")).to_contain_text("cancelled")


def test_the_library_finds_keeps_forgets_and_reuses(desk):
    title = "Copper kettle"
    desk.make(prompt=WORDS, duration="5", bpm="91", title=title)
    desk.make(prompt="solo piano", title="Tin whistle", bpm="")
    desk.tab("Library")
    desk.expect(desk.songs().first).to_contain_text("Tin whistle")
    desk.page.locator("#search input, #search textarea").fill("copper")
    desk.expect(desk.songs()).to_have_count(1)
    song = desk.songs().first
    desk.expect(song).to_contain_text(title)
    for answer, count in (("May not be sold", 0), ("May be sold", 1), ("For sale or not", 1)):
        desk.page.locator("#sell input").click()
        desk.page.get_by_role("option", name=answer).click()
        desk.expect(desk.songs()).to_have_count(count)

    song.get_by_role("button", name=f"Favourite {title}").click()
    desk.expect(song.get_by_role("button", name=f"Favourite {title}")).to_have_attribute("aria-pressed", "true")
    desk.page.locator("#search input, #search textarea").fill("")
    desk.expect(desk.songs().nth(1)).to_be_visible()
    desk.page.get_by_label("Favourites only").check()
    desk.expect(desk.songs()).to_have_count(1)

    song.get_by_role("button", name=f"Play {title}").click()
    song.get_by_role("button", name=f"Pause {title}").wait_for()
    desk.expect(song.locator(".time")).to_have_text(re.compile(r"0:0[1-5] / 0:05"))

    song.get_by_role("button", name=f"More about {title}").click()
    song.get_by_role("button", name=f"Delete {title}").click()
    desk.expect(desk.songs()).to_have_count(0)
    desk.page.get_by_role("button", name="Undo").click()
    desk.expect(desk.songs()).to_have_count(1)

    song.get_by_role("button", name="Change the plan").click()
    desk.expect(desk.knob("key")).to_have_value("D minor")
    desk.expect(desk.knob("chords")).to_have_value(re.compile(r"^\[.+\]\n\| "))
    desk.expect(desk.knob("chords")).to_be_visible()
    desk.tab("Library")
    song.get_by_role("button", name="Reuse settings").click()
    desk.expect(desk.knob("key")).to_have_value("")
    desk.expect(desk.knob("title")).to_have_value(title)
    desk.expect(desk.knob("bpm")).to_have_value("91")
    desk.expect(desk.knob("prompt")).to_have_value(WORDS)
    desk.open()
    desk.expect(desk.knob("title")).to_have_value(title)
    desk.tab("Library")
    desk.page.get_by_text(title).first.wait_for()


def test_a_long_export_is_stopped_by_its_button_and_a_later_one_comes(desk, client, server):
    _, take = client.predict(prompt="slow ambient drift", duration=180, seed=3, title="Long", api_name="/generate")
    desk.tab("Library")
    row = desk.songs().filter(has_text="Long").first
    row.get_by_role("button", name="More about").click()
    row.get_by_role("link", name="Opus: download").click()
    stop = row.get_by_role("button", name="Stop making Opus")
    desk.expect(stop).to_be_visible()
    row.get_by_role("button", name="Play").first.click()  # draws the row anew
    desk.expect(row.locator(".files .said")).to_contain_text("Opus: Packing")
    stop.click()
    desk.expect(row.locator(".files .said")).to_have_text("Stopped making Opus; nothing of it was kept.")
    until = time.monotonic() + 10
    while httpx.get(f"{server}/files/{take['id']}/opus/progress").json()["stage"]:
        assert time.monotonic() < until, "the studio still packs"
        time.sleep(0.1)
    with desk.page.expect_download(timeout=SOON) as download:
        row.get_by_role("link", name="FLAC: download").click()
    assert soundfile.info(download.value.path()).duration == 180
    desk.expect(row.locator(".files .said")).to_have_text("")


def test_a_song_made_elsewhere_appears_by_itself(desk, server):
    desk.tab("Library")
    Client(server, verbose=False, analytics_enabled=False).predict(
        prompt="solo piano", duration=5, title="From a script", api_name="/generate"
    )
    desk.expect(desk.songs().first).to_contain_text("From a script", timeout=15_000)


def test_bad_input_is_one_sentence(desk):
    toast = desk.page.get_by_test_id("toast-body")
    for said, sentence in (
        ({"prompt": "  "}, "Prompt: is empty"),
        ({"prompt": "x", "bpm": "fast"}, "Tempo, bpm: must be a number from 30 to 300"),
        ({"bpm": "", "key": "<b>H</b>"}, 'Key: "<b>H</b>" is not a key'),
        ({"key": "", "seed": "9" * 30}, "Seed: must be a whole number"),
        ({"seed": "", "prompt": "x" * 5000}, "Prompt: is too long"),
    ):
        desk.ask(**said)
        desk.expect(toast.filter(has_text=sentence)).to_be_visible()
    assert "Traceback" not in desk.page.content()
    desk.expect(desk.page.locator("#go")).to_be_visible()
    desk.expect(desk.page.locator("#status .bar")).to_be_hidden()


def test_markup_and_scripts_in_words_stay_words(desk):
    evil = (
        "<img src=x onerror=\"document.title='owned'\">${document.title='owned'}{{value}}<script>alert(1)</script> lofi"
    )
    desk.make(prompt=evil, duration="5", title=evil[:110])
    desk.expect(desk.page.locator("#player")).to_contain_text("<img src=x")
    desk.tab("Library")
    desk.expect(desk.songs().first.locator("h2")).to_contain_text("<img src=x")
    desk.songs().first.get_by_role("button", name="More about").click()
    desk.songs().first.get_by_role("button", name="Delete").click()
    desk.expect(desk.page.locator("#shelf .undo")).to_contain_text("<img src=x")
    assert desk.page.title() == "STUDIO"
    assert desk.page.locator("#shelf, #card, #player").locator("img:not(.picture)").count() == 0


def test_everything_fits_on_a_desk_and_in_a_hand_by_day_and_by_night(desk, tmp_path):
    desk.make(prompt=WORDS, duration="5", variations="2")
    for accordion in desk.page.locator("button.label-wrap").all():
        accordion.click()
    desk.tab("Library")
    desk.songs().first.get_by_role("button", name="More about").click()
    for scheme, ink, paper in (
        ("light", "rgb(0, 0, 0)", "rgb(255, 255, 255)"),
        ("dark", "rgb(255, 255, 255)", "rgb(0, 0, 0)"),
    ):
        desk.page.emulate_media(color_scheme=scheme)
        desk.expect(desk.page.locator("body")).to_have_css("background-color", paper)
        for width, height in ((1440, 900), (412, 915)):
            desk.page.set_viewport_size({"width": width, "height": height})
            for tab in ("Generate", "Cover", "Extend", "Edit", "Lyrics", "Library"):
                desk.tab(tab)
                assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (width, tab)
                assert desk.page.evaluate(BEYOND) == [], (width, tab)
                if tab == "Generate":  # chords have the form's whole width
                    share = "one => one.offsetWidth / one.parentElement.offsetWidth"
                    assert desk.page.locator("#knob-chords").evaluate(share) > 0.99, width
                desk.page.screenshot(path=tmp_path / f"{scheme}-{width}-{tab}.png", full_page=True)
            desk.expect(desk.songs().first.locator("h2")).to_have_css("color", ink)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(desk):
    desk.page.get_by_role("tab", name="Generate").focus()
    reached = set()
    for _ in range(40):
        desk.page.keyboard.press("Tab")
        name, outline = desk.page.evaluate(
            "() => { const e = document.activeElement;"
            "const s = getComputedStyle(e.role === 'combobox' ? e.closest('.wrap') : e);"
            "return [e.closest('[id^=knob-],#go,#reset,#examples')?.id, s.outlineStyle + s.outlineWidth] }"
        )
        if name:
            reached.add(name)
            assert outline == "solid3px", name
    assert {"examples", "go", "knob-prompt", "knob-style", "knob-bpm", "knob-variations", "reset"} <= reached


def test_every_control_has_a_name(desk):
    desk.make(prompt=WORDS, duration="5")
    nameless = """() => [...document.querySelectorAll('button, input, textarea, a[href], [role=button]')].filter(e =>
        e.offsetParent && !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title
        || e.getAttribute('aria-labelledby'))).map(e => e.outerHTML.slice(0, 200))"""
    assert desk.page.evaluate(nameless) == []
    desk.tab("Library")
    desk.songs().first.wait_for()
    assert desk.page.evaluate(nameless) == []


# -- cover, extend, edit -----------------------------------------------------------------------------------------------


def picked(desk: Desk, mode: str) -> Any:
    """The tab of a mode with the song under Generate as its original; its waveform."""
    desk.page.locator("#card").get_by_role("button", name=mode.capitalize()).click()
    desk.expect(desk.page.locator(f"#{mode}-heard .line")).to_contain_text("I hear 82 bpm, D minor", timeout=SOON)
    return desk.page.locator(f"#{mode}-wave canvas")


def carry_out(desk: Desk, mode: str) -> tuple[np.ndarray, str]:
    """Press the mode's button and wait: the take's samples, and what its card says."""
    desk.page.locator(f"#{mode}-go").click()
    desk.expect(desk.page.locator(f"#{mode}-status .line")).to_contain_text("Done", timeout=SOON)
    card = desk.page.locator(f"#{mode}-card")
    card.locator(".words").wait_for()
    return sound(card.get_by_role("link", name="WAV: download").evaluate("link => link.href")), card.inner_text()


def drag(desk: Desk, canvas: Any, start: float, end: float, touch: bool = False) -> None:
    """From one part of the waveform to another, 0-1, with the mouse or a finger."""
    box = canvas.bounding_box()
    places = [(box["x"] + box["width"] * (start + (end - start) * part / 8), box["y"] + 40) for part in range(9)]
    if touch:
        finger = desk.page.context.new_cdp_session(desk.page)
        kinds = ["touchStart", *["touchMove"] * 8]
        for kind, (x, y) in zip(kinds, places, strict=True):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        return
    desk.page.mouse.move(*places[0])
    desk.page.mouse.down()
    for place in places[1:]:
        desk.page.mouse.move(*place)
    desk.page.mouse.up()


def test_a_region_that_was_dragged_is_made_anew_and_the_rest_proves_untouched(desk):
    desk.make(prompt=WORDS, duration="16", seed="3")
    before = sound(desk.page.locator("#card").get_by_role("link", name="WAV: download").evaluate("link => link.href"))
    drag(desk, picked(desk, "edit"), 0.25, 0.5)
    desk.expect(desk.page.locator("#edit-takes input")).to_have_value(re.compile(r"\(0:16\)$"))
    regions = desk.page.locator("#edit-knob-regions textarea, #edit-knob-regions input")
    desk.expect(regions).to_have_value(re.compile(r"^\d.*-\d"))
    start, end = (float(place) for place in regions.input_value().split("-"))
    assert start == pytest.approx(4, abs=0.4) and end == pytest.approx(8, abs=0.4)
    desk.page.locator("#edit-knob-prompt textarea").fill("new drums")
    after, card = carry_out(desk, "edit")
    assert re.search(r"\b0 of \d+ samples changed outside", card) and card.count("Seam at") == 2
    first, last = round((start - 0.1) * 48000), round((end + 0.1) * 48000)
    assert np.array_equal(before[:first], after[:first]) and np.array_equal(before[last:], after[last:])
    assert not np.array_equal(before[first:last], after[first:last])


def test_regions_are_typed_nudged_and_cleared(desk):
    desk.make(prompt=WORDS, duration="12", seed="3")
    picked(desk, "edit")
    regions = desk.page.locator("#edit-knob-regions textarea, #edit-knob-regions input")
    handles = desk.page.locator("#edit-wave .handle")
    regions.fill("2-4, 0:08-9.5")
    desk.expect(handles).to_have_count(4)
    desk.expect(handles.nth(2)).to_have_attribute("aria-valuenow", "8.00")
    handles.nth(0).focus()
    desk.page.keyboard.press("ArrowLeft")
    desk.expect(regions).to_have_value("1.9-4, 8-9.5")
    desk.page.get_by_role("button", name="Clear regions").click()
    desk.expect(regions).to_have_value("")
    desk.expect(handles).to_have_count(0)
    regions.fill("9-2")
    desk.page.locator("#edit-go").click()
    desk.expect(desk.page.get_by_test_id("toast-body")).to_contain_text("ends before it begins")


def test_a_finger_drags_a_region_on_a_phone(chromium, server):
    with chromium.new_context(viewport={"width": 412, "height": 915}, has_touch=True, is_mobile=True) as context:
        desk = Desk(context.new_page(), server).open()
        desk.make(prompt=WORDS, duration="12", seed="3")
        canvas = picked(desk, "edit")
        canvas.scroll_into_view_if_needed()
        drag(desk, canvas, 0.3, 0.7, touch=True)
        desk.expect(desk.page.locator("#edit-wave .handle")).to_have_count(2)
        regions = desk.page.locator("#edit-knob-regions textarea, #edit-knob-regions input")
        desk.expect(regions).to_have_value(re.compile(r"^\d.*-\d"))
        start, end = (float(place) for place in regions.input_value().split("-"))
        assert start == pytest.approx(3.6, abs=0.5) and end == pytest.approx(8.4, abs=0.5)
        assert not desk.faults


def test_an_upload_is_heard_corrected_and_covered(desk, client, tmp_path):
    path, _ = client.predict(prompt=WORDS, duration=30, seed=5, api_name="/generate")
    stranger = tmp_path / "somebody's song.flac"
    soundfile.write(stranger, *soundfile.read(path))
    desk.tab("Cover")
    desk.page.locator("#cover-upload input[type=file]").set_input_files(stranger)
    heard = desk.page.locator("#cover-heard .line")
    desk.expect(heard).to_contain_text(re.compile(r"I hear (81\.[5-9]|82)"), timeout=SOON)
    desk.page.get_by_role("button", name="What was heard").click()
    desk.page.locator("#cover-knob-source_chords textarea").fill("| Dm | Gm | C | F |")
    desk.page.locator("#cover-knob-prompt textarea").fill("bossa nova")
    samples, card = carry_out(desk, "cover")
    assert len(samples) > 10 * 48000 and np.abs(samples).max() > 0.1
    assert re.search(r"Bossa nova, (81\.|82)", card)


def test_a_song_goes_on_from_where_it_ends(desk):
    desk.make(prompt=WORDS, duration="12", seed="3")
    before = sound(desk.page.locator("#card").get_by_role("link", name="WAV: download").evaluate("link => link.href"))
    picked(desk, "extend")
    after, card = carry_out(desk, "extend")
    assert len(after) > len(before) + 8 * 48000
    assert re.search(r"\b0 of \d+ samples changed outside", card)
    assert np.array_equal(before[: 6 * 48000], after[: 6 * 48000])


@pytest.mark.parametrize("mode", ["cover", "extend", "edit"])
def test_a_file_that_is_no_song_is_refused_in_words(desk, mode, tmp_path):
    fake = tmp_path / "letter.wav"
    fake.write_bytes(b"Dear studio, this is no song. " * 50)
    desk.tab(mode.capitalize())
    desk.page.locator(f"#{mode}-upload input[type=file]").set_input_files(fake)
    desk.expect(desk.page.get_by_test_id("toast-body")).to_be_visible()
    assert "Traceback" not in desk.page.content()
    desk.page.locator(f"#{mode}-go").click()
    desk.expect(desk.page.get_by_test_id("toast-body").filter(has_text="Original: is missing")).to_be_visible()


# -- script doors ------------------------------------------------------------------------------------------------------


def test_the_doors_have_the_names_and_defaults_of_the_knobs(client):
    doors = client.view_api(return_format="dict")["named_endpoints"]
    modes = {f"/{mode.model_fields['mode'].default}": mode for mode in MODES} | {"/lyrics": WriteLyrics}
    assert set(doors) == {
        *modes,
        "/listen",
        "/submit",
        "/job",
        "/cancel",
        "/cancel_all",
        "/library",
        "/take",
        "/loop",
        "/separate",
        "/compare",
        "/gamepack",
        "/loras",
        "/add_lora",
    }
    for door, mode in {**modes, "/submit": Generate}.items():
        told = {one["parameter_name"]: one for one in doors[door]["parameters"]}
        assert set(told) - {"audio"} == set(fields(mode)), door
        for name, field in fields(mode).items():
            if name != "source":  # may be left out where a file is given
                assert told[name]["parameter_has_default"] != field.is_required(), name
            if not field.is_required():
                assert told[name]["parameter_default"] == field.default, name


def test_a_script_makes_a_song(client, server):
    path, take = client.predict(prompt=WORDS, duration=5, seed=7, variations=2, api_name="/generate")
    assert np.abs(soundfile.read(path)[0]).max() > 0.1
    assert (take["seed"], take["duration"], len(take["takes"])) == (7, 5.0, 2)
    assert take["plan"]["bpm"] == 82 and take["plan"]["key"] == "D minor"
    assert [kind for kind, address in take["files"].items() if address is None] == ["lrc", "srt", "vtt"]
    none = httpx.get(f"{server}/files/{take['id']}/srt")
    assert none.status_code == 404 and none.json()["detail"].startswith("Nobody is known to sing")
    starts = {"audio": b"RIFF", "midi": b"MThd", "recipe": b"{", "stems": b"PK", "dawproject": b"PK"}
    for kind, start in starts.items():
        assert take["files"][kind].startswith(server)
        assert httpx.get(take["files"][kind], timeout=30).raise_for_status().content.startswith(start), kind
    path, again = client.predict(take["id"], api_name="/take")
    assert soundfile.info(path).duration == 5 and again["id"] == take["id"]
    path, told = client.predict(take["id"], bar=1, bars=1, api_name="/loop")
    assert (told["bar"], told["bars"], told["times"]) == (1, 1, 1) and told["seam_db"] <= 0
    assert soundfile.info(path).frames == round(4 * 60 / 82 * 48_000)
    with pytest.raises(Exception, match=r"^bar: this song has bars 1 to"):
        client.predict(take["id"], bar=99, api_name="/loop")
    assert take["id"] in [one["id"] for one in client.predict(search="dusty", limit=200, api_name="/library")]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"prompt": ""}, "^prompt: is empty"),
        ({"prompt": None}, "^prompt: must be text"),
        ({"prompt": "a" * 1_000_000}, "^prompt: is too long"),
        ({"prompt": "a\x00b"}, "^prompt: contains control"),
        ({"prompt": "x", "bpm": "abc"}, "^bpm: must be a number"),
        ({"prompt": "x", "duration": [1]}, "^duration: must be a number"),
        ({"prompt": "x", "seed": 10**30}, "^seed: must be a whole number"),
        ({"prompt": "x", "engine": "nope"}, "^engine: "),
        ({"prompt": "x", "style": "polka of the moon"}, "^style: "),
    ],
)
def test_a_script_is_told_what_is_wrong_in_one_sentence(client, said, sentence):
    before = client.predict(limit=1, api_name="/library")
    with pytest.raises(Exception, match=sentence) as refused:
        client.predict(**said, api_name="/generate")
    assert "\n" not in str(refused.value)
    assert client.predict(limit=1, api_name="/library") == before


@pytest.mark.parametrize("body", ['{"duration": 5}', '{"prompt": "lofi", "colour": 1}'])
def test_a_call_that_cannot_be_read_is_told_so(server, body):
    answer = httpx.post(
        f"{server}/gradio_api/call/v2/submit", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422 and "parameter" in answer.json()["detail"]


def test_a_script_cancels_by_id_and_by_going_away(client):
    job = client.predict(prompt="slow ambient", duration=90, variations=8, api_name="/submit")
    assert job["state"] in ("queued", "running")
    client.predict(job["id"], api_name="/cancel")
    _ends(client, job["id"], "cancelled")

    followed = client.submit(prompt="slow ambient", duration=90, variations=8, api_name="/generate")
    while not followed.outputs():
        assert not followed.done()
    followed.cancel()
    _ends(client, followed.outputs()[0][1]["id"], "cancelled")


def test_all_that_one_asked_for_is_cancelled_at_once(desk, client):
    desk.open().page.get_by_role("tab", name="Library").click()
    stop = desk.page.locator("#cancel-all")
    desk.expect(stop).to_be_hidden()
    jobs = [client.predict(prompt="slow ambient", duration=600, api_name="/submit")["id"] for _ in range(3)]
    desk.expect(stop).to_have_text(re.compile(r"Cancel my \d+ songs in the making"))
    stop.click()
    desk.expect(stop).to_be_hidden()
    for job in jobs:
        _ends(client, job, "cancelled")
    assert not desk.faults


def _ends(client: Client, job_id: str, state: str) -> None:
    for _ in range(100):
        now = client.predict(job_id, api_name="/job")
        if now["state"] not in ("queued", "running"):
            break
    assert now["state"] == state


def test_files_are_refused_in_words(server):
    for path, sentence in (("nope/wav", "no take"), ("nope/exe", "no such file")):
        answer = httpx.get(f"{server}/files/{path}")
        assert answer.status_code == 404 and sentence in answer.json()["detail"]


@pytest.fixture(scope="module")
def tiny_studio(serve, checkpoints, tmp_path_factory):
    """A studio that plays tiny checkpoints: its address, and where it lives."""
    home = tmp_path_factory.mktemp("tiny") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # tiny work: threads would wait for each other
        with serve(home, checkpoints=checkpoints) as url:
            yield url, home


def test_the_page_shows_the_knobs_that_the_chosen_engine_reads(chromium, tiny_studio):
    """Model and sampling belong to MusicGen, arrangement to the composer; and what is asked for is what plays."""
    with chromium.new_context() as context:
        desk = Desk(context.new_page(), tiny_studio[0]).open()
        heads = {
            name: desk.page.locator("#form").get_by_role("button", name=name) for name in ("Sampling", "Arrangement")
        }
        desk.expect(heads["Sampling"]).to_be_hidden()
        desk.expect(heads["Arrangement"]).to_be_visible()
        desk.knob("engine").click()
        desk.page.get_by_role("option", name="musicgen").click()
        desk.expect(heads["Sampling"]).to_be_visible()
        desk.expect(heads["Arrangement"]).to_be_hidden()
        desk.page.locator("#form").get_by_role("button", name="Model").click()
        desk.knob("checkpoint").click()
        offered = ["auto", "melody", "mono", "stereo", "stereo-melody", "base", "sft", "turbo"]
        desk.expect(desk.page.get_by_role("option")).to_contain_text(offered)
        desk.page.get_by_role("option", name="stereo").first.click()
        desk.ask(prompt="warm piano", duration="5")
        desk.expect(desk.page.locator("#status .line")).to_contain_text("Done", timeout=3 * SOON)  # torch is imported
        card = desk.page.locator("#card")
        desk.expect(card).to_contain_text(re.compile("Made with stereo.*CC-BY-NC 4.0, not for commercial use"))
        desk.expect(card.get_by_role("link", name="WAV: download")).to_be_visible()
        card.get_by_role("link", name="Stems: download").click()
        desk.expect(card.locator(".files .said")).to_contain_text("get one with: studio models get htdemucs")
        desk.page.reload()
        desk.expect(heads["Sampling"]).to_be_visible(timeout=SOON)  # on a busy machine
        desk.page.locator("#reset").click()
        desk.expect(heads["Sampling"]).to_be_hidden()
        desk.tab("Lyrics")
        desk.page.locator("#lyrics-knob-lyrics textarea").fill("[verse]\nThe river knows your name")
        desk.page.locator("#lyrics-edit").click()
        desk.expect(desk.page.locator("#edit-status .line")).to_contain_text("the engine that sings them is acestep.")
        desk.expect(desk.page.locator("#edit-knob-lyrics textarea")).to_be_visible()
        # Gradio says so itself when a reload cuts off what it was listening to; a refusal is an error to the browser.
        assert not [one for one in desk.faults if not re.search("AbortError|Connection errored out|/stems$", one)]


def test_a_region_is_painted_anew_by_a_model_and_the_rest_proves_untouched(chromium, tiny_studio):
    """Knobs that only a model reads come with it, in each tab; a cover may have the sound of a song of the library."""
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        desk = Desk(context.new_page(), tiny_studio[0]).open()
        desk.make(prompt=WORDS, duration="12", seed="3")
        for mode, group in (("cover", "Reference"), ("edit", "One track")):
            picked(desk, mode)
            tab = desk.page.locator(".form-side").filter(has=desk.page.locator(f"#{mode}-go"))
            desk.expect(tab.get_by_role("button", name=group)).to_be_hidden()
            tab.get_by_role("button", name="Take").first.click()
            desk.page.locator(f"#{mode}-knob-engine input").click()
            desk.page.get_by_role("option", name="acestep").click()
            tab.get_by_role("button", name=group).click()
            if mode == "cover":
                desk.page.locator("#cover-knob-reference input").click()
                desk.expect(
                    desk.page.get_by_role("option", name=re.compile("lo-fi", re.IGNORECASE)).first
                ).to_be_visible()
                desk.page.keyboard.press("Escape")
                desk.tab("Generate")
        regions = desk.page.locator("#edit-knob-regions textarea, #edit-knob-regions input")
        regions.fill("2-5")
        desk.page.locator("#edit-go").click()
        desk.expect(desk.page.locator("#edit-status .line")).to_contain_text("Done", timeout=3 * SOON)
        card = desk.page.locator("#edit-card")
        desk.expect(card).to_contain_text(re.compile(r"\b0 of \d+ samples changed outside"))
        desk.expect(card).to_contain_text("Made with turbo")
        assert not desk.faults


def test_a_song_is_heard_while_it_is_made(chromium, tiny_studio):
    """It plays by itself, can be paused, goes out to scripts by the same address, and is gone with the job."""
    url, home = tiny_studio
    with chromium.new_context() as context:
        desk = Desk(context.new_page(), url).open()
        desk.knob("engine").click()
        desk.page.get_by_role("option", name="musicgen").click()
        desk.ask(prompt="warm piano", duration="300", seed="1")
        live = desk.page.locator("#live .live")
        desk.expect(live).to_be_visible(timeout=3 * SOON)  # torch is imported
        desk.page.wait_for_function("document.querySelector('#live audio').currentTime > 0.5")
        desk.expect(live).to_contain_text("not mastered yet")
        desk.expect(desk.page.locator("#stop")).to_be_visible()
        live.get_by_role("button", name="Pause").click()
        desk.expect(live.get_by_role("button", name="Listen")).to_be_visible()
        address = desk.page.locator("#live audio").evaluate("audio => audio.src")
        with httpx.stream("GET", address, timeout=30) as answer:
            assert answer.status_code == 200 and answer.headers["content-type"] == "audio/wav"
            blocks = answer.iter_bytes()
            start = b""
            while len(start) < 100_000:
                start += next(blocks)
            assert start[:4] == b"RIFF" and np.frombuffer(start[44:2044], "<i2").any()
            assert httpx.head(address).status_code == 200
            desk.page.locator("#stop").click()
            desk.expect(desk.page.locator("#status .line")).to_contain_text("cancelled")
            rest = sum(map(len, blocks))
        assert rest < 300 * 32_000 * 2, "it ends where the song was cut off"
        desk.expect(live).to_be_hidden()
        gone = httpx.get(address)
        assert gone.status_code == 404 and "can be heard now" in gone.json()["detail"]
        assert httpx.get(f"{url}/jobs/..%2F..%2Fetc/audio").status_code == 404
        assert not list((home / "temp").iterdir())
        assert not desk.faults


def test_a_lora_is_dropped_chosen_and_one_that_is_none_refused_with_its_reason(chromium, tiny_studio, tmp_path):
    lie = tmp_path / "<img src=x>.safetensors"
    lie.write_bytes(pickle.dumps({"layers.0.self_attn.q_proj.lora_A.weight": [1.0]}))
    made = tiny_loras.folder(tmp_path / "made", alpha=8)
    with chromium.new_context() as context:
        desk = Desk(context.new_page(), tiny_studio[0]).open()
        head = desk.page.locator("#form").get_by_role("button", name="LoRAs")
        desk.expect(head).to_be_hidden()
        desk.knob("engine").click()
        desk.page.get_by_role("option", name="acestep").click()
        head.click()
        upload = desk.page.locator("#lora-upload input[type=file]")
        upload.set_input_files(lie)
        told = desk.page.locator("#lora-told .line")
        desk.expect(told).to_contain_text("is a pickle, which could run code, and only .safetensors files are opened")
        desk.expect(told).to_contain_text("LoRAs: ")
        upload.set_input_files([made / "adapter_model.safetensors", made / "adapter_config.json"])
        desk.expect(told).to_have_text("adapter_model: PEFT, rank 4, made for another size (32), 32 tensors")
        desk.expect(desk.knob("loras")).to_have_value("adapter_model:1")
        strength = desk.page.locator("#lora-strength input[type=number]")
        for typed, written in (("0.4", "adapter_model:0.4"), ("0", "")):
            strength.fill(typed)
            strength.blur()
            desk.expect(desk.knob("loras")).to_have_value(written)
        desk.page.locator("#lora input").click()
        desk.page.get_by_role("option", name="adapter_model").click()
        desk.expect(desk.knob("loras")).to_have_value("adapter_model:1")
        desk.page.set_viewport_size({"width": 412, "height": 915})
        assert desk.page.evaluate(BEYOND) == []
        assert not desk.faults


def test_words_are_written_measured_and_handed_over(desk):
    page = desk.page

    def part(name: str) -> Any:
        return page.locator(f"#lyrics-knob-{name} textarea, #lyrics-knob-{name} input").first

    desk.tab("Lyrics")
    part("brief").fill("a lighthouse keeper who misses the sea")
    page.locator("#lyrics-go").click()
    desk.expect(part("lyrics")).to_have_value(re.compile(r"\[verse\].*\[bridge\].*\[chorus\]", re.DOTALL), timeout=SOON)
    desk.expect(part("title")).not_to_have_value("")
    desk.expect(page.locator("#lyrics-status .line")).to_have_text(re.compile("^Written. Change what you like"))
    desk.expect(page.locator("#fit li.green").first).to_be_visible()
    part("duration").fill("12")
    desk.expect(page.locator("#fit li.red").first).to_be_visible()
    desk.expect(page.locator("#fit .part").first).to_contain_text("needs about")
    page.locator("#fit").get_by_role("button", name="Take out the last lines").first.click()
    desk.expect(page.locator("#fit li")).not_to_have_count(24)
    page.locator("#fit").get_by_role("button", name="Make the song long enough").first.click()
    desk.expect(page.locator("#fit li.red")).to_have_count(0)
    desk.expect(part("duration")).not_to_have_value("12")
    written = part("lyrics").input_value()
    desk.open()
    desk.tab("Lyrics")
    desk.expect(part("lyrics")).to_have_value(written, timeout=SOON)
    desk.expect(part("brief")).to_have_value("a lighthouse keeper who misses the sea")
    desk.expect(page.locator("#lyrics-edit")).to_be_hidden()  # nobody here would sing them
    page.locator("#lyrics-cover").click()
    desk.expect(page.locator("#cover-knob-lyrics textarea").locator("visible=true")).to_have_value(written)
    desk.expect(page.locator("#cover-status .line")).to_have_text(
        "The words are under Lyrics and voice. Choose a song, name a style, then press Cover."
    )
    credit = re.compile(r"embedded 1, seed \d+: a lighthouse keeper who misses the sea; edited")
    desk.expect(page.locator("#cover-knob-lyricist textarea, #cover-knob-lyricist input")).to_have_value(credit)
    desk.open()
    desk.tab("Cover")
    page.get_by_role("button", name="Lyrics and voice").locator("visible=true").click()
    desk.expect(page.locator("#cover-knob-lyrics textarea")).to_have_value(written, timeout=SOON)
    desk.tab("Lyrics")
    part("lyrics").fill("[verse]\nHold on to me\n\n[chorus\nHold on")
    desk.expect(page.locator("#fit .told")).to_contain_text("never closes")
    part("lyrics").fill("[verse]\nThe river knows your name and all that anybody told me\nAnd more and more of it")
    part("duration").fill("5")
    page.locator("#fit").get_by_role("button", name="Split the line").first.click()
    desk.expect(page.locator("#fit li")).to_have_count(3)
    part("lyrics").fill("[verse]\nThe river knows your name")
    part("duration").fill("10")
    desk.expect(page.locator("#fit li")).to_have_count(1)
    part("brief").fill("gentle folk")
    page.locator("#lyrics-generate").click()
    sung = page.locator("#knob-lyrics textarea").locator("visible=true")
    desk.expect(sung).to_have_value("[verse]\nThe river knows your name")
    desk.expect(page.locator("#status .line")).to_contain_text('the prompt is "gentle folk". Press Generate')
    desk.make(seed="3")
    desk.expect(page.locator("#card")).to_contain_text("seed 3")
    sings(desk, page.locator("#card"))
    desk.tab("Library")
    page.locator("#shelf").get_by_role("button", name="More about").first.click()
    sings(desk, page.locator("#shelf"))
    told_again(desk, page.locator("#shelf"))


def told_again(desk: Desk, place: Any) -> None:
    """Stems may time the words by the vocal, so whoever takes a file sees what the recipe says of them now."""

    def heard(route: Any) -> None:
        answer = route.fetch()
        recipe = answer.json()
        recipe["lyrics"]["timing"] = "aligned"
        route.fulfill(response=answer, json=recipe)

    desk.expect(place.locator(".karaoke")).not_to_contain_text("timed by the vocal")
    desk.page.route("**/files/*/recipe", heard)
    place.get_by_role("link", name="LRC: download").first.click()
    desk.expect(place.locator(".karaoke")).to_contain_text("These lines are timed by the vocal.")


def sings(desk: Desk, place: Any) -> None:
    """A line that is tapped is played from, and the one that is sung is marked, and no longer when it is over."""
    words = place.locator(".karaoke")
    line = words.get_by_role("button", name="The river knows your name").first
    marked = words.locator("[aria-current=true]")
    line.click()
    desk.expect(marked).to_have_text("The river knows your name")
    desk.expect(marked).to_have_count(0, timeout=SOON)
    line.focus()
    desk.page.keyboard.press("Enter")
    desk.expect(marked).to_have_count(1)


def test_a_script_has_lyrics_written(client):
    words, told = client.predict("the sea at night", seed=4, api_name="/lyrics")
    assert words.startswith("[verse]") and told["title"] and told["seed"] == 4
    with pytest.raises(Exception, match="brief: is empty"):
        client.predict("", api_name="/lyrics")


def test_a_model_writes_lyrics_in_the_worker(tiny_studio):
    scripts = Client(tiny_studio[0], verbose=False, analytics_enabled=False)
    said = {"language": "de", "seed": 4, "max_tokens": 16, "writer": "tiny-qwen2"}
    words, told = scripts.predict("das Meer bei Nacht", **said, api_name="/lyrics")
    assert words and re.fullmatch(r"tiny-qwen2 [0-9a-f]{16}, seed 4: das Meer bei Nacht", told["credit"])
    with pytest.raises(Exception, match="studio models get qwen3-4b-instruct-2507"):
        scripts.predict("das Meer", writer="qwen3-4b-instruct-2507", api_name="/lyrics")
