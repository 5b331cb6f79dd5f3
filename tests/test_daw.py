"""Sessions for DAWs, opened by readers that know nothing of their writers: zip, XML, MIDI, sound, sample by sample."""

import io
import shlex
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

import mido
import numpy as np
import pytest
import soundfile

import daw
import post_process
import takes
from song.audio import Audio
from song.heard import HeardSection
from song.score import Marker, Note, Score, Track

RATE, FRAMES, BPM = 44_100, 44_100 + 7, 97.3
HOSTILE = "../../etc/\"pass\x00wd\" & <b>'R`ain'</b>\n\u202e\\ C:"
SCORE = Score(
    BPM, (6, 8), "A minor", 3.0,
    (
        Track("Kit", "drums", 0, "kit", (Note(36, 100, 0.0, 0.25), Note(38, 90, 0.75, 0.25)), drums=True),
        Track("Upright", "bass", 32, "bass", (Note(40, 80, 1 / 480, 0.5), Note(40, 81, 0.5 + 1 / 480, 1.0))),
        Track("Aside", "extra", 5, "keys", (Note(60, 1, 1.5, 0.5),)),
        Track("Silent", "pad", 3, "pad", ()),
    ),
    (Marker(0.0, "intro"), Marker(1.5, 'the "verse" & <more>\x07'), Marker(300.0, "never")),
)  # fmt: skip
NAMES = ["Drums", "Drums MIDI", "Bass", "Bass MIDI", "Master 2", "Mix", "Extra MIDI", "Mix 2"]


@dataclass
class Opened:
    """What a reader found, whatever the format: times in seconds, notes as (tick, end, pitch, velocity)."""

    bpm: float
    meter: tuple[int, int]
    markers: dict[str, float]
    muted: dict[str, bool] = field(default_factory=dict)
    sounds: dict[str, tuple[float, float, str]] = field(default_factory=dict)  # start, length, place in the zip
    notes: dict[str, list[tuple[int, int, int, int]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stems and a song with noise in every sample, so that one frame too early or too late shows."""
    folder = tmp_path_factory.mktemp("daw")
    chance = np.random.default_rng(1)
    stems = {
        name: Audio(chance.uniform(-0.2, 0.2, (2, FRAMES)).astype(np.float32), RATE)
        for name in ("drums", "bass", "master", "mix")
    }
    mix = np.sum([stem.samples for stem in stems.values()], axis=0)
    post_process.write_stems_zip(folder / "stems.zip", stems, HOSTILE, Audio(mix, RATE), takes.MADE)
    soundfile.write(folder / "song.wav", mix.T, RATE, subtype="PCM_24")
    return folder


def described(folder: Path, title: str = HOSTILE) -> daw.Session:
    return daw.session(title, SCORE, folder / "stems.zip", folder / "song.wav")


@pytest.fixture(scope="module", params=daw.FORMATS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def written(kind: str, folder: Path) -> Path:
    daw.write(folder / kind, kind, described(folder))
    return folder / kind


# --- readers ----------------------------------------------------------------------------------------------------------


def read_ardour(archive: zipfile.ZipFile) -> Opened:
    place = next(name for name in archive.namelist() if name.endswith(".ardour"))
    inside = f"{PurePosixPath(place).parent}/interchange/{PurePosixPath(place).stem}"
    root = ET.fromstring(archive.read(place))
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids)) and max(map(int, ids)) < int(root.get("id-counter"))
    second, quarter = int(root.find("TempoMap").get("superclocks-per-second")), 1920
    tempo, meter = root.find("TempoMap/Tempos/Tempo"), root.find("TempoMap/Meters/Meter")
    bpm = float(tempo.get("npm")) * 4 / int(tempo.get("note-type"))

    def seconds(time: str) -> float:
        return int(time[1:]) / second if time[0] == "a" else int(time[1:]) / quarter * 60 / bpm

    marks = {
        one.get("name"): seconds(one.get("start")) for one in root.iter("Location") if "IsMark" in one.get("flags")
    }
    found = Opened(bpm, (int(meter.get("divisions-per-bar")), int(meter.get("note-value"))), marks)
    sources = {one.get("id"): one for one in root.iter("Source")}
    playlists = {one.get("id"): one for one in root.iter("Playlist")}
    for route in root.iter("Route"):
        if "MasterOut" in route.find("PresentationInfo").get("flags"):
            continue
        name = route.get("name")
        found.muted[name] = route.find("MuteMaster").get("muted") == "1"
        (region,) = playlists[route.get("audio-playlist") or route.get("midi-playlist")].iter("Region")
        length, start = map(seconds, region.get("length").split("@"))
        used = [sources[region.get(f"source-{number}")] for number in range(int(region.get("channels")))]
        if region.get("type") == "midi":
            found.notes[name] = _notes(archive.read(f"{inside}/midifiles/{used[0].get('name')}"))
        else:
            assert [one.get("channel") for one in used] == ["0", "1"] and used[0].get("name") == used[1].get("name")
            found.sounds[name] = (start, length, f"{inside}/audiofiles/{used[0].get('name')}")
    plugged = [port.get("other") for port in root.find("Routes/Route/IO[@direction='Input']").iter("Connection")]
    assert sorted(plugged) == sorted(f"{name}/audio_out {number}" for name in found.sounds for number in (1, 2))
    return found


def _notes(content: bytes) -> list[tuple[int, int, int, int]]:
    file = mido.MidiFile(file=io.BytesIO(content))
    assert (file.type, len(file.tracks), file.ticks_per_beat) == (0, 1, 480)
    return _paired(
        [(message.time, message.bytes()) for message in file.tracks[0] if message.type.startswith(("note", "prog"))]
    )


def _paired(events: list[tuple[int, list[int]]]) -> list[tuple[int, int, int, int]]:
    """Notes of (distance, bytes): every one ends."""
    now, sounding, notes = 0, {}, []
    for distance, (status, *data) in events:
        now += distance
        if status >> 4 == 9:
            assert data[0] not in sounding, "a note over itself"
            sounding[data[0]] = (now, data[1])
        elif status >> 4 == 8:
            start, velocity = sounding.pop(data[0])
            notes.append((start, now, data[0], velocity))
    assert not sounding
    return sorted(notes)


def read_dawproject(archive: zipfile.ZipFile) -> Opened:
    root = ET.fromstring(archive.read("project.xml"))
    assert root.tag == "Project" and root.get("version") == "1.0" and root.find("Application").get("name")
    assert [one.tag for one in root] == ["Application", "Transport", "Structure", "Arrangement"]
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    assert {one.get(name) for one in root.iter() for name in ("track", "destination") if one.get(name)} <= set(ids)
    meter = root.find("Transport/TimeSignature")
    bpm = float(root.find("Transport/Tempo").get("value"))
    assert root.find("Transport/Tempo").get("unit") == "bpm"
    assert root.find("Arrangement/Lanes").get("timeUnit") == root.find("Arrangement/Markers").get("timeUnit") == "beats"
    marks = {one.get("name"): float(one.get("time")) * 60 / bpm for one in root.find("Arrangement/Markers")}
    found = Opened(bpm, (int(meter.get("numerator")), int(meter.get("denominator"))), marks)
    lanes = {one.get("track"): one for one in root.find("Arrangement/Lanes")}
    for track in root.find("Structure"):
        channel, name = track.find("Channel"), track.get("name")
        assert [(one.tag, one.get("value")) for one in channel][1:] == [("Pan", "0.5"), ("Volume", "1")]
        if channel.get("role") == "master":
            continue
        found.muted[name] = channel.find("Mute").get("value") == "true"
        clips = lanes[track.get("id")].find("Clips")
        (clip,) = clips
        start, length = float(clip.get("time")), float(clip.get("duration"))
        if (audio := clip.find("Audio")) is not None:
            assert track.get("contentType") == "audio" and clips.get("timeUnit") == "seconds"
            assert (audio.get("sampleRate"), audio.get("channels")) == (str(RATE), "2")
            assert audio.get("duration") == clip.get("duration")
            found.sounds[name] = (start, length, audio.find("File").get("path"))
        else:
            told = [{key: float(value) for key, value in note.items()} for note in clip.find("Notes")]
            found.notes[name] = sorted(
                (round(480 * note["time"]), round(480 * (note["time"] + note["duration"])), int(note["key"]),
                 round(127 * note["vel"])) for note in told
            )  # fmt: skip
    assert ET.fromstring(archive.read("metadata.xml")).findtext("Title").startswith("../../etc")
    return found


def read_reaper(archive: zipfile.ZipFile) -> Opened:
    place = next(name for name in archive.namelist() if name.endswith(".RPP"))
    project = _tree(archive.read(place).decode())
    (bpm, *meter) = _one(project, "TEMPO")
    marks = {said[2]: float(said[1]) for said in _all(project, "MARKER")}
    found = Opened(float(bpm), (int(meter[0]), int(meter[1])), marks)
    assert _one(project, "PANLAW") == ["1"] and _one(project, "SAMPLERATE")[0] == str(RATE)
    for track in _blocks(project, "TRACK"):
        (name,) = _one(track, "NAME")
        found.muted[name] = _one(track, "MUTESOLO")[0] == "1"
        assert _one(track, "VOLPAN")[:2] == ["1", "0"]
        (item,) = _blocks(track, "ITEM")
        (source,) = _blocks(item, "SOURCE")
        start, length = (float(_one(item, key)[0]) for key in ("POSITION", "LENGTH"))
        assert _one(item, "FADEIN")[1] == _one(item, "FADEOUT")[1] == "0"
        if source[0][1] == "WAVE":
            found.sounds[name] = (start, length, f"{PurePosixPath(place).parent}/{_one(source, 'FILE')[0]}")
        else:
            assert _one(source, "HASDATA") == ["1", "480", "QN"]
            events = [(int(said[0]), [int(byte, 16) for byte in said[1:]]) for said in _all(source, "E")]
            assert events[-1][1][1:] == [0x7B, 0]
            assert sum(distance for distance, _ in events) == round(SCORE.beats * 480)
            found.notes[name] = _paired(events[:-1])
    return found


def _tree(text: str) -> list:
    """Blocks within blocks: each begins with its own line."""
    root: list = []
    open_blocks = [root]
    for line in text.splitlines():
        words = line.strip()
        if words == ">":
            open_blocks.pop()
        elif words.startswith("<"):
            block = [_words(words[1:])]
            open_blocks[-1].append(block)
            open_blocks.append(block)
        else:
            open_blocks[-1].append(_words(words))
    assert len(open_blocks) == 1 and len(root) == 1
    return root[0]


def _words(line: str) -> list[str]:
    reader = shlex.shlex(line, posix=True)
    reader.whitespace_split, reader.quotes, reader.escape, reader.commenters = True, "\"'`", "", ""
    return list(reader)


def _all(block: list, key: str) -> list[list[str]]:
    return [one[1:] for one in block[1:] if one[0] == key]


def _one(block: list, key: str) -> list[str]:
    (found,) = _all(block, key)
    return found


def _blocks(block: list, key: str) -> list[list]:
    return [one for one in block[1:] if isinstance(one[0], list) and one[0][0] == key]


READERS = {"ardour": read_ardour, "dawproject": read_dawproject, "reaper": read_reaper}


@pytest.fixture(scope="module")
def opened(kind: str, written: Path) -> Opened:
    with zipfile.ZipFile(written) as archive:
        return READERS[kind](archive)


# --- what must be true ------------------------------------------------------------------------------------------------


def test_every_part_has_a_track_of_its_own_name(opened: Opened):
    assert list(opened.muted) == NAMES
    assert [name for name, muted in opened.muted.items() if muted] == ["Mix 2"], "the song beside its stems"
    assert list(opened.sounds) == ["Drums", "Bass", "Master 2", "Mix", "Mix 2"]


def test_sounds_lie_where_they_were_sample_by_sample(opened: Opened, written: Path, folder: Path):
    stems = zipfile.ZipFile(folder / "stems.zip")
    before = [*(stems.read(name) for name in stems.namelist() if name[0].isdigit()), (folder / "song.wav").read_bytes()]
    with zipfile.ZipFile(written) as archive:
        for (start, length, place), content in zip(opened.sounds.values(), before, strict=True):
            assert start == 0 and abs(length * RATE - FRAMES) < 1e-6
            assert archive.read(place) == content
        *parts, song = (soundfile.read(archive.open(place))[0] for *_, place in opened.sounds.values())
    assert np.abs(np.sum(parts, axis=0) - song).max() < 2**-22, "the tracks that are heard are the song"


def test_tempo_meter_and_sections_are_those_of_the_score(opened: Opened):
    assert opened.bpm == BPM and opened.meter == (6, 8)
    assert list(opened.markers) == ["intro", 'the "verse" & <more>'], "a section after the end is none"
    assert list(opened.markers.values()) == pytest.approx([0, 1.5 * 60 / BPM], abs=1e-9)


def test_lines_have_the_notes_of_the_composer(opened: Opened):
    assert opened.notes == {
        "Drums MIDI": [(0, 120, 36, 100), (360, 480, 38, 90)],
        "Bass MIDI": [(1, 241, 40, 80), (241, 721, 40, 81)],
        "Extra MIDI": [(720, 960, 60, 1)],
    }


def test_no_name_in_the_zip_leads_out_of_it(written: Path):
    with zipfile.ZipFile(written) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert len(names) == len({name.lower() for name in names})
    for name in names:
        assert name.isprintable() and not set(name) & set('\\:*?"<>|') and ".." not in name and name[0] != "/"
        assert all(step.strip(" .") == step for step in name.split("/"))


def test_the_same_session_gives_the_same_bytes_uncompressed(written: Path, kind: str, folder: Path, tmp_path: Path):
    daw.write(tmp_path / "again", kind, described(folder))
    assert (tmp_path / "again").read_bytes() == written.read_bytes()
    with zipfile.ZipFile(written) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", "Song"),
        ("\x00\x1f", "Song"),
        ("con", "Con Song"),
        ("夜の雨 ☂", "夜の雨"),
        ("...", "Song"),
        ("a" * 300, "A" + "a" * 59),
    ],
)
def test_any_title_is_a_folder(folder: Path, title: str, name: str):
    assert described(folder, title).name == name


def test_a_song_without_a_score_keeps_its_tempo_and_its_sections(folder: Path):
    sections = [HeardSection(start=0.5, end=1.0, label="verse", confidence=0.7)]
    score = daw.outline(90.0, "3/4", "C major", 1.0, sections)
    session = daw.session("Found", score, folder / "stems.zip", folder / "song.wav")
    assert [part.name for part in session.parts] == ["Drums", "Bass", "Master 2", "Mix", "Mix 2"]
    assert (score.bpm, score.meter, session.markers) == (90.0, (3, 4), ((0.75, "verse"),))
    assert session.beats == 1.5


def test_a_broken_zip_of_stems_leaves_no_session_behind(folder: Path, tmp_path: Path, kind: str):
    session = described(folder)
    (folder / "stems.zip").rename(tmp_path / "stems.zip")
    try:
        with pytest.raises(FileNotFoundError):
            daw.write(tmp_path / "session", kind, session)
    finally:
        (tmp_path / "stems.zip").rename(folder / "stems.zip")
    assert not [path.name for path in tmp_path.iterdir()]
