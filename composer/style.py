"""What a style is made of. The tables themselves are in `composer/styles`, one file of data per style.

Conventions: positions in steps of a sixteenth note, loudness in LUFS, pan -1 (left) to 1 (right), amounts 0-1.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """One player: the instrument, and where it stands in the mix.

    name      as musicians say it: "Rhodes"; names the track and the stem
    program   General MIDI program; for drums the GM kit
    patch     our own instrument in `composer.synth.patches` (for drums: a kit in `composer.synth.drums`)
    lufs      K-weighted loudness of its stem where it plays, in the mix before mastering (mix lies near -18)
    sampled   True: a SoundFont plays it where one is found; False: always our own instrument
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
class Style:
    """All that makes a style, as data. Fields that only the composition reads may grow; `palette` and `mix` are the synth's."""

    name: str  # "Lo-fi hip hop"
    aliases: tuple[str, ...]  # what people type
    bpm: tuple[float, float]
    palette: dict[str, Part]  # role -> who plays it: drums, bass, chords, pad, lead, arp, counter, texture
    mix: Mix = field(default_factory=Mix)
