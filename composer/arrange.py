"""Plan -> Score: who plays where, section by section.

Every role of every section draws from a generator of its own, starts inside its section and ends there. So another
take of one section, or a band without drums, leaves all other notes as they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from composer import drums, harmony, melody, players
from composer.chance import chance
from composer.ending import final_chord, last_notes
from composer.form import letter
from composer.plan import Plan
from composer.rhythm import Feel, Stroke
from composer.scene import Salt, Scene
from composer.style import Part, Style
from composer.styles import STYLES
from composer.tidy import clean, legato, shortened
from song.score import Chord, Marker, Note, Score, Track

_CENTERS = {"color": 58.0, "color2": 66.0, "color3": 72.0, "counter": 62.0}  # pitches second voices lie around
_GATES = {"bass": 1.0, "chords": 0.97, "pad": 1.0, "arp": 0.92, "counter": 0.97, "drums": 1.0}
_BASS_AIR = 0.035  # seconds; synths slide between notes that touch
_CRASH = 49


@dataclass(frozen=True)
class _Seat:
    """A player and where it plays: section id -> first and last bar (exclusive). The bed never stops."""

    role: str
    part: Part
    bars: dict[str, tuple[int, int]]
    bed: bool


def compose(plan: Plan, salt: Mapping[tuple[str, str], int] | None = None) -> Score:
    """The song of a plan. `salt` {(section id, role): number} rolls the dice of single parts anew, and of nothing else.

    A role is one of the band, or "harmony" for the chords themselves.
    """
    style = STYLES[plan.style]
    scenes = _scenes(plan, style, salt or {})
    tracks = [_track(plan, style, scenes, seat) for seat in _seats(plan, style)]
    markers = tuple(Marker(section.start * plan.beats_per_bar, section.name) for section in plan.sections)
    return Score(
        bpm=plan.bpm,
        meter=plan.meter,
        key=str(plan.key),
        beats=plan.bars * plan.beats_per_bar,
        tracks=tuple(track for track in tracks if track.notes),
        markers=markers,
        chords=_chords(plan, style, scenes),
    )


def _chords(plan: Plan, style: Style, scenes: list[Scene]) -> tuple[Chord, ...]:
    final = replace(final_chord(plan, style), beats=round(plan.beats - plan.last_beat, 5))
    sounding = [one for scene in scenes for one in scene.chords if one.start < plan.last_beat - 1e-6]
    return tuple(Chord(one.start, one.beats, one.symbol, one.root, one.intervals) for one in (*sounding, final))


def _track(plan: Plan, style: Style, scenes: list[Scene], seat: _Seat) -> Track:
    part, beats = seat.part, seat.role == "drums"
    if seat.role.startswith("texture"):
        notes = [Note(60, 80, 0.0, round(plan.beats, 5))]
    else:
        notes = [note for scene in scenes for note in _section_notes(scene, seat)]
        if plan.last_beat < plan.bars * plan.beats_per_bar:  # not even one bar fits
            notes = [shortened(note, plan.last_beat) for note in notes if note.start < plan.last_beat - 0.1]
        to_the_end = plan.sections[-1].id in seat.bars
        notes += last_notes(plan, style, seat.role, part, notes, to_the_end, seat.bed)
        notes = clean(notes, drums=beats)
    return Track(part.name, seat.role, part.program, part.patch, tuple(notes), drums=beats)


def _scenes(plan: Plan, style: Style, salt: Salt) -> list[Scene]:
    feel = Feel(style.groove, plan.bpm, plan.meter, plan.humanize)
    rows = harmony.progressions(style, plan.key, plan.seed)
    span = style.chord_bars[int(chance(plan.seed, "chord bars").integers(len(style.chord_bars)))]
    scenes: list[Scene] = []
    visits: dict[str, int] = {}
    for place, section in enumerate(plan.sections):
        name = letter(section)
        following = plan.sections[place + 1] if place + 1 < len(plan.sections) else None
        goal = (
            harmony.chord(rows[letter(following)].split()[0].split(",")[0], plan.key)
            if following
            else final_chord(plan, style)
        )
        seeded = salt.get((section.id, "harmony"), 0)
        rng = chance(plan.seed, section.id, "harmony", *((seeded,) if seeded else ()))
        chords = harmony.section_chords(
            style,
            plan.key,
            rows[name],
            section.start * plan.beats_per_bar,
            section.bars,
            plan.beats_per_bar,
            span if section.bars >= span * 2 else 1,
            goal,
            following is None and plan.ending != "fade",
            rng,
            0.5 + 0.5 * min(visits.get(name, 0) + 1, 2),
        )
        before = plan.sections[place - 1].energy if place else 0.0
        scenes.append(
            Scene(
                plan,
                style,
                section,
                name,
                visits.get(name, 0),
                chords,
                before,
                following.energy if following else None,
                feel,
                salt,
            )
        )
        visits[name] = visits.get(name, 0) + 1
    return scenes


# -- who plays


def _seats(plan: Plan, style: Style) -> list[_Seat]:
    return [_Seat(role, part, plays(plan, style, role), role == _bed(plan, style)) for role, part in plan.band.items()]


def plays(plan: Plan, style: Style, role: str) -> dict[str, tuple[int, int]]:
    """Section id -> first and last bar (exclusive) in which a role plays there.

    It hangs on no other role, and every role plays somewhere. Intros gather their players one after the other, outros
    let them go, and in long sections those who only just join come in halfway.
    """
    if role == _bed(plan, style):
        return {section.id: (0, section.bars) for section in plan.sections}
    allowed = [section for section in plan.sections if role not in style.silent.get(section.name, ())] or list(
        plan.sections
    )
    threshold = style.layers.get(role, 0.6)
    if role in plan.named:
        threshold = min(threshold, 0.5)
    threshold = min(threshold, max(section.energy for section in allowed))
    found = {}
    for section in allowed:
        margin = section.energy - threshold + 1e-9
        half = section.bars // 2
        if margin >= 0 and section.name == "outro" and margin < 0.08 and section.bars >= 4:
            found[section.id] = (0, half)
        elif margin >= 0:
            found[section.id] = (half if margin < 0.05 and section.bars >= 8 else 0, section.bars)
        elif section.name == "intro" and margin > -0.14 and section.bars >= 4 and len(plan.sections) > 1:
            found[section.id] = (half, section.bars)
    return found


def _bed(plan: Plan, style: Style) -> str:
    """The role that never stops, so that there is never a hole."""
    roles = (*style.bed, "chords", "pad", "arp", "color", "bass", "lead", "counter", "drums")
    return next((role for role in roles if role in plan.band), next(iter(plan.band)))


def _section_notes(scene: Scene, seat: _Seat) -> list[Note]:
    role, playing = seat.role, seat.bars.get(scene.section.id)
    strokes = _between(_strokes(scene, role, seat.part), scene, *playing) if playing else []
    gate = scene.style.lead.gate if role == "lead" else _GATES.get(role, 0.97)
    apart = _BASS_AIR if role == "bass" else 0.0
    notes = scene.feel.play(strokes, scene.start, scene.end, scene.rng(f"{role} touch"), role, gate, apart)
    if role == "drums":
        joints = [stroke for stroke in drums.play_joints(scene) if playing or stroke.pitch != _CRASH]
        exact = replace(scene.feel, humanize=0.0)
        notes += exact.play(joints, scene.start, scene.end, scene.rng(f"{role} touch"), role)
    elif seat.bed:
        notes = legato(notes, scene.start, scene.end)
    return notes


def _between(strokes: list[Stroke], scene: Scene, first: int, last: int) -> list[Stroke]:
    """The strokes of some bars of a section."""
    if (first, last) == (0, scene.section.bars):
        return strokes
    low, high = first * scene.steps, last * scene.steps
    return [replace(one, length=min(one.length, high - one.step)) for one in strokes if low <= one.step < high]


def _strokes(scene: Scene, role: str, part: Part) -> list[Stroke]:
    if role == "drums":
        return drums.play_drums(scene)
    if role == "bass":
        return players.play_bass(scene, part)
    if role == "chords":
        return players.play_chords(scene, part)
    if role == "pad":
        return players.play_pad(scene, part)
    if role == "arp":
        return players.play_arp(scene, part)
    if role == "lead":
        return _tune(scene, part)
    if role == "counter" and scene.style.lead.counter == "answer":
        lead = scene.plan.band.get("lead", scene.style.palette.get("lead", part))
        return players.play_answer(scene, part, role, _tune(scene, lead)) or players.play_guide(
            scene, part, role, _CENTERS[role]
        )
    return players.play_guide(scene, part, role, _CENTERS.get(role, 64.0))


def _tune(scene: Scene, part: Part) -> list[Stroke]:
    plan, lead = scene.plan, scene.style.lead
    lift = 4 * (scene.section.energy - 0.6) + (2 if scene.letter == "B" else 0)
    reach = lead.reach * 0.6
    center = round(min(max(lead.center + lift, part.low + reach), part.high - reach))
    song = melody.theme(lead, plan.seed, scene.letter)
    strokes = melody.tune(
        lead,
        plan.key,
        song,
        scene.chords,
        scene.start,
        scene.section.bars,
        plan.meter,
        part.low,
        part.high,
        center,
        scene.visit,
        scene.rng("lead"),
    )
    return [replace(stroke, velocity=stroke.velocity * scene.loudness(0)) for stroke in strokes]
