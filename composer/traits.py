"""Traits: what sets one song of a style apart from the next, as the songs of an album differ.

Each trait is one throw of the dice for the whole song, so the seed in the recipe brings it back; the knobs density and
complexity move the same traits.
"""

from dataclasses import dataclass, replace

from composer.chance import chance
from composer.plan import Plan
from composer.style import Groove, Lead, Style


@dataclass(frozen=True)
class Traits:
    """Registers in semitones; `drums`, `bass`, `comps` in energy (0-1), added where a table is chosen."""

    lead_register: int
    chord_register: int
    lead_density: float
    drums: float
    bass: float
    comps: float
    contrast: float  # how far loud and quiet lie apart: 1 as the style has it
    free: float  # how far rows are bent, 0-1
    spice: float  # factor on the odds of colourful chords
    rich: float  # -1 plain triads, 0 as written, 1 sevenths and ninths on everything
    fill: float  # odds that a soft stroke is played at all
    slim: bool  # chords of three voices at most
    gates: dict[str, float]  # role -> how much of a note's length sounds, beside what is usual: 0.6 short, 1 as written


def traits(plan: Plan, style: Style) -> Traits:
    """The song's own character, from its seed and its knobs."""

    def draw(name: str, spread: float) -> float:
        return float(chance(plan.seed, "trait", name).uniform(-spread, spread))

    busy, bold = 2 * plan.density - 1, 2 * plan.complexity - 1
    return Traits(
        lead_register=round(draw("lead register", 5.4)),
        chord_register=round(draw("chord register", 4.4)),
        lead_density=draw("lead density", 0.2) + 0.3 * busy,
        drums=draw("drums", 0.19) + 0.3 * busy,
        bass=draw("bass", 0.26) + 0.3 * busy,
        comps=draw("comps", 0.22) + 0.3 * busy,
        contrast=1 + draw("contrast", 0.4),
        free=min(1.0, style.free * (1 + 0.6 * bold)),
        spice=max(0.0, (1 + draw("spice", 0.45)) * (1 + bold)),
        rich=draw("rich", 0.42) + 0.9 * bold,
        slim=bool(chance(plan.seed, "trait", "voices").random() < 0.35 - 0.2 * busy),
        gates={role: 1.0 - max(0.0, 0.1 + draw(f"{role} gate", 0.4)) for role in ("bass", "chords", "arp")},
        fill=0.9 + draw("ghosts", 0.1) + 0.8 * min(0.0, busy),
    )


def lead_of(style: Style, own: Traits, complexity: float) -> Lead:
    """The style's way with tunes, as busy and as adventurous as this song."""
    bold = 2 * complexity
    lead = style.lead
    return replace(
        lead,
        density=round(min(1.0, max(0.05, lead.density + own.lead_density)), 3),
        chromatic=min(0.7, lead.chromatic * bold),
        ornament=min(0.7, lead.ornament * bold),
        blue=min(0.8, lead.blue * bold),
    )


def groove_of(plan: Plan, style: Style) -> Groove:
    """The style's groove with the swing that was asked for, or a little more or less of its own."""
    groove = style.groove
    loose = groove.loose * (1 + float(chance(plan.seed, "trait", "loose").uniform(-0.4, 0.5)))
    if plan.swing is not None:
        steps = groove.swing_steps if groove.swing > 0.51 else 2 if plan.bpm >= 100 else 1
        return replace(groove, swing=0.5 + plan.swing / 6, swing_steps=steps, loose=loose)
    lean = float(chance(plan.seed, "trait", "swing").uniform(-0.35, 0.3)) * (groove.swing - 0.5)
    return replace(groove, swing=round(groove.swing + lean, 3), loose=loose)
