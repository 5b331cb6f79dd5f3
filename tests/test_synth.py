"""The studio's own instruments and its SoundFont player, judged by what they sound like."""

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import dsp
from composer import mix, strip, synth
from composer.style import Flavour
from composer.synth import chain, drums, strikes, textures, voices
from composer.synth import soundfont as soundfont_player
from composer.synth.patches import PATCHES, floats
from settings import ROOT
from song.audio import SAMPLE_RATE
from song.score import Note
from tiny_songs import BPM, part, plan, score, small_band, soundfont

PROMISED = [
    *("piano", "electric_piano", "organ", "bass_finger", "bass_upright", "bass_808", "bass_synth", "bass_acid"),
    *("bass_sub", "pad_warm", "pad_glass", "pad_dark", "supersaw", "stab", "pluck", "lead_saw", "lead_square"),
    *("lead_soft", "acid", "mallet", "marimba", "bells", "music_box", "harp", "guitar_nylon", "guitar_clean"),
    *("guitar_muted", "guitar_distorted", "strings", "strings_spiccato", "pizzicato", "brass", "brass_soft"),
    *("trumpet", "sax", "flute", "choir", "texture_vinyl", "texture_rain", "texture_wind", "texture_tape"),
    *("piano_felt", "piano_upright", "wurlitzer", "clavinet", "harpsichord", "church_organ", "organ_bubble"),
    *("accordion", "harmonica", "kalimba", "steel_drum", "vibraphone", "guitar_steel", "guitar_electric"),
    *("guitar_crunch", "guitar_chug", "banjo", "mandolin", "ukulele", "sitar", "bass_pick", "bass_slap"),
    *("bass_fretless", "bass_reese", "bass_wobble", "bass_growl", "bass_pulse", "bass_chip", "violin", "cello"),
    *("strings_chamber", "strings_tremolo", "clarinet", "oboe", "tin_whistle", "pan_flute", "trombone"),
    *("brass_stab", "french_horn", "bagpipe", "lead_pulse", "chip_arp", "lead_brass", "lead_sync", "lead_whistle"),
    *("pad_poly", "pad_strings", "pluck_glass", "stab_rave", "bell_fm", "choir_ooh"),
]
KITS = [
    *("lofi", "house", "techno", "trap", "orchestral", "ambient", "rock", "jazz", "boombap", "drill", "dnb"),
    *("dubstep", "synthwave", "chip", "funk", "soul", "metal", "punk", "pop", "country", "latin", "reggae"),
    *("afrobeat", "celtic", "epic", "brushes"),
]
TEXTURES = [name for name in PROMISED if name.startswith("texture")]
PITCHED = [name for name in PROMISED if name not in TEXTURES]
FONT = synth.find(None, synth.soundfont.FOLDERS)


@cache
def played(patch: str, pitch: int, velocity: int = 90, beats: float = 4.0, seconds: float = 4.0) -> np.ndarray:
    """One note, a quarter of a second in."""
    band = {"lead": part(patch)}
    song = score(band, {"lead": [Note(pitch, velocity, 0.5, beats)]})
    return synth.render(song, plan(band, seconds))["lead"]


def level_db(sound: np.ndarray) -> float:
    return 10 * math.log10(float((sound.astype(float) ** 2).mean()) + 1e-20)


def spectrum(sound: np.ndarray, struck: bool = False) -> tuple[np.ndarray, np.ndarray]:
    mono = sound.mean(axis=0) if sound.ndim == 2 else sound
    size = 1 << 18
    return np.fft.rfftfreq(size, 1 / SAMPLE_RATE), np.abs(
        np.fft.rfft(mono if struck else mono * np.hanning(len(mono)), size)
    ) ** 2


def centre(sound: np.ndarray) -> float:
    """Spectral centroid of the amplitudes, hertz."""
    hertz, power = spectrum(sound)
    return float((hertz * np.sqrt(power)).sum() / np.sqrt(power).sum())


def share(sound: np.ndarray, low: float, high: float, struck: bool = False) -> float:
    """Part of the power between two frequencies; `struck` sound is not windowed, for its attack would be lost."""
    hertz, power = spectrum(sound, struck)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


def cents_off(sound: np.ndarray, pitch: int) -> float:
    """Mistuning: where the power around the fundamental has its middle."""
    expected = 440 * 2 ** ((pitch - 69) / 12)
    hertz, power = spectrum(sound)
    near = np.abs(1200 * np.log2(np.maximum(hertz, 1) / expected)) < 90
    return 1200 * math.log2((hertz[near] * power[near]).sum() / power[near].sum() / expected)


@pytest.mark.parametrize("patch", [name for name in PATCHES if not name.startswith("texture")])
def test_a_flavour_changes_the_sound_and_never_the_pitch(patch):
    wild = Flavour(0.9, 0.5, 0.7, 0.6, 0.8, 0.7, 0.3, 0.15)
    pitch = 40 if "bass" in patch else 62
    band = {"lead": replace(part(patch), flavour=wild)}
    sound = synth.render(score(band, {"lead": [Note(pitch, 90, 0.5, 4.0)]}), plan(band, 3.0))["lead"]
    assert np.isfinite(sound).all() and not np.array_equal(sound, played(patch, pitch, seconds=3.0))
    held = sound[:, int(0.4 * SAMPLE_RATE) : int(2.2 * SAMPLE_RATE)]
    assert abs(cents_off(held, pitch)) < 14


def test_a_flavoured_kit_is_another_kit_every_song():
    notes = [Note(36, 110, 0.0, 0.2), Note(38, 110, 1.0, 0.2), Note(42, 90, 2.0, 0.2)]
    heard = []
    for song in (1, 1, 2):
        out = np.zeros((2, 2 * SAMPLE_RATE), np.float32)
        drums.render(out, notes, BPM, "house", 5, Flavour(tune=1.0, bright=-0.5), song)
        heard.append(out)
    assert np.array_equal(heard[0], heard[1]) and not np.array_equal(heard[0], heard[2])
    assert share(heard[2][:, : SAMPLE_RATE // 2], 25, 160, True) > 0.7


def test_every_promised_patch_and_kit_exists():
    assert set(PROMISED) == set(PATCHES) and set(KITS) == set(drums.KITS)


@pytest.mark.parametrize("patch", PITCHED)
def test_patch_is_in_tune(patch):
    for pitch in (33, 40, 45) if "bass" in patch else (48, 62, 79):
        sound = played(patch, pitch)[:, int(0.4 * SAMPLE_RATE) : int(2.2 * SAMPLE_RATE)]
        assert abs(cents_off(sound, pitch)) < 10, pitch


@pytest.mark.parametrize("patch", PROMISED)
def test_patch_sounds_and_does_not_click(patch):
    pitch = 40 if "bass" in patch else 60
    sound = played(patch, pitch, beats=1.0)
    start = SAMPLE_RATE // 4
    assert sound.dtype == np.float32 and np.isfinite(sound).all()
    assert np.abs(sound[:, :start]).max() < 1e-9, "silence before the note"
    top = np.abs(sound).max()
    assert top > 0.005 and abs(sound.mean()) < 2e-3 * top + 1e-4
    assert np.abs(sound[:, start : start + 3]).max() < 0.05 * top, "starts with a step"
    last = int(np.flatnonzero(np.abs(sound).max(axis=0) > 1e-4 * top)[-1])
    assert last < sound.shape[1] - 10, "rings for ever"
    assert np.abs(np.diff(sound[:, max(start, last - 200) :], axis=1)).max() < 0.02 * top, "ends with a step"


@pytest.mark.parametrize("patch", PITCHED)
def test_velocity_moves_level_and_brightness(patch):
    pitch = 40 if "bass" in patch else 60
    band = {"lead": part(patch)}
    song = score(band, {"lead": [Note(pitch, 40, 0.0, 1.0), Note(pitch, 120, 4.0, 1.0)]})
    sound = synth.render(song, plan(band, 3.0))["lead"]
    soft, hard = sound[:, : SAMPLE_RATE // 2], sound[:, 2 * SAMPLE_RATE : 5 * SAMPLE_RATE // 2]
    assert level_db(hard) > level_db(soft) + (3 if PATCHES[patch].chain.drive > 1 else 6)
    assert centre(hard) > 1.01 * centre(soft)


# What an ear would notice first: (attack to 80 % in ms, spectral centroid of middle C in Hz), from - to.
CHARACTER = {
    "piano_felt": (0, 40, 200, 900), "harpsichord": (0, 10, 1800, 4500), "clavinet": (0, 10, 1200, 4000),
    "church_organ": (20, 90, 400, 1200), "kalimba": (0, 10, 200, 600), "guitar_steel": (0, 10, 1500, 3500),
    "ukulele": (0, 10, 900, 2200), "banjo": (0, 10, 1800, 4500), "violin": (30, 120, 1500, 3200),
    "cello": (35, 140, 900, 2000), "clarinet": (20, 80, 600, 1500), "oboe": (20, 80, 1200, 2600),
    "french_horn": (40, 400, 400, 1300), "brass_stab": (5, 40, 1000, 2600), "lead_sync": (1, 300, 1800, 4500),
    "lead_whistle": (8, 60, 250, 800), "pad_strings": (120, 400, 1500, 4000), "bell_fm": (0, 12, 700, 2500),
    "chip_arp": (0, 6, 1500, 4500), "bass_slap": (0, 25, 1500, 4500), "bass_fretless": (8, 60, 120, 600),
}  # fmt: skip


@pytest.mark.parametrize("patch", CHARACTER)
def test_patch_has_its_character(patch):
    quick, slow, dark, bright = CHARACTER[patch]
    start = SAMPLE_RATE // 4
    sound = played(patch, 40 if "bass" in patch else 60, beats=1.0)[:, start : start + SAMPLE_RATE // 2]
    power = np.sqrt((sound.astype(float) ** 2).sum(axis=0).reshape(-1, 48).mean(axis=1))
    assert quick <= int(np.argmax(power > 0.8 * power.max())) <= slow
    assert dark < centre(sound) < bright


def test_wobble_keeps_time_with_the_music():
    band = {"bass": part("bass_wobble")}
    sound = synth.render(score(band, {"bass": [Note(33, 100, 0.0, 8.0)]}), plan(band, 5.0))["bass"]
    highs = dsp.filter(sound, dsp.highpass(900, SAMPLE_RATE)).mean(axis=0)[: 4 * SAMPLE_RATE]
    swell = np.abs(np.fft.rfft((highs.reshape(-1, 480) ** 2).mean(axis=1)))[1:]
    assert (int(np.argmax(swell)) + 1) / 4 == 2 * BPM / 60  # two openings to a beat


@pytest.mark.parametrize("wave", (0, 1, 2, 4))
def test_oscillators_hardly_alias(wave):
    hertz, out = 1046.5, np.zeros((2, 2 * SAMPLE_RATE), np.float32)
    open_ = voices.Analogue(wave=wave, width=0.3, sync=1.3, fixed=1, drift=0, cutoff=20_000, track=0, touch=0,
                            env_attack=0.001, env_decay=1e6)  # fmt: skip
    rows = np.array([[0.0, 1.9 * SAMPLE_RATE, hertz, 0.0, 0.8, 7.0]])
    voices.analogue(out, rows, floats(open_), np.zeros(400))
    power = np.abs(np.fft.rfft(out[0, SAMPLE_RATE // 2 : 3 * SAMPLE_RATE // 2] * np.blackman(SAMPLE_RATE))) ** 2
    bins = np.arange(len(power)) / hertz
    foreign = (np.abs(bins - np.round(bins)) * hertz > 6) & (bins * hertz < 16_000)
    assert 10 * np.log10(power[foreign].sum() / power.sum()) < -38


def test_gated_snare_stops_at_once():
    levels = {}
    for kit in ("synthwave", "pop"):
        sound = hit(kit, 38)
        levels[kit] = level_db(sound[:, 14_400:19_200]) - level_db(sound[:, 4800:9600])
    assert levels["synthwave"] < levels["pop"] - 12


@pytest.mark.parametrize("pitch", sorted(set(drums.PLACES) - {35, 36}))
def test_every_lane_of_a_kit_is_a_short_clean_hit(pitch):
    sound = drums.one_shot("latin", pitch, 0)
    assert np.isfinite(sound).all() and 0.05 < np.abs(sound).max() <= 1.0
    assert np.abs(sound[:, 0]).max() < 0.02 and np.abs(sound[:, -1]).max() < 1e-3
    early, late = sound[:, : sound.shape[1] // 2], sound[:, sound.shape[1] // 2 :]
    assert level_db(late) < level_db(early) - (3 if pitch in (drums.BRUSH, drums.SUB_DROP) else 12)


@pytest.mark.parametrize("patch", TEXTURES)
def test_texture_fills_its_note_and_has_no_pitch(patch):
    sound = played(patch, 60, beats=6.0)
    assert level_db(sound[:, 2 * SAMPLE_RATE : 3 * SAMPLE_RATE]) > level_db(sound) - 4
    _, power = spectrum(sound[:, SAMPLE_RATE : 3 * SAMPLE_RATE])
    bands = np.add.reduceat(power[500:100_000], np.arange(0, 99_000, 300))
    assert bands.max() / bands.sum() < 0.3
    assert abs(np.corrcoef(sound)[0, 1]) < 0.6


def hit(kit: str, pitch: int, velocity: int = 110) -> np.ndarray:
    out = np.zeros((2, 2 * SAMPLE_RATE), np.float32)
    drums.render(out, [Note(pitch, velocity, 0.0, 0.25)], BPM, kit, 1)
    return out


@pytest.mark.parametrize("kit", drums.KITS)
def test_hits_lie_where_drums_lie(kit):
    assert share(hit(kit, 36), 25, 150, True) > 0.8
    assert share(hit(kit, 42), 4000, 24_000, True) > 0.75
    assert share(hit(kit, 42), 12_500, 24_000, True) < 0.15, "hats that hiss"
    assert share(hit(kit, 38), 120, 700, True) > 0.25 and share(hit(kit, 38), 1000, 10_000, True) > 0.1
    assert share(hit(kit, 49), 1500, 10_000, True) > 0.5
    for pitch in (36, 38, 42, 49):
        sound = hit(kit, pitch)
        assert np.isfinite(sound).all() and np.abs(sound[:, 0]).max() < 0.02 and np.abs(sound).max() > 0.05


def test_round_robin_and_velocity():
    first, second = drums.one_shot("house", 38, 0), drums.one_shot("house", 38, 1)
    assert not np.array_equal(first[:, :2000], second[:, :2000])
    assert level_db(hit("house", 38, 40)) < level_db(hit("house", 38, 120)) - 8
    assert centre(hit("house", 38, 40)) < 0.9 * centre(hit("house", 38, 120))


def test_closed_hat_chokes_open_hat():
    out = np.zeros((2, SAMPLE_RATE), np.float32)
    drums.render(out, [Note(46, 100, 0.0, 0.5)], BPM, "rock", 1)
    choked = np.zeros_like(out)
    drums.render(choked, [Note(46, 100, 0.0, 0.5), Note(44, 1, 0.25, 0.1)], BPM, "rock", 1)
    after = slice(int(0.16 * SAMPLE_RATE), int(0.3 * SAMPLE_RATE))
    assert level_db(choked[:, after]) < level_db(out[:, after]) - 20
    assert np.array_equal(choked[:, : int(0.12 * SAMPLE_RATE)], out[:, : int(0.12 * SAMPLE_RATE)])


@pytest.mark.parametrize("pitch", (drums.RISER, drums.REVERSE_CYMBAL))
def test_swells_end_with_their_note(pitch):
    out = np.zeros((2, 3 * SAMPLE_RATE), np.float32)
    drums.render(out, [Note(pitch, 100, 1.0, 3.0)], BPM, "house", 1)
    loud = [level_db(out[:, int(a * SAMPLE_RATE) : int((a + 0.4) * SAMPLE_RATE)]) for a in (0.6, 1.0, 1.55)]
    assert loud[0] < loud[1] < loud[2]
    assert level_db(out[:, int(2.01 * SAMPLE_RATE) :]) < -100


def test_same_song_same_samples_on_any_number_of_threads():
    band, notes = small_band()
    song, agreed = score(band, notes), plan(band)
    once, again, alone = (synth.render(song, agreed, threads=count) for count in (2, 2, 1))
    for role in band:
        assert np.array_equal(once[role], again[role]) and np.array_equal(once[role], alone[role])
        assert once[role].shape == (2, 8 * SAMPLE_RATE) and np.abs(once[role][:, : SAMPLE_RATE // 2 - 1]).max() < 1e-9


def test_two_tracks_of_one_role_share_a_stem():
    band = {"lead": part("flute")}
    high, low = score(band, {"lead": [Note(84, 90, 0, 2)]}), score(band, {"lead": [Note(60, 90, 0, 2)]})
    both = replace(high, tracks=high.tracks + low.tracks)
    agreed = plan(band, 3.0)
    apart = synth.render(high, agreed)["lead"] + synth.render(low, agreed)["lead"]
    assert np.abs(synth.render(both, agreed)["lead"] - apart).max() < 1e-6


def test_an_edited_bar_leaves_the_others_alone():
    band, notes = small_band()
    before = synth.render(score(band, notes), plan(band))
    edited = {role: [note for note in row if note.start < 9] for role, row in notes.items()}
    after = synth.render(score(band, edited), plan(band))
    for role in ("drums", "bass"):
        assert np.array_equal(before[role][:, : int(4.4 * SAMPLE_RATE)], after[role][:, : int(4.4 * SAMPLE_RATE)])


def test_mono_patch_slides_between_notes_that_touch():
    band = {"bass": part("bass_808")}
    song = score(band, {"bass": [Note(40, 100, 0.0, 2.0), Note(28, 100, 2.0, 2.0)]})
    sound = synth.render(song, plan(band, 4.0))["bass"]
    assert abs(cents_off(sound[:, int(1.4 * SAMPLE_RATE) : int(2.0 * SAMPLE_RATE)], 28)) < 10
    assert abs(cents_off(sound[:, int(0.3 * SAMPLE_RATE) : int(0.9 * SAMPLE_RATE)], 40)) < 10


def test_unknown_patch_and_role_fall_back():
    band = {"kazoo": part("no such patch"), "drums": part("no such kit")}
    song = score(band, {"kazoo": [Note(60, 90, 0, 1)], "drums": [Note(36, 90, 0, 1), Note(11, 90, 1, 1)]})
    rendered = synth.render(song, plan(band, 3.0))
    assert all(sound.any() for sound in rendered.values())
    assert synth.players(song, plan(band, 3.0)) == {"kazoo": "piano", "drums": "house"}


def test_empty_song_renders():
    band = {"lead": part("piano")}
    assert np.abs(synth.render(score(band, {"lead": []}), plan(band, 2.0))["lead"]).max() < 1e-9


# --- SoundFonts ---


def font_note(pitch: int, velocity: int, font: synth.SoundFont | None = None) -> np.ndarray:
    out = np.zeros((2, 2 * SAMPLE_RATE), np.float32)
    (font or synth.SoundFont.from_bytes(soundfont())).render(out, [Note(pitch, velocity, 0.0, 2.0)], BPM, 0)
    return out


def test_soundfont_plays_in_tune_and_loops():
    for pitch in (57, 69, 83):
        sound = font_note(pitch, 100)
        assert abs(cents_off(sound[:, 2000 : SAMPLE_RATE - 2000], pitch)) < 3
        held, after = sound[:, SAMPLE_RATE // 2 : SAMPLE_RATE], sound[:, int(1.7 * SAMPLE_RATE) :]
        assert level_db(held) > -30 and level_db(after) < level_db(held) - 40
        assert share(held, 0.97 * 440 * 2 ** ((pitch - 69) / 12), 1.03 * 440 * 2 ** ((pitch - 69) / 12)) > 0.99, (
            "loop clicks"
        )


def test_soundfont_zones_choose_by_velocity():
    soft, loud = font_note(69, 50), font_note(69, 100)
    assert np.abs(soft[1]).max() < 0.01 * np.abs(soft[0]).max()
    assert abs(np.abs(loud[0]).max() - np.abs(loud[1]).max()) < 1e-3
    assert level_db(loud) > level_db(soft) + 12


def test_sampled_parts_use_the_font_and_others_do_not():
    font = synth.SoundFont.from_bytes(soundfont(), "tiny.sf2")
    band = {"lead": part("flute", sampled=True), "pad": part("pad_warm"), "drums": part("house", sampled=True)}
    song = score(band, {"lead": [Note(69, 90, 0, 2)], "pad": [Note(60, 90, 0, 2)], "drums": [Note(36, 90, 0, 1)]})
    agreed = plan(band, 3.0)
    assert synth.players(song, agreed, font) == {"lead": "tiny.sf2", "pad": "pad_warm", "drums": "house"}
    with_font, without = synth.render(song, agreed, font), synth.render(song, agreed)
    assert np.array_equal(with_font["pad"], without["pad"]) and np.array_equal(with_font["drums"], without["drums"])
    assert share(with_font["lead"], 430, 450) > 0.98 and not np.array_equal(with_font["lead"], without["lead"])


@pytest.mark.parametrize("data", (b"", b"RIFF", b"not a font at all", soundfont()[:400], soundfont()[:-60]))
def test_broken_font_is_a_sentence(tmp_path, data):
    file = tmp_path / "broken.sf2"
    file.write_bytes(data)
    font, said = synth.load(file)
    assert font is None and "broken.sf2" in said and "own instruments" in said


def test_fonts_are_found_in_order(tmp_path):
    assert synth.find(None, [tmp_path]) is None and synth.load(None)[0] is None
    small, large = tmp_path / "deep" / "small.sf2", tmp_path / "deep" / "large.SF2"
    small.parent.mkdir()
    small.write_bytes(soundfont())
    large.write_bytes(soundfont() + bytes(10))
    assert synth.find(None, [tmp_path / "none", tmp_path]) == large
    assert synth.find(small, [tmp_path]) == small
    assert synth.find(tmp_path / "missing.sf2", []) is None
    font, said = synth.load(small)
    assert font is not None and font.name == "small.sf2" and "small.sf2" in said


@pytest.mark.skipif(FONT is None, reason="no General MIDI SoundFont on this machine")
def test_general_midi_font_plays_every_family():
    assert FONT is not None
    font, _ = synth.load(FONT)
    assert font is not None
    for program in range(0, 120, 8):
        out = np.zeros((2, SAMPLE_RATE), np.float32)
        font.render(out, [Note(60, 100, 0.0, 1.0)], BPM, program)
        assert np.isfinite(out).all() and np.abs(out).max() > 0.003, program
    out = np.zeros((2, SAMPLE_RATE), np.float32)
    font.render(out, [Note(36, 100, 0.0, 1.0), Note(42, 100, 0.5, 1.0)], BPM, 0, drums=True)
    assert np.abs(out).max() > 0.01


def compiled() -> dict[str, int]:
    """How often each kernel was compiled, for other kinds of numbers each time."""
    rooms = (chain, drums, soundfont_player, strikes, textures, voices, strip, dsp.effects, dsp.filters, dsp.meter)
    found = {f"{room.__name__}.{name}": thing for room in rooms for name, thing in vars(room).items()}
    return {name: len(thing.signatures) for name, thing in found.items() if hasattr(thing, "signatures")}


def test_warm_compiles_all_that_a_song_needs():
    synth.warm()
    before = compiled()
    band, notes = small_band()
    band = {role: replace(player, flavour=Flavour(chorus=0.3, drive=1.0)) for role, player in band.items()}
    band["pad"], notes["pad"] = part("choir"), [Note(60, 90, 0.0, 4.0)]
    song, agreed = score(band, notes), plan(band)
    mix.mixdown(synth.render(song, agreed, synth.SoundFont.from_bytes(soundfont())), song, agreed)
    assert compiled() == before


def test_kernels_that_may_reorder_sums_are_part_of_whoever_calls_them():
    """Else a helper's code is compiled twice, in its own module and in its caller's, and which of the two runs depends
    on whether the kernels come from the disk cache: the same song would differ by a bit from one start to the next."""
    flags = re.compile(r"@njit\((.*fastmath.*)\)\ndef (_\w+)\(")
    loose = [
        f"{path.relative_to(ROOT)}: {name}"
        for room in ("composer", "dsp", "analysis")
        for path in (ROOT / room).rglob("*.py")
        for options, name in flags.findall(path.read_text())
        if "forceinline=True" not in options
    ]
    assert not loose
