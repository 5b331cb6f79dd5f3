"""Words in time: as files that a plain reading of each format gives back, and as tags in the songs themselves."""

import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

import tags
from song import captions
from song.lyrics import Line, Lyrics, Section
from test_tags import TONE, recipe, written

SUNG = Lyrics(
    (
        Section("verse", (Line("Salt & <light>", 1.25, 3.5), Line("[oh] 夜 --> day", 3.75, 9.0))),
        Section("chorus", (Line("Hold on", 65.52, 70.004),)),
    ),
    "exact",
)
WORDS = Lyrics.parse("[intro]\n[verse]\none\ntwo\n[solo]\n[chorus]\nthree\nfour\n[outro]")


def seconds(clock: str) -> float:
    hours, minutes, rest = re.split(":", f"0:{clock}".replace(",", "."))[-3:]
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def read_cues(text: str) -> list[tuple[float, float, str]]:
    """SubRip or WebVTT as a player reads it: blocks between empty lines, those with an arrow are cues."""
    found = []
    for block in re.split(r"\n\n+", text.strip()):
        lines = block.split("\n")
        place = next((number for number, line in enumerate(lines) if " --> " in line and line[0].isdigit()), None)
        if place is not None:
            start, end = lines[place].split(" --> ")
            found.append((seconds(start), seconds(end), "\n".join(lines[place + 1 :])))
    return found


def test_every_format_holds_every_line_at_its_time() -> None:
    assert captions.lrc(SUNG).splitlines() == [
        "[00:01.25]Salt & <light>", "[00:03.75](oh) 夜 --> day", "[01:05.52]Hold on"
    ]  # fmt: skip
    times = [(1.25, 3.5), (3.75, 9.0), (65.52, 70.004)]
    said = {"srt": ["Salt & <light>", "[oh] 夜 -> day"], "vtt": ["Salt &amp; &lt;light&gt;", "[oh] 夜 --&gt; day"]}
    for kind, texts in said.items():
        text = captions.FORMATS[kind](SUNG)
        assert read_cues(text) == [(*time, words) for time, words in zip(times, [*texts, "Hold on"], strict=True)]
    assert captions.vtt(SUNG).startswith("WEBVTT\n\n") and captions.srt(SUNG).startswith("1\n00:00:01,250 -->")
    assert not any(form(WORDS) for form in captions.FORMATS.values()), "nothing of words whose times nobody knows"
    slow = Lyrics((Section("", (Line("a", 7199.9996, 1.0), Line("b", 0.0, 8000.0))),), "exact")
    assert read_cues(captions.srt(slow)) == [(0, 7200, "b"), (7200, 7204, "a")], "no line outlasts the next"


def test_words_are_spread_evenly_and_say_so() -> None:
    laid = WORDS.spread(2.0, 22.0)
    assert [(line.start, line.end) for line in laid.lines] == [(6, 8), (8, 10), (14, 16), (16, 18)]
    assert laid.timing == "estimated" and str(laid) == str(WORDS)
    assert captions.lrc(laid).startswith("[re:Studio; times are estimated]\n[00:06.00]one\n")
    assert captions.vtt(laid).startswith("WEBVTT - times are estimated\n\n")
    assert read_cues(captions.srt(laid))[0] == (6, 8, "one\n(times are estimated)")
    assert Lyrics.parse("[intro]").spread(0, 5).timing is None


def test_times_that_were_heard_say_so() -> None:
    heard = replace(SUNG, timing="aligned")
    assert captions.lrc(heard).startswith("[re:Studio; times are heard in the vocal]\n[00:01.25]")
    assert captions.vtt(heard).startswith("WEBVTT - times are heard in the vocal\n\n")
    assert read_cues(captions.srt(heard))[0][2] == "Salt & <light>\n(times are heard in the vocal)"
    assert b"\x02\x01times are heard in the vocal\0" in tags.id3(recipe(lyrics=heard))
    worth = [(one + other).timing for one, other in ((SUNG, heard), (heard, SUNG), (heard, WORDS.spread(0, 9)))]
    assert worth == ["aligned", "aligned", "estimated"]


def test_words_stay_where_the_sound_stayed() -> None:
    stayed = SUNG.left([(3.0, 4.5)], offset=2.0)
    assert [(line.text, line.start) for line in stayed.lines] == [("[oh] 夜 --> day", 5.75), ("Hold on", 67.52)]
    both = WORDS.spread(0.0, 4.5) + stayed
    assert both.timing == "estimated" and [section.name for section in both.sections][-1] == "chorus"
    assert SUNG.left([(0.0, 100.0)]) == Lyrics()


def frames(path: Path) -> dict[bytes, bytes]:
    """An independent reading of the ID3 tag at the head of an MP3: its last body under each code."""
    data, at, found = path.read_bytes(), 10, {}
    number = lambda raw: sum(byte << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True))  # noqa: E731
    end = 10 + number(data[6:10])
    while at < end:
        length = number(data[at + 4 : at + 8])
        found[data[at : at + 4]] = data[at + 10 : at + 10 + length]
        at += 10 + length
    return found


def test_an_mp3_holds_the_words_and_their_times(tmp_path: Path) -> None:
    written(tmp_path / "song.mp3", "mp3", TONE, recipe(lyrics=SUNG))
    found = frames(tmp_path / "song.mp3")
    assert found[b"USLT"] == b"\x03XXX\0" + "Salt & <light>\n[oh] 夜 --> day\n\nHold on".encode()
    assert found[b"SYLT"][:7] == b"\x03XXX\x02\x01\0"
    file, back = io.BytesIO(found[b"SYLT"][7:]), []
    while text := b"".join(iter(lambda: file.read(1), b"\0") if file.tell() < len(file.getbuffer()) else ()):
        back.append((text.decode().strip(), struct.unpack(">I", file.read(4))[0] / 1000))
    assert [text for text, _ in back] == [line.text for line in SUNG.lines]
    assert [time for _, time in back] == pytest.approx([line.start for line in SUNG.lines], abs=0.017)
    assert back[-1][1] != 65.52, "65,520 ms would be 0xFFF0"
    assert not re.search(rb"\xff[\xe0-\xff]", tags.id3(recipe(lyrics=SUNG))), "looks like the start of a frame"
    assert tags.read_recipe(tmp_path / "song.mp3").lyrics == SUNG
    assert soundfile.info(tmp_path / "song.mp3").duration == pytest.approx(0.5, abs=0.05)


def test_a_flac_holds_the_words_and_their_times(tmp_path: Path) -> None:
    laid = WORDS.spread(0.0, 10.0)
    written(tmp_path / "song.flac", "flac", TONE, recipe(lyrics=laid))
    head = (tmp_path / "song.flac").read_bytes()[:10_000].decode("utf-8", "replace")
    assert "LYRICS=one\ntwo\n\nthree\nfour" in head
    assert f"SYNCEDLYRICS={captions.lrc(laid)}" in head and "estimated" in head
    assert tags.read_recipe(tmp_path / "song.flac").lyrics == laid
