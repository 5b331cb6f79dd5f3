"""What a style is made of. The tables themselves are in `composer/styles`, one file of data per style.

Conventions: positions in steps of a sixteenth note, loudness in LUFS, pan -1 (left) to 1 (right), amounts 0-1.

RHYTHMS are written as a drummer would sketch them, one character for each step of a bar of 4/4 (two bars: 32):

    x  played         X  accented       o  soft, a ghost note      ?  soft, and only sometimes
    .  rest           -  the note before goes on (short notes: "x...", long ones: "x---")

A row of any kind (beats, fills, bass, comps, pads, arps, riffs, lead cells) may start with the meter it is written in:
"3/4: x---..x.x...", "6/8: ...". A bar of 3/4 or 6/8 has 12 steps, 2/4 8, 5/4 20, 7/8 14. Where a meter has no row of
its own, the others are carried over to it beat by beat; a style that likes a meter (`meters`) writes at least three
beats at each energy and two bass and two comping rows in it.

Beats are lanes joined by "|": "kick x.......x.x..... | snare ....x.......x...". The meter stands once, in front. Also:
2-9 that many even strokes until the next mark   f  a flam.   The lanes are in `composer.drums.LANES`.
BASS rows name what is played over the chord:  R root  r soft root  8 octave  5 fifth  3 third  7 seventh  6 sixth  2 4
second and fourth of the scale  g ghost, a damped thump  a approach to the next root  w a step of a walk  K wherever the
kick falls (a row "K---------------")  s root that slides up an octave  n root of the chord in which it ends, early.
COMPING rows:  x X o chord  b lowest voice  f lowest voice, a fifth away from b (boom-chuck)  t upper voices  a the next
chord, early  d down stroke  u up stroke, from the top and lighter  m damped stroke  r chord rolled from the bottom.
ARP rows: digits climb the chord from 0.   PAD rows: as x.
RIFFS are figures in degrees of the scale above the chord's root: 1 root 2 3 4 5 6 7, 8 octave, 0 the step below the
root, b blue fifth (a semitone under it). "1-1-3-1-5-b-4-3-". `riff_by` says who may play the song's riff and how likely
(one roll of the dice for each song and role), `riff_in` in which sections.
LEAD cells: x as above; the rhythm of a tune is a string of cells. 6/8 has cells of its own if none are written.

PROGRESSIONS are roman numerals above the major scale of the tonic ("bVI" is Ab in C), one per bar, "," splits a bar,
"/3" "/5" puts the chord's third or fifth in the bass, "/1" the tonic. The word in front says where it serves: letters A
(verse), P (prechorus), B (chorus), any of them together ("AB"), or "bridge". P may be missing: then it leads to B by
itself.

FORMS are rows of "name:weight:energy", and ":+2" behind for a section two semitones up. The number in front is how
likely the form is. Names and the letter each one is made of are in `composer.form.LETTERS`:
A intro verse head theme groove drift vamp A outro   P prechorus   B chorus hook drop build swell climax refrain tag B
bridge bridge break breakdown interlude.  "solo" goes over A's chords and improvises, "build" rolls and rises, "break"
and "breakdown" thin out. Sections that return get a layer or another row, and the last chorus is lifted, by themselves.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Flavour(NamedTuple):
    """How a player's sound differs from the patch as it is made: what `composer.character` draws for a song."""

    bright: float = 0.0  # octaves by which filters and picks open
    attack: float = 0.0  # octaves of time, as are the next two
    decay: float = 0.0
    release: float = 0.0
    detune: float = 0.0  # octaves of unison width and chorus
    drive: float = 0.0  # octaves of overdrive where there is one; above 0.5 it is switched on where there is none
    chorus: float = 0.0  # level that is added
    body: float = 0.0  # octaves by which resonances move
    tune: float = 0.0  # semitones, of drums
    snap: float = 0.0  # dB of a kit's upper lanes beside its kick
    tilt: float = 0.0  # dB above 1.2 kHz
    ring: float = 0.0  # dB of one bell
    ring_hertz: float = 800.0


@dataclass(frozen=True)
class Part:
    """One player: the instrument, and where it stands in the mix.

    name      as musicians say it: "Rhodes"; names the track and the stem
    program   General MIDI program; for drums the GM kit
    patch     our own instrument in `composer.synth.patches` (for drums: a kit in `composer.synth.drums`)
    lufs      K-weighted loudness of its stem where it plays, in the mix before mastering (mix lies near -18)
    sampled   True: a SoundFont plays it where one is found; False: always our own instrument
    low, high the lowest and highest pitch that sounds well on it
    flavour   how it differs in this song
    """

    name: str
    program: int
    patch: str
    lufs: float
    pan: float = 0.0
    width: float = 0.3
    reverb: float = 0.2
    delay: float = 0.0  # send to a dotted-eighth echo
    duck: float = 0.0  # how deep the kick pushes it down
    sampled: bool = False
    low: int = 28
    high: int = 96
    flavour: Flavour | None = None


@dataclass(frozen=True)
class Mix:
    """How the whole sounds: room, pump and tone."""

    reverb_seconds: float = 1.6
    duck_seconds: float = 0.22
    width: float = 1.2  # side gain above 150 Hz
    # dB above the pink-like reference in six bands: 35-120, 120-300, 300-900, 900-2800, 2800-7000, 7000-16000 Hz
    tone: tuple[float, float, float, float, float, float] = (0, 0, 0, 0, 0, 0)
    drive: float = 0.0  # 0 clean, 1 warm saturation on the bus
    glue: float = 2.0  # bus compressor ratio


@dataclass(frozen=True)
class Groove:
    """How time is felt. Lateness and looseness are for humanize = 1 and shrink with it; swing always holds."""

    swing: float = 0.5  # where the second of a pair falls: 0.5 straight, 0.667 triplets
    swing_steps: int = 1  # the pair is made of sixteenths (1) or eighths (2)
    late: dict[str, float] = field(default_factory=dict)  # milliseconds behind the beat, by drum lane or role
    push: tuple[float, ...] = (0.0,) * 16  # milliseconds late on each step of the bar
    accent: tuple[float, ...] = (1.0, 0.82, 0.9, 0.82) * 4  # velocity on each step of the bar
    loose: float = 8.0  # standard deviation of timing, milliseconds
    touch: float = 6.0  # standard deviation of velocity


@dataclass(frozen=True)
class Lead:
    """How tunes are made: what rhythm they use and where they lie."""

    cells: tuple[str, ...]  # rhythms of 4, 8 or 16 steps, the likelier ones first
    center: int = 72  # pitch the tune moves around
    reach: int = 8  # semitones it moves to either side
    density: float = 0.5  # 0 sparse, 1 busy
    chromatic: float = 0.0  # odds of a chromatic approach to a long note
    ornament: float = 0.1  # odds of a grace note, turn or repeated note where a phrase comes back
    # What the second voice does; where there are several words, each letter of a song takes one. "guide" long tones,
    # "answer" in the rests, "line" a melody of its own against the tune, "harmony" the tune a third or sixth away,
    # "echo" the ends of its phrases again, "drone" tonic and fifth
    counter: str = "guide"
    gate: float = 0.95  # how much of a note's length sounds: 0.5 staccato, 1 legato
    blue: float = 0.0  # odds of a flat third, fifth or seventh where the line passes: blues, jazz, funk, soul
    pickup: float = 0.3  # odds that a phrase begins before its bar
    swell: float = 1.0  # how much phrases rise and fall in loudness: 0 a machine, 2 a romantic


@dataclass(frozen=True)
class Style:
    """All that makes a style, as data. `palette` and `mix` are the synth's, the rest is the composition's."""

    name: str  # "Lo-fi hip hop"
    aliases: tuple[str, ...]  # what people type
    bpm: tuple[float, float]
    palette: dict[str, Part]  # role -> who plays it: drums, bass, chords, pad, lead, arp, counter, texture
    mix: Mix = field(default_factory=Mix)
    # -- the band
    swaps: dict[str, tuple[Part, ...]] = field(default_factory=dict)  # who else may play a role
    guests: dict[str, float] = field(default_factory=dict)  # roles that are not always there, and their odds
    hints: tuple[str, ...] = ()  # words that speak for this style without naming it
    # -- time
    groove: Groove = field(default_factory=Groove)
    meters: dict[str, float] = field(default_factory=lambda: {"4/4": 1.0})
    tempos: dict[str, tuple[float, float]] = field(default_factory=dict)  # meter -> bpm, where it differs from `bpm`
    # -- harmony
    modes: dict[str, float] = field(default_factory=lambda: {"minor": 1.0})
    signatures: tuple[int, int] = (-5, 6)  # keys its players like: most flats (negative) to most sharps
    progressions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # mode -> rows
    cadences: tuple[str, ...] = ("V7", "IV")  # the bar before the last chord
    final: dict[bool, str] = field(default_factory=lambda: {False: "I", True: "i"})  # last chord, by minor third
    spice: dict[str, float] = field(default_factory=dict)  # odds: secondary borrow tritone turnaround passing sus
    chord_bars: tuple[int, ...] = (1,)  # bars each chord of a row lasts
    voicings: dict[str, str] = field(default_factory=dict)  # role -> close drop2 rootless spread power triad strum
    # -- rhythm, by energy: "low", "mid", "high"
    beats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fills: tuple[str, ...] = ()
    bass: dict[str, tuple[str, ...]] = field(default_factory=dict)
    comps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pads: tuple[str, ...] = ("x---------------",)
    arps: tuple[str, ...] = ()
    strum: float = 0.0  # milliseconds between the notes of a chord at humanize = 1
    riffs: tuple[str, ...] = ()
    riff_by: dict[str, float] = field(default_factory=dict)  # role -> odds that it plays the riff: bass chords lead arp
    riff_in: tuple[str, ...] = ("intro", "verse", "head", "A", "groove", "solo", "outro")
    free: float = 0.5  # how far a song may bend the rows it takes: 0 as written (a fixed figure), 1 at will
    half_time: dict[str, float] = field(default_factory=dict)  # section -> odds that its beat is played in half time
    lead: Lead = field(default_factory=lambda: Lead(cells=("x---", "x-x-", "x--x")))
    # -- form
    forms: tuple[str, ...] = ("1 intro:1:.3 A:2:.6 B:2:.9 outro:1:.3",)
    longest: int = 16  # bars a section may have before the form goes round again
    strain: int = 0  # bars that every section has, as a blues has twelve; 0: as many as the form needs
    layers: dict[str, float] = field(default_factory=dict)  # role -> energy at which it joins
    silent: dict[str, tuple[str, ...]] = field(default_factory=dict)  # section -> roles that wait
    bed: tuple[str, ...] = ("pad", "chords", "arp", "bass", "lead", "counter", "drums")  # who never stops
    # Odds at the joints: crash, riser, impact, reverse (cymbal), drop (a boom downwards), stop (a beat without drums,
    # bass and chords before a big moment), halt (after the first beat of a section's last bar only the bed rings on)
    transitions: dict[str, float] = field(default_factory=dict)
    build: str = "snare"  # the lane that rolls through a build
    modulation: float = 0.0  # odds that the last chorus goes up a step, and everything after it
    steps_up: tuple[int, ...] = (1, 2)  # by how many semitones
    ending: str = "ring"  # what "auto" means
    ring: float = 3.0  # seconds the last chord likes to have
