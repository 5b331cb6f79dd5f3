"""Instruments that people name, and who plays them: the word, the role it takes, and its Part.

Levels are those of a band in balance; a style that has the same role keeps its own level and place for the newcomer.
"""

# ruff: noqa: E501 - rows of data read better whole

from composer.style import Part
from composer.vocabulary import PERCUSSION


def _part(name: str, program: int, patch: str, lufs: float, low: int, high: int, **place: float | bool) -> Part:
    return Part(name, program, patch, lufs, low=low, high=high, **place)  # type: ignore[arg-type]


# words that name it -> (roles it can take, the usual one first; the player)
INSTRUMENTS: tuple[tuple[tuple[str, ...], tuple[str, ...], Part], ...] = (
    # keys
    (("electric piano", "electric pianos", "e-piano", "e piano", "epiano", "rhodes", "fender rhodes", "rhodes piano", "dx7", "fm piano", "fm keys"), ("chords", "lead"), _part("Rhodes", 4, "electric_piano", -21, 45, 84, width=0.5)),
    (("wurlitzer", "wurli", "wurly"), ("chords", "lead"), _part("Wurlitzer", 4, "wurlitzer", -21, 45, 84, width=0.5)),
    (("grand piano", "pianos", "piano", "keys", "acoustic piano", "concert grand", "piano keys"), ("chords", "lead"), _part("Piano", 0, "piano", -21, 36, 96, width=0.5, sampled=True)),
    (("felt piano", "soft piano", "muted piano", "prepared piano"), ("chords", "lead"), _part("Felt piano", 0, "piano_felt", -21.5, 36, 90, width=0.5, reverb=0.3)),
    (("upright piano", "honky tonk", "honky-tonk", "honky tonk piano", "honky-tonk piano", "saloon piano", "tack piano", "barrelhouse piano"), ("chords", "lead"), _part("Upright piano", 3, "piano_upright", -21, 36, 93, width=0.45)),
    (("hammond", "organ", "organs", "hammond organ", "b3", "hammond b3", "b-3", "electric organ", "rock organ", "farfisa"), ("chords", "lead", "pad"), _part("Organ", 16, "organ", -23, 43, 84, width=0.5)),
    (("church organ", "pipe organ", "cathedral organ"), ("pad", "chords", "lead"), _part("Church organ", 19, "church_organ", -24, 36, 84, width=0.7, reverb=0.5)),
    (("bubble organ", "organ bubble", "reggae organ"), ("arp", "chords"), _part("Bubble organ", 17, "organ_bubble", -24, 48, 80, width=0.4)),
    (("keyboards", "keyboard"), ("chords", "lead"), _part("Keyboards", 4, "electric_piano", -21, 45, 84, width=0.5)),
    (("clavinet", "clav", "clavi"), ("chords", "arp"), _part("Clavinet", 7, "clavinet", -23, 43, 84)),
    (("harpsichord", "cembalo", "spinet"), ("chords", "arp", "lead"), _part("Harpsichord", 6, "harpsichord", -23, 41, 88)),
    (("accordion", "accordian", "bandoneon", "concertina", "squeezebox", "musette"), ("chords", "lead"), _part("Accordion", 21, "accordion", -23, 48, 88)),
    (("harmonica", "melodica", "mouth organ", "blues harp"), ("lead", "counter"), _part("Harmonica", 22, "harmonica", -23, 55, 88)),
    # basses
    (("upright bass", "double bass", "acoustic bass", "contrabass", "standup bass", "stand-up bass", "string bass", "walking bass", "walking bassline", "walking bass line"), ("bass",), _part("Upright bass", 32, "bass_upright", -21.5, 28, 55, width=0.0, reverb=0.05, sampled=True)),
    (("808", "808s", "808 bass", "808 sub", "sliding 808s", "distorted 808s"), ("bass",), _part("808", 38, "bass_808", -19, 26, 48, width=0.0, reverb=0.0)),
    (("acid bass", "303", "tb-303", "tb303", "303 bass", "acid bassline"), ("bass",), _part("Acid bass", 38, "bass_acid", -21, 28, 52, width=0.0, reverb=0.03)),
    (("sub bass", "sub-bass", "subbass", "sub", "deep sub", "sub bassline"), ("bass",), _part("Sub bass", 38, "bass_sub", -20.5, 26, 48, width=0.0, reverb=0.0)),
    (("synth bass", "bass synth", "moog bass", "analog bass", "analogue bass", "synth bassline", "arpeggiated bass", "rolling bassline", "rolling bass"), ("bass",), _part("Synth bass", 38, "bass_synth", -21, 28, 55, width=0.0, reverb=0.02)),
    (("reese", "reese bass", "reece bass", "reese bassline"), ("bass",), _part("Reese bass", 38, "bass_reese", -20.5, 26, 52, width=0.1, reverb=0.02)),
    (("wobble", "wobble bass", "wobbles", "wub", "wubs", "wub bass", "wobbly bass"), ("bass",), _part("Wobble bass", 38, "bass_wobble", -20, 26, 52, width=0.1, reverb=0.02)),
    (("growl bass", "growls", "growl", "growling bass", "neuro bass"), ("bass",), _part("Growl bass", 38, "bass_growl", -20, 26, 52, width=0.1, reverb=0.02)),
    (("chip bass", "8-bit bass", "triangle bass", "nes bass"), ("bass",), _part("Chip bass", 38, "bass_chip", -21, 28, 57, width=0.0, reverb=0.0)),
    (("slap bass", "slapped bass", "slap bassline", "funk bass", "funky bass", "funky bassline", "popping bass"), ("bass",), _part("Slap bass", 36, "bass_slap", -21, 28, 57, width=0.0, reverb=0.02)),
    (("fretless bass", "fretless"), ("bass",), _part("Fretless bass", 35, "bass_fretless", -21.5, 28, 57, width=0.0, reverb=0.06)),
    (("picked bass", "pick bass", "punk bass", "distorted bass", "fuzz bass"), ("bass",), _part("Picked bass", 34, "bass_pick", -21, 28, 55, width=0.0, reverb=0.02)),
    (("bass guitar", "bass guitars", "electric bass", "finger bass", "fingered bass", "p-bass", "jazz bass", "bassline", "basslines", "bass line", "bass lines", "bass"), ("bass",), _part("Bass guitar", 33, "bass_finger", -21.5, 28, 55, width=0.0, reverb=0.03, sampled=True)),
    # plucked
    (("distorted guitar", "distorted guitars", "distorted electric guitar", "distorted electric guitars", "distortion guitar", "heavy guitar", "heavy guitars", "heavy guitar riffs", "power chords", "fuzz guitar", "fuzzy guitar", "fuzzy guitars", "shredding guitar", "lead guitar", "guitar shredding"), ("chords", "lead"), _part("Distorted guitar", 30, "guitar_distorted", -20.5, 40, 76, width=0.8)),
    (("crunchy guitar", "crunchy guitars", "crunch guitar", "overdriven guitar", "overdriven guitars", "overdrive guitar", "gritty guitar", "dirty guitar"), ("chords", "lead"), _part("Crunch guitar", 29, "guitar_crunch", -21, 40, 79, width=0.6)),
    (("chugging guitar", "chugging guitars", "chugs", "djent guitars", "djent guitar", "palm muted riffs", "palm-muted riffs", "down-tuned guitars", "downtuned guitars", "drop tuned guitars"), ("chords", "arp"), _part("Chugging guitar", 30, "guitar_chug", -20.5, 36, 72, width=0.8)),
    (("muted guitar", "palm muted guitar", "palm-muted guitar", "palm muted guitars"), ("arp", "chords"), _part("Muted guitar", 28, "guitar_muted", -25, 40, 76, sampled=True)),
    (("nylon guitar", "nylon string guitar", "nylon-string guitar", "classical guitar", "classical guitars", "spanish guitar", "flamenco guitar"), ("chords", "arp", "lead"), _part("Nylon guitar", 24, "guitar_nylon", -22, 40, 79, width=0.4, sampled=True)),
    (("acoustic guitar", "acoustic guitars", "steel guitar", "steel string guitar", "steel-string guitar", "western guitar", "strummed guitar", "strummed acoustic guitar", "fingerpicked guitar", "fingerpicking guitar", "fingerstyle guitar", "12-string guitar", "twelve-string guitar"), ("chords", "arp", "lead"), _part("Acoustic guitar", 25, "guitar_steel", -22, 40, 79, width=0.4, sampled=True)),
    (("electric guitar", "electric guitars", "jangly guitar", "jangly guitars", "surf guitar", "twangy guitar", "twangy guitars", "telecaster", "stratocaster", "blues guitar", "reggae guitar", "skank guitar"), ("chords", "lead", "arp"), _part("Electric guitar", 27, "guitar_electric", -22, 40, 82, width=0.4)),
    (("clean guitar", "clean guitars", "clean electric guitar", "jazz guitar", "funk guitar", "funky guitar", "wah guitar", "wah-wah guitar", "guitars", "guitar", "guitar licks", "guitar lick"), ("chords", "lead", "arp"), _part("Guitar", 27, "guitar_clean", -22, 40, 79, width=0.4, sampled=True)),
    (("slide guitar", "pedal steel", "pedal steel guitar", "lap steel", "dobro", "steel lap guitar"), ("lead", "counter"), _part("Slide guitar", 25, "guitar_steel", -22.5, 48, 84, sampled=True)),
    (("ukulele", "ukelele", "uke", "ukuleles"), ("chords", "arp", "lead"), _part("Ukulele", 24, "ukulele", -22, 57, 84, width=0.3)),
    (("banjo", "banjos"), ("arp", "chords", "lead"), _part("Banjo", 105, "banjo", -23, 48, 86)),
    (("mandolin", "mandolins", "mandola", "bouzouki", "lute", "oud", "saz", "balalaika"), ("arp", "chords", "lead"), _part("Mandolin", 25, "mandolin", -23, 52, 88)),
    (("sitar",), ("lead", "arp"), _part("Sitar", 104, "sitar", -23, 45, 81)),
    (("harp", "harps", "lyre", "koto", "guzheng", "celtic harp", "dulcimer"), ("arp", "chords"), _part("Harp", 46, "harp", -24, 41, 93, reverb=0.35, sampled=True)),
    (("pizzicato", "pizzicato strings", "plucked strings", "pizz"), ("arp", "lead"), _part("Pizzicato strings", 45, "pizzicato", -24, 43, 84, sampled=True)),
    # bowed
    (("staccato strings", "spiccato", "spiccato strings", "ostinato strings", "string ostinato", "short strings"), ("arp", "chords"), _part("Spiccato strings", 48, "strings_spiccato", -23, 43, 84, sampled=True)),
    (("tremolo strings", "string tremolo"), ("pad", "chords"), _part("Tremolo strings", 44, "strings_tremolo", -25, 43, 88, width=0.8, reverb=0.4)),
    (("violin", "violins", "fiddle", "fiddles", "erhu"), ("lead", "counter"), _part("Violin", 40, "violin", -22, 55, 93, sampled=True)),
    (("viola", "violas"), ("lead", "counter"), _part("Viola", 41, "violin", -22.5, 48, 82, sampled=True)),
    (("cello", "celli", "cellos"), ("lead", "counter"), _part("Cello", 42, "cello", -22, 38, 69, sampled=True)),
    (("string section", "string orchestra", "strings", "orchestra", "orchestral strings", "violin section", "lush strings", "string arrangement", "string ensemble", "synth orchestra", "string pad", "string pads"), ("pad", "chords"), _part("Strings", 48, "strings", -24, 43, 88, width=0.8, reverb=0.4, sampled=True)),
    (("chamber strings", "small string section", "intimate strings"), ("pad", "chords"), _part("Chamber strings", 48, "strings_chamber", -24, 43, 88, width=0.6, reverb=0.3)),
    # blown
    (("french horn", "french horns", "horn", "english horn"), ("counter", "lead", "pad"), _part("French horns", 60, "french_horn", -23, 41, 74, width=0.5, reverb=0.35, sampled=True)),
    (("soft brass", "mellow brass"), ("pad", "counter"), _part("Soft brass", 61, "brass_soft", -23.5, 41, 74, width=0.5, reverb=0.35, sampled=True)),
    (("trombone", "trombones", "tuba", "bass trombone"), ("counter", "lead"), _part("Trombone", 57, "trombone", -23, 36, 70, sampled=True)),
    (("brass stabs", "brass stab", "horn stabs", "horn stab", "brass hits", "horn hits"), ("chords", "counter"), _part("Brass stabs", 61, "brass_stab", -22.5, 43, 79, width=0.6, reverb=0.25)),
    (("brass section", "brass", "horns", "horn section", "brass band", "mariachi trumpets"), ("counter", "chords", "lead"), _part("Brass", 61, "brass", -22.5, 43, 79, width=0.6, reverb=0.3, sampled=True)),
    (("muted trumpet", "trumpet", "trumpets", "flugelhorn", "cornet", "harmon mute trumpet", "jazz trumpet"), ("lead", "counter"), _part("Trumpet", 56, "trumpet", -22.5, 55, 82, sampled=True)),
    (("saxophone", "sax", "tenor sax", "alto sax", "soprano sax", "baritone sax", "saxophones", "saxes", "tenor saxophone", "alto saxophone", "saxaphone", "saxofone"), ("lead", "counter"), _part("Tenor sax", 66, "sax", -22, 49, 78, sampled=True)),
    (("clarinet", "clarinets", "bass clarinet", "woodwinds", "woodwind", "duduk"), ("lead", "counter"), _part("Clarinet", 71, "clarinet", -23, 50, 86, sampled=True)),
    (("oboe", "oboes", "bassoon", "cor anglais"), ("lead", "counter"), _part("Oboe", 68, "oboe", -23, 50, 86, sampled=True)),
    (("flute", "flutes", "recorder", "piccolo", "bamboo flute", "wooden flute", "native flute", "ocarina", "shakuhachi"), ("lead", "counter"), _part("Flute", 73, "flute", -23, 60, 91, sampled=True)),
    (("pan flute", "pan pipes", "panpipes", "pan pipe", "panflute"), ("lead", "counter"), _part("Pan flute", 75, "pan_flute", -23, 60, 91)),
    (("tin whistle", "whistle", "irish whistle", "penny whistle", "low whistle", "irish flute"), ("lead", "counter"), _part("Tin whistle", 78, "tin_whistle", -23.5, 62, 93)),
    (("bagpipes", "bagpipe", "pipes", "uilleann pipes", "uilleann pipe", "highland pipes"), ("lead", "counter"), _part("Bagpipes", 109, "bagpipe", -23.5, 55, 84)),
    (("choir", "choirs", "choral", "chorus vocals", "aahs", "gregorian choir", "epic choir", "gospel choir", "choir pad"), ("pad", "counter"), _part("Choir", 52, "choir", -25, 48, 81, width=0.8, reverb=0.45, sampled=True)),
    (("oohs", "ooh choir", "choir oohs", "wordless vocals", "wordless vocal", "ethereal choir", "angelic choir"), ("pad", "counter"), _part("Choir oohs", 53, "choir_ooh", -25, 48, 81, width=0.8, reverb=0.45)),
    # struck
    (("music box", "musicbox", "toy piano"), ("lead", "arp"), _part("Music box", 10, "music_box", -24.5, 60, 96, reverb=0.35)),
    (("glockenspiel", "celesta", "bells", "bell", "chimes", "tubular bells", "sleigh bells", "church bells", "wind chimes"), ("arp", "lead"), _part("Bells", 9, "bells", -25, 60, 96, reverb=0.4)),
    (("fm bells", "fm bell", "digital bells", "glassy bells"), ("arp", "lead"), _part("FM bells", 98, "bell_fm", -25, 55, 93, reverb=0.35, delay=0.15)),
    (("vibraphone", "vibes", "vibraphones", "vibraharp"), ("lead", "chords"), _part("Vibraphone", 11, "vibraphone", -23, 53, 89, reverb=0.3)),
    (("marimba", "xylophone", "balafon", "marimbas", "mallets", "mallet percussion"), ("arp", "lead"), _part("Marimba", 12, "marimba", -24, 48, 91, reverb=0.25)),
    (("kalimba", "mbira", "thumb piano"), ("arp", "lead"), _part("Kalimba", 108, "kalimba", -24, 55, 91, reverb=0.25)),
    (("steel drum", "steel drums", "steelpan", "steel pan", "steel pans", "steelpans", "hang drum", "handpan"), ("lead", "arp"), _part("Steel drum", 114, "steel_drum", -24, 55, 88, reverb=0.25)),
    # synths
    (("supersaw", "supersaws", "super saw", "supersaw chords", "supersaw lead", "saw chords"), ("chords", "lead", "pad"), _part("Supersaw", 81, "supersaw", -22, 48, 84, width=0.9, duck=0.5)),
    (("acid line", "acid lead", "acid lines", "acid", "303 line", "squelchy acid line"), ("arp", "lead"), _part("Acid line", 87, "acid", -24, 36, 76, delay=0.2)),
    (("square lead", "square wave", "square waves", "pulse lead", "pulse wave", "pulse waves", "chiptune lead", "8-bit lead", "8 bit lead", "gameboy lead", "chip lead"), ("lead",), _part("Square lead", 80, "lead_pulse", -23.5, 55, 91, delay=0.15)),
    (("chip arp", "chip arps", "8-bit arp", "8-bit arps", "chiptune arp", "chiptune arps", "8-bit arpeggios", "chiptune arpeggios"), ("arp",), _part("Chip arpeggio", 80, "chip_arp", -24.5, 55, 93)),
    (("saw lead", "synth lead", "synth leads", "lead synth", "synth solo", "synth melody"), ("lead",), _part("Synth lead", 81, "lead_saw", -23.5, 52, 88, delay=0.2)),
    (("soft lead", "theremin"), ("lead",), _part("Soft synth", 80, "lead_soft", -24, 55, 88, delay=0.2)),
    (("sync lead", "screaming lead", "hard sync"), ("lead",), _part("Sync lead", 81, "lead_sync", -23.5, 52, 88, delay=0.2)),
    (("whistle lead", "whistle synth", "g-funk lead", "g funk lead", "portamento lead"), ("lead",), _part("Whistle lead", 78, "lead_whistle", -24, 60, 93, delay=0.15)),
    (("synth brass", "analog brass", "brass synth", "oberheim brass"), ("chords", "lead", "counter"), _part("Synth brass", 62, "lead_brass", -22.5, 43, 81, width=0.6)),
    (("stabs", "stab", "chord stabs", "chord stab", "house stabs"), ("chords",), _part("Chord stab", 90, "stab", -22, 48, 81, width=0.7, duck=0.4)),
    (("rave stabs", "rave stab", "hoover", "hoover stabs", "orchestra hit", "orchestra hits"), ("chords", "lead"), _part("Rave stab", 90, "stab_rave", -22, 43, 81, width=0.7, duck=0.3)),
    (("plucks", "pluck", "plucked synth", "synth pluck", "synth plucks", "pluck synth", "plucky synth", "plucky synths"), ("arp", "lead"), _part("Pluck", 84, "pluck", -24, 48, 88, delay=0.25, duck=0.3)),
    (("glass plucks", "glassy plucks", "glass pluck", "bell plucks"), ("arp", "lead"), _part("Glass pluck", 84, "pluck_glass", -24, 52, 91, delay=0.25, duck=0.3)),
    (("arp", "arps", "arpeggio", "arpeggios", "arpeggiator", "arpeggiators", "arpeggiated synth", "arpeggiated synths", "synth arpeggio", "synth arpeggios", "synth arp", "synth arps", "sequencer"), ("arp",), _part("Arpeggio", 84, "pluck", -24.5, 48, 88, delay=0.25, duck=0.3)),
    (("glass pad", "glass pads", "shimmer", "bell pad", "bell pads", "shimmering pad", "shimmering pads", "icy pads"), ("pad",), _part("Glass pad", 88, "pad_glass", -26, 48, 88, width=0.9, reverb=0.5)),
    (("dark pad", "dark pads", "drone", "drones", "dark drones"), ("pad",), _part("Dark pad", 95, "pad_dark", -26, 40, 76, width=0.9, reverb=0.5)),
    (("synth pad", "synth pads", "warm pad", "warm pads", "pads", "pad", "lush pads", "ambient pads", "ambient pad", "airy pads", "soft pads"), ("pad",), _part("Warm pad", 89, "pad_warm", -26, 45, 81, width=0.9, reverb=0.4)),
    (("poly synth", "polysynth", "poly pad", "juno pad", "juno pads", "juno", "analog pads", "analog pad"), ("pad", "chords"), _part("Poly synth", 90, "pad_poly", -25, 45, 84, width=0.9, reverb=0.35)),
    (("synth strings", "string machine", "solina", "disco strings"), ("pad", "chords"), _part("Synth strings", 50, "pad_strings", -25, 45, 88, width=0.9, reverb=0.35)),
    (("synths", "synth", "synthesizer", "synthesizers", "synthesiser", "synthesisers", "analog synth", "analog synths", "analogue synths", "modular synth", "moog", "vintage synths", "vintage synth"), ("chords", "pad", "lead"), _part("Synth", 90, "supersaw", -23, 45, 84, width=0.8)),
    # textures
    (("vinyl crackle", "vinyl noise", "record crackle", "crackle", "crackling", "vinyl", "needle noise", "record noise"), ("texture",), _part("Vinyl crackle", 122, "texture_vinyl", -37, 0, 127, width=0.8, reverb=0.0)),
    (("rain sounds", "rain", "rainfall", "rain ambience", "thunder", "rain noise"), ("texture",), _part("Rain", 122, "texture_rain", -34, 0, 127, width=1.0, reverb=0.0)),
    (("wind", "wind noise", "ocean", "waves", "sea", "ocean waves"), ("texture",), _part("Wind", 122, "texture_wind", -34, 0, 127, width=1.0, reverb=0.0)),
    (("tape hiss", "tape noise", "hiss", "tape", "tape wobble"), ("texture",), _part("Tape hiss", 122, "texture_tape", -38, 0, 127, width=0.8, reverb=0.0)),
    # kits
    (("brushes", "brushed drums", "brush drums", "brushed snare", "brushed kit", "drum brushes"), ("drums",), _part("Brushed kit", 40, "brushes", -22, 0, 127, reverb=0.15)),
    (("jazz drums", "jazz kit", "swing drums"), ("drums",), _part("Jazz kit", 40, "jazz", -22, 0, 127, reverb=0.15)),
    (("taiko", "taikos", "taiko drums", "orchestral percussion", "cinematic percussion", "cinematic drums", "timpani", "war drums"), ("drums",), _part("Orchestral percussion", 48, "orchestral", -20, 0, 127, width=0.5, reverb=0.3)),
    (("epic percussion", "epic drums", "trailer drums", "huge drums", "thunderous drums"), ("drums",), _part("Epic drums", 48, "epic", -20, 0, 127, width=0.5, reverb=0.3)),
    (("808 drums", "trap drums", "trap hats", "hi-hat rolls", "hihat rolls", "hi hat rolls", "tr-808", "808 beat", "808 kit"), ("drums",), _part("Trap kit", 25, "trap", -19, 0, 127)),
    (("drill drums", "drill hats"), ("drums",), _part("Drill kit", 25, "drill", -19, 0, 127)),
    (("rock drums", "live drums", "acoustic drums", "drum kit", "real drums", "drum set", "drumkit", "live drum kit", "acoustic drum kit"), ("drums",), _part("Drum kit", 16, "rock", -19.5, 0, 127, reverb=0.12)),
    (("metal drums", "double kick", "double bass drum", "double bass drums", "double bass drumming", "double bass pedal", "double-kick drums", "double kick drums", "blast beats", "blast beat", "blastbeats"), ("drums",), _part("Metal kit", 16, "metal", -19, 0, 127, reverb=0.1)),
    (("punk drums",), ("drums",), _part("Punk kit", 16, "punk", -19, 0, 127, reverb=0.1)),
    (("funk drums", "funky drums", "tight drums"), ("drums",), _part("Funk kit", 8, "funk", -19.5, 0, 127, reverb=0.06)),
    (("909", "909 drums", "tr-909", "909 kick", "four on the floor", "four-on-the-floor", "4 on the floor", "4-on-the-floor", "four to the floor", "4 to the floor"), ("drums",), _part("909 drums", 25, "house", -18.5, 0, 127)),
    (("breakbeats", "amen break", "breaks", "chopped breaks", "breakbeat drums", "jungle drums"), ("drums",), _part("Breakbeats", 25, "dnb", -18.5, 0, 127)),
    (("gated drums", "gated snare", "80s drums", "linndrum", "linn drum", "electronic drums", "retro drums"), ("drums",), _part("Gated drums", 25, "synthwave", -19, 0, 127, reverb=0.15)),
    (("dusty drums", "lofi drums", "lo-fi drums", "lo fi drums"), ("drums",), _part("Dusty drums", 0, "lofi", -20, 0, 127)),
    (("boom bap drums", "mpc drums", "sampled drums"), ("drums",), _part("Boom bap drums", 0, "boombap", -19.5, 0, 127)),
    (("chip drums", "8-bit drums", "noise drums", "nes drums"), ("drums",), _part("Chip drums", 25, "chip", -20, 0, 127)),
    (("drum machine", "drum machines", "programmed drums"), ("drums",), _part("Drum machine", 25, "pop", -19.5, 0, 127)),
    (("hand drums", "tabla", "tablas", "cajon", "frame drum", "frame drums", "darbuka", "doumbek", "talking drum", "talking drums", "log drum", "log drums", "tribal drums", "hand percussion", "african drums", "african percussion"), ("drums",), _part("Hand drums", 48, "afrobeat", -20, 0, 127, reverb=0.12)),
    (("latin percussion", "latin drums"), ("drums",), _part("Latin percussion", 0, "latin", -20, 0, 127, reverb=0.12)),
    (("drums", "drum", "percussion", "beats", "beat", "drumming", "drummer", *PERCUSSION), ("drums",), _part("Drums", 0, "", -19.5, 0, 127)),
)  # fmt: skip

BY_WORD: dict[str, tuple[tuple[str, ...], Part]] = {
    word: (roles, part) for words, roles, part in INSTRUMENTS for word in words
}
_MANY = {  # more than one of them -> one
    f"{word}s": word
    for words, roles, _ in INSTRUMENTS
    if roles[0] not in ("drums", "bass", "texture")
    for word in words
    if not word.endswith("s") and f"{word}s" not in BY_WORD
}
BY_WORD |= {many: BY_WORD[one] for many, one in _MANY.items()}
# Cousins that share a player above, by the name and the General MIDI program of their own.
_COUSINS: dict[str, tuple[str, int]] = {
    "electric piano": ("Electric piano", 4), "electric pianos": ("Electric pianos", 4), "dx7": ("DX piano", 5), "fm piano": ("FM piano", 5),
    "grand piano": ("Grand piano", 0), "hammond": ("Hammond organ", 16), "hammond organ": ("Hammond organ", 16), "b3": ("Hammond organ", 16),
    "hammond b3": ("Hammond organ", 16), "bandoneon": ("Bandoneon", 23), "concertina": ("Concertina", 21), "melodica": ("Melodica", 22),
    "double bass": ("Double bass", 32), "contrabass": ("Contrabass", 43), "acoustic bass": ("Acoustic bass", 32),
    "prepared piano": ("Prepared piano", 0), "honky tonk": ("Honky-tonk piano", 3), "honky-tonk piano": ("Honky-tonk piano", 3), "honky tonk piano": ("Honky-tonk piano", 3),
    "classical guitar": ("Classical guitar", 24), "classical guitars": ("Classical guitars", 24), "spanish guitar": ("Spanish guitar", 24), "flamenco guitar": ("Flamenco guitar", 24),
    "acoustic guitars": ("Acoustic guitars", 25), "electric guitars": ("Electric guitars", 27), "distorted guitars": ("Distorted guitars", 30),
    "lead guitar": ("Lead guitar", 30), "fuzz guitar": ("Fuzz guitar", 30), "heavy guitars": ("Heavy guitars", 30), "power chords": ("Power chords", 30),
    "overdriven guitar": ("Overdriven guitar", 29), "surf guitar": ("Surf guitar", 27), "blues guitar": ("Blues guitar", 27),
    "clean guitar": ("Clean guitar", 27), "jazz guitar": ("Jazz guitar", 26), "funk guitar": ("Funk guitar", 28), "wah guitar": ("Wah guitar", 28),
    "pedal steel": ("Pedal steel", 25), "pedal steel guitar": ("Pedal steel", 25), "lap steel": ("Lap steel", 25), "dobro": ("Dobro", 25),
    "bouzouki": ("Bouzouki", 25), "lute": ("Lute", 24), "oud": ("Oud", 24), "balalaika": ("Balalaika", 25), "koto": ("Koto", 107), "guzheng": ("Guzheng", 107), "lyre": ("Lyre", 46), "dulcimer": ("Dulcimer", 15), "celtic harp": ("Celtic harp", 46),
    "fiddle": ("Fiddle", 110), "fiddles": ("Fiddles", 110), "erhu": ("Erhu", 110), "orchestra": ("Orchestra", 48),
    "horn": ("Horn", 60), "english horn": ("English horn", 69), "tuba": ("Tuba", 58), "flugelhorn": ("Flugelhorn", 56), "cornet": ("Cornet", 56),
    "muted trumpet": ("Muted trumpet", 59), "alto sax": ("Alto sax", 65), "alto saxophone": ("Alto sax", 65), "soprano sax": ("Soprano sax", 64), "baritone sax": ("Baritone sax", 67),
    "saxophone": ("Saxophone", 66), "sax": ("Sax", 66), "bass clarinet": ("Bass clarinet", 71), "duduk": ("Duduk", 71), "woodwinds": ("Woodwinds", 71), "woodwind": ("Woodwind", 71),
    "bassoon": ("Bassoon", 70), "cor anglais": ("Cor anglais", 69), "recorder": ("Recorder", 74), "piccolo": ("Piccolo", 72), "ocarina": ("Ocarina", 79),
    "shakuhachi": ("Shakuhachi", 77), "bamboo flute": ("Bamboo flute", 77), "whistle": ("Whistle", 78), "irish flute": ("Irish flute", 73), "uilleann pipes": ("Uilleann pipes", 109),
    "gospel choir": ("Gospel choir", 52), "toy piano": ("Toy piano", 10), "glockenspiel": ("Glockenspiel", 9), "celesta": ("Celesta", 8), "chimes": ("Chimes", 14),
    "tubular bells": ("Tubular bells", 14), "church bells": ("Church bells", 14), "sleigh bells": ("Sleigh bells", 14),
    "xylophone": ("Xylophone", 13), "balafon": ("Balafon", 12), "mbira": ("Mbira", 108), "mallets": ("Mallets", 12),
    "steel drums": ("Steel drums", 114), "steelpan": ("Steelpan", 114), "handpan": ("Handpan", 114), "hang drum": ("Hang drum", 114), "theremin": ("Theremin", 80),
    "hoover": ("Hoover", 90), "orchestra hit": ("Orchestra hit", 55), "moog": ("Moog", 81), "string machine": ("String machine", 50), "juno": ("Juno", 90), "juno pad": ("Juno pad", 90), "juno pads": ("Juno pads", 90),
    "drone": ("Drone", 95), "drones": ("Drone", 95), "timpani": ("Timpani", 48), "taiko": ("Taiko", 48), "taikos": ("Taikos", 48), "taiko drums": ("Taiko drums", 48),
    "ocean": ("Ocean", 122), "ocean waves": ("Ocean waves", 122), "waves": ("Waves", 122), "sea": ("Sea", 122), "breaks": ("Breaks", 25), "amen break": ("Amen break", 25),
    "blast beats": ("Blast beats", 16), "double kick": ("Double kick", 16), "trap drums": ("Trap drums", 25), "tribal drums": ("Tribal drums", 48),
}  # fmt: skip
_PIANOS = ("piano", "piano_felt", "piano_upright")
_KEYS = (*_PIANOS, "electric_piano", "wurlitzer", "clavinet", "harpsichord", "organ", "church_organ", "organ_bubble")
_ORGANS = ("organ", "church_organ", "organ_bubble")
_ACOUSTIC = ("guitar_nylon", "guitar_steel")
_DISTORTED = ("guitar_distorted", "guitar_crunch", "guitar_chug")
_ELECTRIC = ("guitar_clean", "guitar_electric", "guitar_muted", *_DISTORTED)
_STRINGS = (
    "strings",
    "strings_chamber",
    "strings_tremolo",
    "strings_spiccato",
    "pizzicato",
    "pad_strings",
    "violin",
    "cello",
)
_BRASS = ("brass", "brass_soft", "brass_stab", "trumpet", "trombone", "french_horn")
_WOODWINDS = ("flute", "clarinet", "oboe", "tin_whistle", "pan_flute", "sax")
_PADS = ("pad_warm", "pad_glass", "pad_dark", "pad_poly", "pad_strings")
_LEADS = ("lead_saw", "lead_square", "lead_soft", "lead_pulse", "lead_sync", "lead_whistle", "lead_brass")
_SYNTHS = (
    "stab", "stab_rave", "supersaw", "pluck", "pluck_glass", "acid", "chip_arp", "bell_fm", *_PADS, *_LEADS, "bass_synth", "bass_acid",
    "bass_sub", "bass_reese", "bass_wobble", "bass_growl", "bass_pulse", "bass_chip",
)  # fmt: skip
_BELLS = ("bells", "music_box", "bell_fm")
FAMILIES: dict[str, tuple[str, ...]] = {  # words that stand for several instruments, where they are told to stay away
    "synth": _SYNTHS, "synths": _SYNTHS, "synthesizer": _SYNTHS, "synthesizers": _SYNTHS, "synthesisers": _SYNTHS,
    "guitar": (*_ACOUSTIC, *_ELECTRIC), "guitars": (*_ACOUSTIC, *_ELECTRIC), "acoustic guitar": _ACOUSTIC, "acoustic guitars": _ACOUSTIC,
    "electric guitar": _ELECTRIC, "electric guitars": _ELECTRIC, "distorted guitar": _DISTORTED, "distorted guitars": _DISTORTED,
    "heavy guitars": _DISTORTED, "strings": _STRINGS, "string section": _STRINGS, "orchestra": (*_STRINGS, *_BRASS), "piano": _PIANOS, "pianos": _PIANOS,
    "keys": _KEYS, "keyboard": _KEYS, "keyboards": _KEYS, "organ": _ORGANS, "organs": _ORGANS, "electric piano": ("electric_piano", "wurlitzer"),
    "brass": _BRASS, "horns": _BRASS, "brass section": _BRASS, "woodwinds": _WOODWINDS, "woodwind": _WOODWINDS, "flute": ("flute", "pan_flute"), "flutes": ("flute", "pan_flute"),
    "pads": _PADS, "pad": _PADS, "synth pads": _PADS, "synth lead": _LEADS, "synth leads": _LEADS, "arp": ("pluck", "chip_arp"), "arps": ("pluck", "chip_arp"), "arpeggios": ("pluck", "chip_arp"),
    "plucks": ("pluck", "pluck_glass"), "stabs": ("stab", "stab_rave", "brass_stab"), "bells": _BELLS, "bell": _BELLS, "choir": ("choir", "choir_ooh"),
    "vibraphone": ("vibraphone", "mallet"), "vibes": ("vibraphone", "mallet"), "marimba": ("marimba", "mallet"), "mallets": ("mallet", "marimba", "vibraphone"),
    "violin": ("violin",), "violins": ("violin",), "vinyl": ("texture_vinyl",), "crackle": ("texture_vinyl",), "square lead": ("lead_square", "lead_pulse"),
}  # fmt: skip
# Words for a whole section of the band rather than for one instrument.
ANY_DRUMS = ("drums", "drum", "percussion", "beats", "beat", "drumming", "drummer")
ANY_BASS = ("bass", "bassline", "basslines", "bass line", "bass lines")


def title(word: str) -> tuple[str, int] | None:
    """The name and program of an instrument that shares its player with others; None where the player's own do."""
    return _COUSINS.get(_MANY.get(word, word))
