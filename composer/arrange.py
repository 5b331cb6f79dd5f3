"""Plan -> Score: who plays where, section by section, and how the song begins and ends.

Every role of every section draws from a generator of its own, starts inside its section and ends there. So another
take of one section, or a band without drums, leaves all other notes as they were.
"""

from collections.abc import Mapping
from dataclasses import replace

from composer import drums, harmony, melody, players
from composer.chance import chance
from composer.form import letter
from composer.plan import Plan
from composer.rhythm import Feel, Stroke
from composer.scene import Salt, Scene
from composer.style import Part, Style
from composer.styles import STYLES
from composer.voicing import lead_voices
from song.score import Chord, Marker, Note, Score, Track

_CENTERS = {"color": 58.0, "color2": 66.0, "color3": 72.0, "counter": 62.0}
_GATES = {"bass": 1.0, "chords": 0.97, "pad": 1.0, "arp": 0.92, "counter": 0.97, "drums": 1.0}
_BREATH = 0.02  # beats between a note and the next on the same pitch


def compose(plan: Plan, salt: Mapping[tuple[str, str], int] | None = None) -> Score:
    """The song of a plan. `salt` {(section id, role): number} rolls the dice of single parts anew, and of nothing else."""
    style = STYLES[plan.style]
    scenes = _scenes(plan, style, salt or {})
    tracks = []
    for role, part in plan.band.items():
        notes = [note for scene in scenes for note in _section_notes(scene, role, part)]
        notes += _last_notes(plan, style, scenes, role, part, notes)
        notes = _clean(notes, plan, drums=role == "drums")
        if notes:
            tracks.append(Track(part.name, role, part.program, part.patch, tuple(notes), drums=role == "drums"))
    chords = [Chord(h.start, h.beats, h.symbol, h.root, h.intervals) for scene in scenes for h in scene.chords]
    final = _final_chord(plan, style)
    chords.append(Chord(final.start, round(plan.beats - final.start, 5), final.symbol, final.root, final.intervals))
    chords = [
        chord for chord in chords if chord.duration > 0 and (chord.start < plan.last_beat or chord.start == final.start)
    ]
    markers = tuple(Marker(section.start * plan.beats_per_bar, section.name) for section in plan.sections)
    beats = plan.bars * plan.beats_per_bar
    return Score(plan.bpm, plan.meter, str(plan.key), beats, tuple(tracks), markers, tuple(chords))


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
            else _final_chord(plan, style)
        )
        seeded = salt.get((section.id, "harmony"), 0)
        rng = chance(plan.seed, section.id, "harmony", *((seeded,) if seeded else ()))
        chords = harmony.section_chords(
            style, plan.key, rows[name], section.start * plan.beats_per_bar, section.bars, plan.beats_per_bar,
            span if section.bars >= span * 2 else 1, goal, following is None and plan.ending != "fade", rng, 0.5 + 0.5 * min(visits.get(name, 0) + 1, 2),
        )  # fmt: skip
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


def _final_chord(plan: Plan, style: Style) -> harmony.Harmony:
    return replace(harmony.chord(style.final[plan.key.minorish], plan.key), start=plan.last_beat)


# -- who plays


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


def _section_notes(scene: Scene, role: str, part: Part) -> list[Note]:
    plan = scene.plan
    if role.startswith("texture"):
        return [Note(60, 80, 0.0, round(plan.beats, 5))] if scene.section is plan.sections[0] else []
    playing = plays(plan, scene.style, role).get(scene.section.id)
    strokes = _between(_strokes(scene, role, part), scene, *playing) if playing else []
    rng = scene.rng(f"{role} touch")
    gate = scene.style.lead.gate if role == "lead" else _GATES.get(role, 0.97)
    apart = 0.035 if role == "bass" else 0.0
    notes = scene.feel.play(strokes, scene.start, scene.end, rng, role, gate, apart)
    if role == "drums":
        joints = [s for s in drums.play_joints(scene) if playing or s.pitch != 49]
        notes += Feel(scene.style.groove, plan.bpm, plan.meter, 0.0).play(joints, scene.start, scene.end, rng, role)
    elif role == _bed(plan, scene.style):
        notes = _legato(notes, scene)
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
        lead, plan.key, song, scene.chords, scene.start, scene.section.bars, plan.meter, part.low, part.high, center, scene.visit, scene.rng("lead")
    )  # fmt: skip
    return [replace(stroke, velocity=stroke.velocity * scene.loudness(0)) for stroke in strokes]


# -- no holes, a beginning and an end


def _legato(notes: list[Note], scene: Scene) -> list[Note]:
    """Let the bed ring on through its rests, from the first beat of its section to the last."""
    if not notes:
        return notes
    notes = sorted(notes, key=lambda note: (note.start, note.pitch))
    onsets = sorted({note.start for note in notes})
    first = onsets[0]
    if first - scene.start > 0.1:
        held = [
            replace(note, start=scene.start, duration=first - scene.start)
            for note in notes
            if note.start - first < 0.08
        ]
        notes = held + notes
    elif not scene.section.start:
        notes = [
            replace(note, start=scene.start, duration=note.duration + note.start - scene.start)
            if note.start == first
            else note
            for note in notes
        ]
    kept = []
    reach = scene.start
    groups: list[list[Note]] = []
    for note in notes:
        if groups and note.start - groups[-1][0].start < 0.08:
            groups[-1].append(note)
        else:
            groups.append([note])
    for place, group in enumerate(groups):
        limit = groups[place + 1][0].start if place + 1 < len(groups) else scene.end - _BREATH
        reach = max(reach, max(note.end for note in group))
        if limit - reach > 0.05:
            group = [replace(note, duration=round(max(note.duration, limit - note.start), 5)) for note in group]
            reach = limit
        kept += group
    return kept


def _last_notes(plan: Plan, style: Style, scenes: list[Scene], role: str, part: Part, notes: list[Note]) -> list[Note]:
    """The last chord, on the barline after the last bar: held to the end, or short where the song stops."""
    room = plan.beats - plan.last_beat
    if role.startswith("texture") or room < 0.25:
        return []
    if role not in (_bed(plan, style), "drums", "bass") and plan.sections[-1].id not in plays(plan, style, role):
        return []
    if plan.ending == "fade" and role != _bed(plan, style):
        return []
    final = _final_chord(plan, style)
    beats_per_second = plan.bpm / 60
    length = min(room - min(0.35 * beats_per_second, room * 0.3), 16.0 * beats_per_second)
    if plan.ending == "stop":
        length = min(length, 1.0)
    energy = plan.sections[-1].energy
    if role == "drums":
        return _last_hit(plan, energy, length) if plan.sections[-1].id in plays(plan, style, role) else []
    loud = round(62 + 34 * energy)
    start = plan.last_beat
    if role == "bass":
        floor = part.low + 2
        return [Note(floor + (final.bass - floor) % 12, loud, start, length)]
    if role in ("lead", "counter", "arp"):
        before = notes[-1].pitch if notes else round((part.low + part.high) / 2)
        tones = (final.root,) if role == "lead" else final.tones[:3]
        return [Note(_nearest(tones, before, part), loud - 4, start, length)]
    if role.startswith("color"):
        return [Note(_nearest(final.tones[1:3], round(_CENTERS[role]), part), loud - 6, start, length)]
    kind = (
        "power"
        if part.patch == "guitar_distorted"
        else {"power": "close", "rootless": "drop2"}.get(style.voicings.get(role, "close"), "close")
    )
    voices = lead_voices([final], kind, part.low, part.high, min(max(60, part.low + 7), part.high - 7))[0]
    roll = plan.humanize * plan.bpm / 60000 * (style.strum * 1.5 if role == "chords" and plan.ending == "ring" else 0)
    return [
        Note(pitch, loud, round(start + place * roll, 5), round(length - place * roll, 5))
        for place, pitch in enumerate(voices)
    ]


def _nearest(tones: tuple[int, ...], before: int, part: Part) -> int:
    pitches = [pitch for pitch in range(part.low, part.high + 1) if pitch % 12 in tones]
    return min(pitches, key=lambda pitch: (abs(pitch - before), pitch))


def _last_hit(plan: Plan, energy: float, length: float) -> list[Note]:
    lanes = ["kick", "crash"] if energy >= 0.45 or plan.ending == "stop" else ["kick"]
    if plan.band["drums"].patch == "orchestral":
        lanes = ["taiko", "crash"] if energy >= 0.45 else ["taiko"]
    loud = 0.6 + 0.4 * energy
    return [
        Note(pitch, round(velocity * loud), plan.last_beat, min(length, 2.0))
        for lane in lanes if lane not in plan.mutes
        for pitch, velocity in (drums.LANES[lane],)
    ]  # fmt: skip


def _clean(notes: list[Note], plan: Plan, drums: bool) -> list[Note]:
    """In order, nothing after the last chord but the last chord, and no pitch struck while it still sounds."""
    last = plan.last_beat
    notes = sorted(notes, key=lambda note: (note.start, note.pitch, -note.velocity))
    kept: list[Note] = []
    sounding: dict[int, int] = {}
    for note in notes:
        if note.start > last + 0.2 * plan.bpm / 60 + 0.3:
            continue
        if note.start < last - 1e-6 < note.end - 1e-6 and plan.bars * plan.beats_per_bar > last:
            note = replace(note, duration=round(last - note.start, 5))
        before = sounding.get(note.pitch)
        if before is not None and kept[before].end > note.start - (0 if drums else _BREATH):
            room = round(note.start - kept[before].start - (0 if drums else _BREATH), 5)
            if room < 0.03:
                kept[before] = replace(kept[before], duration=max(kept[before].duration, note.duration))
                continue
            kept[before] = replace(kept[before], duration=min(room, kept[before].duration))
        sounding[note.pitch] = len(kept)
        kept.append(note)
    return kept
