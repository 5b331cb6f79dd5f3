"""Instruments that people name, and who plays them: the word, the role it takes, and its Part.

Levels are those of a band in balance; a style that has the same role keeps its own level and place for the newcomer.
"""

# ruff: noqa: E501 - rows of data read better whole

from composer.style import Part


def _part(name: str, program: int, patch: str, lufs: float, low: int, high: int, **place: float | bool) -> Part:
    return Part(name, program, patch, lufs, low=low, high=high, **place)  # type: ignore[arg-type]


# words that name it -> (roles it can take, the usual one first; the player)
INSTRUMENTS: tuple[tuple[tuple[str, ...], tuple[str, ...], Part], ...] = (
    (("electric piano", "e-piano", "epiano", "rhodes", "wurlitzer", "wurli", "fender rhodes"), ("chords", "lead"), _part("Rhodes", 4, "electric_piano", -21, 45, 84, width=0.5)),
    (("grand piano", "felt piano", "upright piano", "pianos", "piano", "keys"), ("chords", "lead"), _part("Piano", 0, "piano", -21, 36, 96, width=0.5, sampled=True)),
    (("hammond", "organ", "church organ"), ("chords", "lead", "pad"), _part("Organ", 16, "organ", -23, 43, 84, width=0.5)),
    (("keyboards", "keyboard"), ("chords", "lead"), _part("Keyboards", 4, "electric_piano", -21, 45, 84, width=0.5)),
    (("harpsichord", "clavinet", "clav"), ("chords", "arp"), _part("Clavinet", 7, "pluck", -23, 48, 84, sampled=True)),
    (("accordion",), ("chords", "lead"), _part("Accordion", 21, "organ", -23, 53, 88, sampled=True)),
    (("upright bass", "double bass", "acoustic bass", "contrabass"), ("bass",), _part("Upright bass", 32, "bass_upright", -21.5, 28, 55, width=0.0, reverb=0.05, sampled=True)),
    (("808", "808s", "808 bass"), ("bass",), _part("808", 38, "bass_808", -19, 26, 48, width=0.0, reverb=0.0)),
    (("acid bass", "303"), ("bass",), _part("Acid bass", 38, "bass_acid", -21, 28, 52, width=0.0, reverb=0.03)),
    (("sub bass", "sub-bass", "subbass", "sub"), ("bass",), _part("Sub bass", 38, "bass_sub", -20.5, 26, 48, width=0.0, reverb=0.0)),
    (("synth bass", "bass synth", "moog bass", "reese"), ("bass",), _part("Synth bass", 38, "bass_synth", -21, 28, 55, width=0.0, reverb=0.02)),
    (("bass guitar", "electric bass", "slap bass", "fretless bass", "bassline", "bass line", "bass"), ("bass",), _part("Bass guitar", 33, "bass_finger", -21.5, 28, 55, width=0.0, reverb=0.03, sampled=True)),
    (("distorted guitar", "distorted guitars", "distortion guitar", "heavy guitar", "heavy guitars", "overdriven guitar", "power chords", "crunchy guitars", "fuzz guitar"), ("chords", "lead"), _part("Distorted guitar", 30, "guitar_distorted", -20.5, 40, 76, width=0.8)),
    (("muted guitar", "palm muted guitar", "palm-muted guitar"), ("arp", "chords"), _part("Muted guitar", 28, "guitar_muted", -25, 40, 76, sampled=True)),
    (("nylon guitar", "classical guitar", "spanish guitar", "acoustic guitar", "acoustic guitars", "ukulele"), ("chords", "arp", "lead"), _part("Acoustic guitar", 24, "guitar_nylon", -22, 40, 79, width=0.4, sampled=True)),
    (("electric guitar", "electric guitars", "clean guitar", "jazz guitar", "guitars", "guitar", "banjo"), ("chords", "lead", "arp"), _part("Guitar", 27, "guitar_clean", -22, 40, 79, width=0.4, sampled=True)),
    (("pizzicato", "pizzicato strings", "plucked strings"), ("arp", "lead"), _part("Pizzicato strings", 45, "pizzicato", -24, 43, 84, sampled=True)),
    (("staccato strings", "spiccato", "spiccato strings", "ostinato strings"), ("arp", "chords"), _part("Spiccato strings", 48, "strings_spiccato", -23, 43, 84, sampled=True)),
    (("violin", "violins", "fiddle", "solo violin"), ("lead", "counter"), _part("Violin", 40, "strings", -22, 55, 91, sampled=True)),
    (("viola",), ("lead", "counter"), _part("Viola", 41, "strings", -22.5, 48, 82, sampled=True)),
    (("cello", "celli", "cellos"), ("lead", "counter"), _part("Cello", 42, "strings", -22, 38, 69, sampled=True)),
    (("string section", "string quartet", "string orchestra", "strings", "orchestra"), ("pad", "chords"), _part("Strings", 48, "strings", -24, 43, 88, width=0.8, reverb=0.4, sampled=True)),
    (("french horn", "french horns", "horn", "soft brass"), ("counter", "lead", "pad"), _part("French horns", 60, "brass_soft", -23, 41, 72, width=0.5, reverb=0.35, sampled=True)),
    (("trombone", "trombones", "tuba"), ("counter", "lead"), _part("Trombone", 57, "brass", -23, 40, 70, sampled=True)),
    (("brass section", "brass", "horns", "horn section"), ("counter", "chords", "lead"), _part("Brass", 61, "brass", -22.5, 43, 79, width=0.6, reverb=0.3, sampled=True)),
    (("muted trumpet", "trumpet", "trumpets", "flugelhorn", "cornet"), ("lead", "counter"), _part("Trumpet", 56, "trumpet", -22.5, 55, 82, sampled=True)),
    (("saxophone", "sax", "tenor sax", "alto sax", "saxophones", "saxes"), ("lead", "counter"), _part("Tenor sax", 66, "sax", -22, 49, 78, sampled=True)),
    (("clarinet", "oboe", "bassoon", "woodwinds", "woodwind"), ("lead", "counter"), _part("Clarinet", 71, "flute", -23, 52, 86, sampled=True)),
    (("flute", "flutes", "pan flute", "recorder", "whistle", "ocarina", "shakuhachi"), ("lead", "counter"), _part("Flute", 73, "flute", -23, 60, 91, sampled=True)),
    (("harmonica", "melodica"), ("lead", "counter"), _part("Harmonica", 22, "lead_soft", -23.5, 60, 88, sampled=True)),
    (("choir", "choirs", "choral", "chorus vocals", "aahs", "oohs"), ("pad", "counter"), _part("Choir", 52, "choir", -25, 48, 81, width=0.8, reverb=0.45, sampled=True)),
    (("harp", "harps", "lyre", "koto", "kalimba harp"), ("arp", "chords"), _part("Harp", 46, "harp", -24, 41, 93, reverb=0.35, sampled=True)),
    (("music box", "musicbox", "toy piano"), ("lead", "arp"), _part("Music box", 10, "music_box", -24.5, 60, 96, reverb=0.35)),
    (("glockenspiel", "celesta", "bells", "bell", "chimes", "tubular bells"), ("arp", "lead"), _part("Bells", 9, "bells", -25, 60, 96, reverb=0.4)),
    (("vibraphone", "vibes", "vibraphones"), ("lead", "chords"), _part("Vibraphone", 11, "mallet", -23, 53, 89, reverb=0.3)),
    (("marimba", "xylophone", "kalimba", "balafon", "steel drum", "steel drums", "steelpan"), ("arp", "lead"), _part("Marimba", 12, "marimba", -24, 48, 91, reverb=0.25)),
    (("supersaw", "supersaws", "super saw"), ("chords", "lead", "pad"), _part("Supersaw", 81, "supersaw", -22, 48, 84, width=0.9, duck=0.5)),
    (("acid line", "acid lead", "acid"), ("arp", "lead"), _part("Acid line", 87, "acid", -24, 36, 76, delay=0.2)),
    (("square lead", "chiptune lead", "8-bit lead", "8-bit", "chiptune"), ("lead",), _part("Square lead", 80, "lead_square", -23.5, 55, 91, delay=0.15)),
    (("saw lead", "synth lead", "lead synth", "synth solo"), ("lead",), _part("Synth lead", 81, "lead_saw", -23.5, 52, 88, delay=0.2)),
    (("soft lead", "theremin"), ("lead",), _part("Soft synth", 80, "lead_soft", -24, 55, 88, delay=0.2)),
    (("stabs", "stab", "chord stabs"), ("chords",), _part("Chord stab", 90, "stab", -22, 48, 81, width=0.7, duck=0.4)),
    (("plucks", "pluck", "plucked synth", "synth pluck"), ("arp", "lead"), _part("Pluck", 84, "pluck", -24, 48, 88, delay=0.25, duck=0.3)),
    (("arp", "arps", "arpeggio", "arpeggios", "arpeggiator", "arpeggiated synth", "arpeggiated synths", "sequencer"), ("arp",), _part("Arpeggio", 84, "pluck", -24.5, 48, 88, delay=0.25, duck=0.3)),
    (("glass pad", "shimmer", "bell pad", "shimmering pads"), ("pad",), _part("Glass pad", 88, "pad_glass", -26, 48, 88, width=0.9, reverb=0.5)),
    (("dark pad", "dark pads", "drone", "drones"), ("pad",), _part("Dark pad", 95, "pad_dark", -26, 40, 76, width=0.9, reverb=0.5)),
    (("synth pad", "synth pads", "warm pad", "warm pads", "pads", "pad", "synth strings"), ("pad",), _part("Warm pad", 89, "pad_warm", -26, 45, 81, width=0.9, reverb=0.4)),
    (("synths", "synth", "synthesizer", "synthesizers", "analog synth", "analog synths"), ("chords", "pad", "lead"), _part("Synth", 90, "supersaw", -23, 45, 84, width=0.8)),
    (("vinyl crackle", "vinyl noise", "record crackle", "crackle", "crackling", "vinyl", "needle noise"), ("texture",), _part("Vinyl crackle", 122, "texture_vinyl", -37, 0, 127, width=0.8, reverb=0.0)),
    (("rain sounds", "rain", "rainfall", "rain ambience", "thunder"), ("texture",), _part("Rain", 122, "texture_rain", -34, 0, 127, width=1.0, reverb=0.0)),
    (("wind", "wind noise", "ocean", "waves", "sea"), ("texture",), _part("Wind", 122, "texture_wind", -34, 0, 127, width=1.0, reverb=0.0)),
    (("tape hiss", "tape noise", "hiss", "tape"), ("texture",), _part("Tape hiss", 122, "texture_tape", -38, 0, 127, width=0.8, reverb=0.0)),
    (("brushes", "brushed drums", "jazz drums", "brush drums"), ("drums",), _part("Brushed kit", 40, "jazz", -22, 0, 127, reverb=0.15)),
    (("taiko", "taikos", "taiko drums", "orchestral percussion", "epic percussion", "epic drums", "timpani", "war drums"), ("drums",), _part("Orchestral percussion", 48, "orchestral", -20, 0, 127, width=0.5, reverb=0.3)),
    (("808 drums", "trap drums", "trap beat", "trap hats", "hi-hat rolls"), ("drums",), _part("Trap kit", 25, "trap", -19, 0, 127)),
    (("rock drums", "live drums", "acoustic drums", "drum kit", "real drums"), ("drums",), _part("Drum kit", 16, "rock", -19.5, 0, 127, reverb=0.12)),
    (("909", "909 drums", "four on the floor", "four-on-the-floor"), ("drums",), _part("909 drums", 25, "house", -18.5, 0, 127)),
    (("dusty drums", "lofi drums", "lo-fi drums"), ("drums",), _part("Dusty drums", 0, "lofi", -20, 0, 127)),
    (("drums", "drum", "percussion", "beats", "beat", "drumming", "drummer", "congas", "bongos", "shaker", "tambourine", "maracas", "cowbell", "claves", "conga", "bongo", "shakers"), ("drums",), _part("Drums", 0, "", -19.5, 0, 127)),
)  # fmt: skip

BY_WORD: dict[str, tuple[tuple[str, ...], Part]] = {
    word: (roles, part) for words, roles, part in INSTRUMENTS for word in words
}
# Cousins that share a player above, by the name and the General MIDI program of their own.
_COUSINS: dict[str, tuple[str, int]] = {
    "wurlitzer": ("Wurlitzer", 4), "wurli": ("Wurlitzer", 4), "electric piano": ("Electric piano", 4), "grand piano": ("Grand piano", 0),
    "felt piano": ("Felt piano", 0), "upright piano": ("Upright piano", 0), "hammond": ("Hammond organ", 16), "church organ": ("Church organ", 19),
    "harpsichord": ("Harpsichord", 6), "double bass": ("Double bass", 32), "contrabass": ("Contrabass", 43), "slap bass": ("Slap bass", 36),
    "fretless bass": ("Fretless bass", 35), "reese": ("Reese bass", 38), "ukulele": ("Ukulele", 24), "nylon guitar": ("Nylon guitar", 24),
    "classical guitar": ("Classical guitar", 24), "spanish guitar": ("Spanish guitar", 24), "acoustic guitar": ("Acoustic guitar", 25),
    "acoustic guitars": ("Acoustic guitars", 25), "electric guitar": ("Electric guitar", 27), "electric guitars": ("Electric guitars", 27),
    "clean guitar": ("Clean guitar", 27), "jazz guitar": ("Jazz guitar", 26), "banjo": ("Banjo", 105), "fiddle": ("Fiddle", 110),
    "tuba": ("Tuba", 58), "horn": ("Horn", 60), "flugelhorn": ("Flugelhorn", 56), "cornet": ("Cornet", 56), "muted trumpet": ("Muted trumpet", 59),
    "alto sax": ("Alto sax", 65), "saxophone": ("Saxophone", 66), "sax": ("Sax", 66), "clarinet": ("Clarinet", 71), "oboe": ("Oboe", 68),
    "bassoon": ("Bassoon", 70), "woodwinds": ("Woodwinds", 71), "pan flute": ("Pan flute", 75), "recorder": ("Recorder", 74), "whistle": ("Whistle", 78),
    "ocarina": ("Ocarina", 79), "shakuhachi": ("Shakuhachi", 77), "melodica": ("Melodica", 22), "koto": ("Koto", 107), "lyre": ("Lyre", 46),
    "glockenspiel": ("Glockenspiel", 9), "celesta": ("Celesta", 8), "chimes": ("Chimes", 14), "tubular bells": ("Tubular bells", 14),
    "toy piano": ("Toy piano", 10), "xylophone": ("Xylophone", 13), "kalimba": ("Kalimba", 108), "balafon": ("Balafon", 12),
    "steel drum": ("Steel drum", 114), "steel drums": ("Steel drums", 114), "steelpan": ("Steelpan", 114), "theremin": ("Theremin", 80),
    "drone": ("Drone", 95), "drones": ("Drone", 95), "orchestra": ("Orchestra", 48), "timpani": ("Timpani", 48), "brushes": ("Brushed kit", 40), "brushed drums": ("Brushed kit", 40), "brush drums": ("Brushed kit", 40), "ocean": ("Ocean", 122),
    "waves": ("Waves", 122), "sea": ("Sea", 122), "taiko": ("Taiko", 48), "taikos": ("Taikos", 48), "taiko drums": ("Taiko drums", 48),
    "accordion": ("Accordion", 21), "clavinet": ("Clavinet", 7), "trombone": ("Trombone", 57), "viola": ("Viola", 41),
}  # fmt: skip
FAMILIES: dict[str, tuple[str, ...]] = {  # words that stand for several instruments, where they are told to stay away
    "percussion": ("drums",), "drums": ("drums",), "beat": ("drums",), "beats": ("drums",),
    "synth": ("stab", "supersaw", "pluck", "acid", "pad_warm", "pad_glass", "pad_dark", "lead_saw", "lead_square", "lead_soft", "bass_synth", "bass_acid", "bass_sub"),
    "synths": ("stab", "supersaw", "pluck", "acid", "pad_warm", "pad_glass", "pad_dark", "lead_saw", "lead_square", "lead_soft", "bass_synth", "bass_acid", "bass_sub"),
    "guitar": ("guitar_nylon", "guitar_clean", "guitar_muted", "guitar_distorted"),
    "guitars": ("guitar_nylon", "guitar_clean", "guitar_muted", "guitar_distorted"),
    "strings": ("strings", "strings_spiccato", "pizzicato"), "piano": ("piano",), "keys": ("piano", "electric_piano", "organ"), "keyboard": ("piano", "electric_piano", "organ"), "keyboards": ("piano", "electric_piano", "organ"),
    "brass": ("brass", "brass_soft", "trumpet"), "horns": ("brass", "brass_soft", "trumpet"),
    "pads": ("pad_warm", "pad_glass", "pad_dark"), "pad": ("pad_warm", "pad_glass", "pad_dark"),
    "bells": ("bells", "music_box"), "vinyl": ("texture_vinyl",), "crackle": ("texture_vinyl",),
}  # fmt: skip


def title(word: str) -> tuple[str, int] | None:
    """The name and program of an instrument that shares its player with others; None where the player's own do."""
    return _COUSINS.get(word)
