"""Plan -> Score: who plays where, section by section.

Every role of every section draws from a generator of its own, starts inside its section and ends there. So another
take of one section, or a band without drums, leaves all other notes as they were.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from composer import drums, harmony, players, setting
from composer.bass import play_bass
from composer.chance import chance
from composer.counter import play_counter, play_guide
from composer.ending import final_chord, last_notes
from composer.form import choruses, letter
from composer.melody import play_lead
from composer.plan import Plan, Section
from composer.rhythm import STEPS_PER_BEAT, Feel, Stroke
from composer.scene import Salt, Scene
from composer.stanzas import BACKING, VOCALS
from composer.style import Part, Style
from composer.styles import STYLES
from composer.tidy import clean, legato, resolved, shortened
from composer.traits import Traits, groove_of, lead_of, traits
from song.key import Key
from song.score import Chord, Marker, Note, Score, Track

_CENTERS = {"color": 58.0, "color2": 66.0, "color3": 72.0, "counter": 62.0}  # pitches second voices lie around
_GATES = {"bass": 1.0, "chords": 0.97, "pad": 1.0, "arp": 0.92, "counter": 0.97, "drums": 1.0}
_BASS_AIR = 0.035  # seconds; synths slide between notes that touch
_CHORDAL = ("chords", "pad", "arp")  # who plays the harmony, and moves when it moves
_CRASH = 49
_WAITING = ("drums", "bass", "chords", "arp")  # who waits for a beat before a big moment
_GIVEN = "given"  # the lane of notes that are played exactly where they were given


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
    scenes = scenes_of(plan, salt)
    sung = setting.sing(scenes)
    chords = _chords(plan, style, scenes)
    played = [(_track(plan, style, scenes, seat, chords), seat) for seat in _seats(plan, style)]
    tracks = [*sung.tracks, *(track if seat.bed else sung.beside(track) for track, seat in played)]
    markers = tuple(Marker(section.start * plan.beats_per_bar, section.name) for section in plan.sections)
    return Score(
        bpm=plan.bpm,
        meter=plan.meter,
        key=str(plan.key),
        beats=plan.bars * plan.beats_per_bar,
        tracks=tuple(track for track in tracks if track.notes),
        markers=markers,
        chords=chords,
        lyrics=sung.lyrics,
    )


def _chords(plan: Plan, style: Style, scenes: list[Scene]) -> tuple[Chord, ...]:
    final = replace(final_chord(plan, style), beats=round(plan.beats - plan.last_beat, 5))
    sounding = [one for scene in scenes for one in scene.chords if one.start < plan.last_beat - 1e-6]
    return tuple(Chord(one.start, one.beats, one.symbol, one.root, one.intervals) for one in (*sounding, final))


def _track(plan: Plan, style: Style, scenes: list[Scene], seat: _Seat, chords: tuple[Chord, ...]) -> Track:
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
        if seat.role in _CHORDAL:
            notes = clean(resolved(notes, chords, seat.bed), drums=False)
    return Track(part.name, seat.role, part.program, part.patch, tuple(notes), drums=beats)


def scenes_of(plan: Plan, salt: Mapping[tuple[str, str], int] | None = None) -> list[Scene]:
    """The plan's sections with their chords and keys, as this song's players see them. `salt` as in `compose`."""
    style = STYLES[plan.style]
    own = traits(plan, style)
    lead = lead_of(style, own, plan.complexity)
    feel = Feel(groove_of(plan, style), plan.bpm, plan.meter, plan.humanize)
    chords = _harmonies(plan, style, own, salt or {})
    crowned = _crowned(plan)
    grounds = plays(plan, style, "bass") if "bass" in plan.band else {}
    scenes: list[Scene] = []
    visits: dict[str, int] = {}
    for place, section in enumerate(plan.sections):
        name = letter(section)
        visit = visits[name] = visits.get(name, -1) + 1
        before = plan.sections[place - 1].energy if place else 0.0
        after = plan.sections[place + 1].energy if place + 1 < len(plan.sections) else None
        key, crown = _key(plan, section), section.id == crowned
        scenes.append(
            Scene(
                plan, style, section, name, visit, chords[place], before, after, feel, key, own, lead, crown,
                salt or {}, grounds.get(section.id, (0, 0)),
            )
        )  # fmt: skip
    return scenes


def _key(plan: Plan, section: Section) -> Key:
    """Where a section lies; chords that were given stay in the key that they were given in."""
    return plan.key if section.id in plan.grid else harmony.raised(plan.key, section.shift)


def _crowned(plan: Plan) -> str:
    """The id of the last chorus, where it is not the first one as well."""
    found = choruses(plan.sections)
    return plan.sections[found[-1]].id if len(found) > 1 else ""


def _harmonies(plan: Plan, style: Style, own: Traits, salt: Salt) -> list[list[harmony.Harmony]]:
    """The chords of each section: those that were given, exactly, or its letter's row in its own colours."""
    rows = harmony.progressions(style, plan.key, plan.seed, own.free, own.rich)
    span = style.chord_bars[int(chance(plan.seed, "chord bars").integers(len(style.chord_bars)))]
    found: list[list[harmony.Harmony]] = []
    visits: dict[str, int] = {}
    for place, section in enumerate(plan.sections):
        name = letter(section)
        visits[name] = visits.get(name, 0) + 1
        start = section.start * plan.beats_per_bar
        end = start + section.bars * plan.beats_per_bar
        given = harmony.exactly(plan.grid.get(section.id, ()), start, end)
        if given:
            found.append(given)
            continue
        following = plan.sections[place + 1] if place + 1 < len(plan.sections) else None
        seeded = salt.get((section.id, "harmony"), 0)
        colours = harmony.section_chords(
            style,
            _key(plan, section),
            rows[name],
            start,
            section.bars,
            plan.beats_per_bar,
            span if section.bars >= span * 2 else 1,
            _goal(plan, style, rows, following),
            following is None and plan.ending != "fade",
            chance(plan.seed, section.id, "harmony", *((seeded,) if seeded else ())),
            own.spice * (0.5 + 0.5 * min(visits[name], 2)),
        )
        found.append(colours)
    return found


def _goal(plan: Plan, style: Style, rows: Mapping[str, str], following: Section | None) -> harmony.Harmony:
    """The chord that a section leads to: the first one of the next, or the last of the song."""
    if following is None:
        return final_chord(plan, style)
    given = plan.grid.get(following.id)
    first = rows[letter(following)].split()[0].split(",")[0]
    return given[0] if given else harmony.chord(first, _key(plan, following))


# -- who plays


def _seats(plan: Plan, style: Style) -> list[_Seat]:
    bed = _bed(plan, style)
    band = {role: part for role, part in plan.band.items() if role not in (VOCALS, BACKING)}
    return [_Seat(role, part, plays(plan, style, role), role == bed) for role, part in band.items()]


def plays(plan: Plan, style: Style, role: str) -> dict[str, tuple[int, int]]:
    """Section id -> first and last bar (exclusive) in which a role plays there.

    It hangs on no other role, and every role plays somewhere. Intros gather their players one after the other, outros
    let them go, in long sections those who only just join come in halfway, and what returns returns with more players.
    """
    if role == _bed(plan, style):
        return {section.id: (0, section.bars) for section in plan.sections}
    allowed = [section for section in plan.sections if role not in style.silent.get(section.name, ())] or list(
        plan.sections
    )
    threshold = style.layers.get(role, 0.6)
    if role in plan.named:
        threshold = min(threshold, 0.5)
    if threshold > 0:
        threshold -= _eagerness(plan, role)
    threshold = min(threshold, max(section.energy for section in allowed))
    found = {}
    names = [section.name for section in plan.sections]
    for section in allowed:
        again = names[: plan.sections.index(section)].count(section.name)
        margin = section.energy - threshold + 0.05 * min(again, 2) + 1e-9
        half = section.bars // 2
        if margin >= 0 and section.name == "outro" and margin < 0.08 and section.bars >= 4:
            found[section.id] = (0, half)
        elif margin >= 0:
            found[section.id] = (half if margin < 0.05 and section.bars >= 8 else 0, section.bars)
        elif section.name == "intro" and margin > -0.14 and section.bars >= 4 and len(plan.sections) > 1:
            found[section.id] = (half, section.bars)
    return found


def _eagerness(plan: Plan, role: str) -> float:
    """How much earlier than its style says a role joins in this song, in energy."""
    lean = float(chance(plan.seed, "trait", "layers", role).uniform(-0.07, 0.07))
    return lean + 0.5 * (plan.density - 0.5)


def _bed(plan: Plan, style: Style) -> str:
    """The role that never stops, so that there is never a hole."""
    roles = (*style.bed, "chords", "pad", "arp", "color", "bass", "lead", "counter", "drums")
    return next((role for role in roles if role in plan.band), next(iter(plan.band)))


def _section_notes(scene: Scene, seat: _Seat) -> list[Note]:
    role, playing = seat.role, seat.bars.get(scene.section.id)
    strokes = _between(_strokes(scene, role, seat.part), scene, *playing) if playing else []
    if role == "drums" and not playing and _enters_after(scene, seat):
        strokes = drums.play_entrance(scene)
    strokes = strokes if seat.bed else _waiting(strokes, scene, role)
    gate = (scene.lead.gate if role == "lead" else _GATES.get(role, 0.97)) * scene.own.gates.get(role, 1.0)
    apart = _BASS_AIR if role == "bass" else 0.0
    given = [stroke for stroke in strokes if stroke.lane == _GIVEN]
    free = [stroke for stroke in strokes if stroke.lane != _GIVEN] if given else strokes
    notes = scene.feel.play(free, scene.start, scene.end, scene.rng(f"{role} touch"), role, gate, apart)
    notes += [_exact(stroke, scene) for stroke in given]
    if role == "drums":
        joints = [stroke for stroke in drums.play_joints(scene) if playing or stroke.pitch != _CRASH]
        exact = replace(scene.feel, humanize=0.0)
        notes += exact.play(joints, scene.start, scene.end, scene.rng(f"{role} touch"), role)
    elif seat.bed:
        notes = legato(notes, scene.start, scene.end)
    return notes


def _enters_after(scene: Scene, seat: _Seat) -> bool:
    """Whether the drums come in with the next section, loud enough to be announced."""
    sections = scene.plan.sections
    following = sections[sections.index(scene.section) + 1] if not scene.last else None
    if following is None or following.energy < 0.5 or scene.section.bars < 2:
        return False
    entry = seat.bars.get(following.id, (1, 1))[0]
    return entry == 0 and bool(chance(scene.plan.seed, scene.section.id, "entrance").random() < 0.65)


def _waiting(strokes: list[Stroke], scene: Scene, role: str) -> list[Stroke]:
    """The strokes as far as a stop or a halt of the band lets them sound."""
    total = scene.section.bars * scene.steps
    if role in _WAITING and scene.stop():
        limit = total - 4
    elif role != "lead" and scene.halt():
        limit = total - scene.steps + 4
    else:
        return strokes
    return [replace(one, length=min(one.length, limit - one.step)) for one in strokes if one.step < limit - 0.01]


def _exact(stroke: Stroke, scene: Scene) -> Note:
    start = max(0.0, scene.start + stroke.step / STEPS_PER_BEAT)
    return Note(stroke.pitch, round(stroke.velocity), round(start, 5), round(stroke.length / STEPS_PER_BEAT, 5))


def _between(strokes: list[Stroke], scene: Scene, first: int, last: int) -> list[Stroke]:
    """The strokes of some bars of a section."""
    if (first, last) == (0, scene.section.bars):
        return strokes
    low, high = first * scene.steps, last * scene.steps
    return [replace(one, length=min(one.length, high - one.step)) for one in strokes if low <= one.step < high]


def _strokes(scene: Scene, role: str, part: Part) -> list[Stroke]:
    if role == "lead":
        return _tune(scene, part)
    if role in ("bass", "chords", "arp") and players.riffs(scene, role):
        return players.play_riff(scene, part, role)
    if play := _PLAYERS.get(role):
        return play(scene, part)
    if role == "counter":
        lead = scene.plan.band.get("lead", scene.style.palette.get("lead", part))
        return play_counter(scene, part, role, _tune(scene, lead), _CENTERS[role])
    return play_guide(scene, part, role, _CENTERS.get(role, 64.0))


_PLAYERS: dict[str, Callable[[Scene, Part], list[Stroke]]] = {
    "drums": lambda scene, _: drums.play_drums(scene),
    "bass": play_bass,
    "chords": players.play_chords,
    "pad": players.play_pad,
    "arp": players.play_arp,
}


def _tune(scene: Scene, part: Part) -> list[Stroke]:
    """What the lead plays: the melody that was given where it lies, a riff or its own tune in all other bars."""
    given = [
        _folded(note, scene, part) for note in scene.plan.tune if scene.start - 1e-6 <= note.start < scene.end - 1e-6
    ]
    riff = scene.section.name != "solo" and players.riffs(scene, "lead")
    own = players.play_riff(scene, part, "lead") if riff else play_lead(scene, part)
    if not given:
        return own
    taken = {
        bar
        for one in given
        for bar in range(int(one.step // scene.steps), int((one.step + one.length - 0.01) // scene.steps) + 1)
    }
    kept = [stroke for stroke in own if int(stroke.step // scene.steps) not in taken]
    return sorted(kept + given, key=lambda stroke: stroke.step)


def _folded(note: Note, scene: Scene, part: Part) -> Stroke:
    """A given note as a stroke, in the octave of the instrument."""
    pitch = note.pitch
    pitch += 12 * max(0, -(-(part.low - pitch) // 12))
    pitch -= 12 * max(0, -(-(pitch - part.high) // 12))
    pitch = pitch if pitch >= part.low - 1 else pitch + 12
    return Stroke(
        (note.start - scene.start) * STEPS_PER_BEAT, note.duration * STEPS_PER_BEAT, pitch, note.velocity, lane=_GIVEN
    )
