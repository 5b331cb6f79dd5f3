"""Endings: the last chord, on the barline after the last bar. It rings through what is left, or stops short."""

from dataclasses import replace

from composer import drums, harmony
from composer.plan import Plan
from composer.players import POWERED
from composer.style import Part, Style
from composer.voicing import lead_voices
from song.score import Note

_LONGEST = 16.0  # seconds that a last chord is held
_CENTERS = {"color": 58, "color2": 66, "color3": 72}


def final_chord(plan: Plan, style: Style) -> harmony.Harmony:
    """The tonic of the last section, as the style likes to end."""
    key = harmony.raised(plan.key, plan.sections[-1].shift)
    return replace(harmony.chord(style.final[key.minorish], key), start=plan.last_beat)


def last_notes(
    plan: Plan, style: Style, role: str, part: Part, notes: list[Note], to_the_end: bool, bed: bool
) -> list[Note]:
    """What a role plays last, on the barline after the last bar. `notes` is what it played before, `to_the_end` whether
    it was still there in the last section; the bed and the bass come back for the last chord in any case.
    """
    room = plan.beats - plan.last_beat
    if room < 0.25 or not (to_the_end or bed or role == "bass") or (plan.ending == "fade" and not bed):
        return []
    second = plan.bpm / 60  # beats
    length = 1.0 if plan.ending == "stop" else _LONGEST * second
    length = min(length, room - min(0.35 * second, room * 0.3))
    energy = plan.sections[-1].energy
    if role == "drums":
        return _last_hit(plan, energy, length)
    loud = round(62 + 34 * energy)
    roll = style.strum * 1.5 if role == "chords" and plan.ending == "ring" else 0.0
    roll *= plan.humanize * plan.bpm / 60000  # beats from voice to voice
    return [
        Note(pitch, loud, round(plan.last_beat + place * roll, 5), round(length - place * roll, 5))
        for place, pitch in enumerate(_last_pitches(final_chord(plan, style), style, role, part, notes))
    ]


def _last_pitches(final: harmony.Harmony, style: Style, role: str, part: Part, notes: list[Note]) -> tuple[int, ...]:
    """The tonic for tunes and basses, a tone of the chord for other single voices, the chord for hands."""
    before = notes[-1].pitch if notes else round((part.low + part.high) / 2)
    if role == "bass":
        floor = part.low + 2
        return (floor + (final.bass - floor) % 12,)
    if role == "lead":
        return (_nearest((final.root,), before, part),)
    if role in ("counter", "arp"):
        return (_nearest(final.tones[:3], before, part),)
    if role in _CENTERS:
        return (_nearest(final.tones[1:3], _CENTERS[role], part),)
    kind = {"power": "close", "rootless": "drop2", "strum": "close"}.get(style.voicings.get(role, "close"), "close")
    kind = "power" if part.patch in POWERED else kind
    return lead_voices([final], kind, part.low, part.high, min(max(60, part.low + 7), part.high - 7))[0]


def _nearest(tones: tuple[int, ...], before: int, part: Part) -> int:
    pitches = [pitch for pitch in range(part.low, part.high + 1) if pitch % 12 in tones]
    return min(pitches, key=lambda pitch: (abs(pitch - before), pitch))


def _last_hit(plan: Plan, energy: float, length: float) -> list[Note]:
    lanes = ["kick", "crash"] if energy >= 0.45 or plan.ending == "stop" else ["kick"]
    if plan.band["drums"].patch in ("orchestral", "epic"):
        lanes = ["taiko", "crash"] if energy >= 0.45 else ["taiko"]
    loud = 0.6 + 0.4 * energy
    return [
        Note(pitch, round(velocity * loud), plan.last_beat, min(length, 2.0))
        for lane in lanes if lane not in plan.mutes
        for pitch, velocity in (drums.LANES[lane],)
    ]  # fmt: skip
