"""What words mean: moods, tempo marks, kindred styles, meters. Data only."""

# ruff: noqa: E501 - rows of data read better whole

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """What a mood does to a plan. `bright` -1 minor to 1 major, `pace` and `energy` are shifts, `guests` join the band."""

    words: tuple[str, ...]
    bright: float = 0.0
    pace: float = 0.0
    energy: float = 0.0
    guests: tuple[str, ...] = ()


MOODS: dict[str, Mood] = {
    "happy": Mood(("happy", "cheerful", "joyful", "joyous", "upbeat", "uplifting", "bright", "sunny", "fun", "playful", "feel-good", "optimistic", "cheery"), 1.0, 0.35, 0.05),
    "sad": Mood(("sad", "melancholic", "melancholy", "melancholia", "sorrowful", "mournful", "lonely", "heartbroken", "somber", "sombre", "tearful", "grieving", "gloomy", "bittersweet"), -1.0, -0.4, -0.08, ("pad",)),
    "dark": Mood(("dark", "sinister", "ominous", "menacing", "evil", "creepy", "scary", "spooky", "horror", "haunting", "moody", "brooding", "gritty"), -1.0, 0.0, 0.0, ("pad",)),
    "dreamy": Mood(("dreamy", "ethereal", "floating", "hazy", "surreal", "magical", "mystical", "otherworldly", "shimmering", "lush", "spacey", "cosmic"), 0.2, -0.3, -0.05, ("pad", "arp")),
    "epic": Mood(("epic", "heroic", "triumphant", "majestic", "grand", "powerful", "massive", "dramatic", "victorious", "anthemic", "huge"), 0.0, 0.15, 0.12, ("counter", "pad")),
    "calm": Mood(("calm", "peaceful", "relaxing", "relaxed", "chill", "chilled", "gentle", "soft", "soothing", "quiet", "mellow", "serene", "tranquil", "sleepy", "laid-back", "laidback", "meditative", "easy"), 0.2, -0.4, -0.1, ("pad",)),
    "aggressive": Mood(("aggressive", "angry", "furious", "hard", "heavy", "brutal", "intense", "violent", "raging", "savage", "rebellious"), -0.8, 0.3, 0.15),
    "romantic": Mood(("romantic", "love", "loving", "tender", "sensual", "sexy", "intimate", "passionate", "warm"), 0.3, -0.25, -0.03, ("counter",)),
    "energetic": Mood(("energetic", "driving", "pumping", "exciting", "lively", "hype", "banging", "groovy", "bouncy", "danceable", "party", "festival", "workout"), 0.1, 0.4, 0.12),
    "nostalgic": Mood(("nostalgic", "wistful", "retro", "vintage", "longing", "yearning", "reflective"), 0.0, -0.2, -0.03),
    "hopeful": Mood(("hopeful", "inspiring", "inspirational", "motivational", "positive", "warmhearted"), 0.9, 0.1, 0.03, ("pad",)),
    "tense": Mood(("tense", "suspenseful", "suspense", "nervous", "anxious", "thrilling", "mysterious", "eerie", "unsettling"), -0.9, 0.1, 0.0, ("arp", "pad")),
}  # fmt: skip

# Tempo marks in quarter notes per minute; a plan stays within a few percent of them.
MARKS: dict[str, float] = {
    "larghissimo": 40, "grave": 42, "largo": 50, "larghetto": 60, "lento": 54, "adagio": 68, "adagietto": 72, "andante": 88,
    "andantino": 92, "moderato": 108, "allegretto": 114, "allegro": 132, "vivace": 160, "presto": 180, "prestissimo": 204,
}  # fmt: skip

PACES: dict[str, float] = {
    "very slow": -1.6, "really slow": -1.6, "super slow": -1.6, "slow": -1.0, "slowly": -1.0, "slower": -1.0, "downtempo": -0.8,
    "down-tempo": -0.8, "slow-tempo": -1.0, "ballad": -1.0, "slow ballad": -1.2, "mid-tempo": 0.001, "midtempo": 0.001, "mid tempo": 0.001, "medium tempo": 0.001,
    "uptempo": 0.8, "up-tempo": 0.8, "up tempo": 0.8, "fast": 1.0, "faster": 1.0, "quick": 0.9, "fast-paced": 1.0,
    "very fast": 1.6, "really fast": 1.6, "super fast": 1.6, "breakneck": 1.6, "frantic": 1.4, "speedy": 1.0,
}  # fmt: skip

# Genres that are not here, by the style that is nearest to them.
_KINDRED: dict[str, str] = {
    "techno": "minimal, hardstyle, hardcore techno, gabber, rave, industrial, ebm, speedcore, idm, glitch, schranz, breakcore, electronic body music",
    "house": "edm, electronic dance music, electronic, electronic music, electronica, disco, nightcore, jersey club, big room, uk garage, ukg, garage, 2-step, 2 step, speed garage, bassline house, hi-nrg",
    "deep_house": "amapiano, chill house, balearic, ibiza, beach club",
    "psytrance": "vocal trance, acid trance, hard trance",
    "drum_and_bass": "breakbeat, breakbeats, big beat, breaks, footwork, juke",
    "dubstep": "midtempo bass",
    "trap": "future bass, phonk, drift phonk, crunk, hyphy, horrorcore, soundcloud rap, emo rap, mumble rap",
    "boom_bap": "g-funk, g funk, west coast rap, gangsta rap, freestyle rap, beatbox, rap battle",
    "lofi": "trip hop, trip-hop, triphop, downtempo, chillstep",
    "synthwave": "vaporwave, darkwave, dark wave, coldwave, space disco, future funk",
    "synth_pop": "hyperpop, k-pop, kpop, k pop, j-pop, jpop, c-pop, mandopop, cantopop, bubblegum, eurobeat, schlager, corporate, corporate music, vocaloid, electro, bollywood, q-pop",
    "pop_ballad": "christmas, christmas song, carol, christmas carol, musical theatre, musical theater, disney, worship, ccm, christian, opm, kundiman, power pop ballad",
    "rock": "indie, grunge, surf, shoegaze, britpop, jam band, krautrock, rockabilly, anime opening, anime, new rave, glam",
    "punk": "screamo, psychobilly",
    "metal": "grindcore, sludge",
    "jazz": "ragtime, dixieland, stride, boogie-woogie swing, cabaret, broadway, show tune, showtune, film noir, noir, vaudeville, jazz fusion, nu jazz, jump jive, swing era",
    "bossa_nova": "samba, easy listening, exotica, elevator music, muzak, lounge music, choro, pagode",
    "funk": "city pop, nu-funk",
    "soul": "gospel, gospel music, doo wop, doo-wop, new jack swing, hymn, spiritual",
    "blues": "juke joint",
    "reggae": "ska, mento, nyabinghi",
    "country": "zydeco, cajun, western, cowboy, norteno, tejano, honky tonk music, red dirt, marching band, military band",
    "folk": "klezmer, flamenco, fado, balkan, gypsy, polka, hawaiian, corrido, corridos tumbados, ranchera, medieval, tavern, bard, arabic, middle eastern, turkish, persian, greek, slavic, russian folk, andean",
    "salsa": "cumbia, merengue, bachata, calypso, mariachi, bolero, tropical",
    "reggaeton": "dancehall, soca, zouk, kizomba, baile funk, funk carioca, kuduro",
    "afrobeat": "bhangra, world music, world, ethio-jazz, gqom, tribal",
    "celtic": "sea shanties, pirate, viking",
    "chamber": "opera, renaissance, concerto, fugue, tango, string music, madrigal, march, a cappella, a cappella choir, acapella, acapella choir, acappella, choral music",
    "cinematic": "symphonic, orchestral music, bombastic, western score, fantasy, horror, sci-fi, adventure",
    "ambient": "meditation, spa, yoga, asmr, healing, gagaku, gamelan, raga, indian classical, indian, noise, musique concrete, experimental, avant-garde, japanese, chinese, oriental, zen, gregorian chant, gregorian chants, plainchant, chant, throat singing",
    "piano_solo": "lullaby, lullabies, prelude",
    "waltz": "circus, carnival, fairground, chanson, mazurka, merry-go-round, french cafe, parisian",
    "chiptune": "keygen",
}  # fmt: skip
# What such a genre brings along that the nearest style has not: players who join, and a tempo in quarter notes.
KIN_PLAYERS: dict[str, tuple[tuple[str, str], ...]] = {"ska": (("brass", "counter"),)}
KIN_TEMPOS: dict[str, float] = {"ska": 152, "marching band": 116, "military band": 116, "march": 116}
KIN: dict[str, str] = {word: style for style, words in _KINDRED.items() for word in words.split(", ")}
# How the names of new genres end: "hardwave", "breakcore".
ENDINGS: dict[str, str] = {
    "wave": "synthwave", "step": "dubstep", "core": "metal", "hop": "boom_bap", "house": "house", "pop": "synth_pop", "rock": "rock", "metal": "metal",
    "folk": "folk", "jazz": "jazz", "funk": "funk", "punk": "punk", "trap": "trap", "beat": "afrobeat", "billy": "rock", "tronica": "house", "tek": "techno",
    "trance": "psytrance", "blues": "blues", "grass": "country", "gaze": "rock", "tone": "techno", "ton": "reggaeton", "tune": "chiptune",
}  # fmt: skip

# How many notes, how far they stray, how the eighths fall, how loud it all is: 0-1, as the knobs of these names.
DENSITIES: dict[str, float] = {
    "minimal": 0.2, "sparse": 0.15, "sparsely": 0.15, "minimalist": 0.2, "minimalistic": 0.2, "stripped down": 0.2, "stripped-down": 0.2, "stripped back": 0.2,
    "stripped-back": 0.2, "bare": 0.2, "bare bones": 0.15, "spacious": 0.25, "airy": 0.3, "less is more": 0.2, "lots of space": 0.2, "roomy": 0.3,
    "busy": 0.85, "dense": 0.85, "wall of sound": 0.95, "wall-of-sound": 0.95, "lots of notes": 0.9, "cluttered": 0.9,
    "intricately layered": 0.8, "hectic": 0.85, "shredding": 0.85, "notey": 0.9,
}  # fmt: skip
COMPLEXITIES: dict[str, float] = {
    "simple": 0.15, "simplistic": 0.1, "basic": 0.15, "straightforward": 0.2, "uncomplicated": 0.15, "nursery rhyme": 0.05,
    "three chords": 0.1, "three-chord": 0.1, "3 chords": 0.1, "easy to follow": 0.2, "complex": 0.85, "intricate": 0.85, "sophisticated": 0.8,
    "adventurous": 0.85, "virtuosic": 0.9, "virtuoso": 0.9, "technical": 0.85, "complicated": 0.9, "progressive": 0.75, "mathy": 0.9,
    "unpredictable": 0.8, "elaborate": 0.8, "rich harmony": 0.8, "rich harmonies": 0.8, "rich chords": 0.8, "avant-garde": 0.9, "experimental": 0.8,
}  # fmt: skip
ENERGIES: dict[str, float] = {
    "low energy": 0.2, "low-energy": 0.2, "very low energy": 0.05, "understated": 0.3, "medium energy": 0.5, "medium-energy": 0.5, "mid energy": 0.5,
    "high energy": 0.85, "high-energy": 0.85, "very high energy": 1.0, "full throttle": 1.0, "all out": 0.95, "all-out": 0.95, "full energy": 0.95,
    "maximum energy": 1.0, "max energy": 1.0, "over the top": 0.95,
}  # fmt: skip
SWINGS: dict[str, float] = {
    "swung": 0.8, "swinging": 0.8, "swing feel": 0.8, "swing groove": 0.8, "swing rhythm": 0.8, "with swing": 0.8, "with a swing": 0.8, "swingy": 0.7,
    "shuffle": 1.0, "shuffled": 1.0, "shuffling": 1.0, "shuffle feel": 1.0, "triplet feel": 1.0, "triplet swing": 1.0, "swung eighths": 0.85, "swung hats": 0.7,
    "light swing": 0.4, "slight swing": 0.35, "subtle swing": 0.3, "a bit of swing": 0.4, "a little swing": 0.4, "some swing": 0.5, "slightly swung": 0.35,
    "lightly swung": 0.4, "gentle swing": 0.4, "medium swing": 0.8, "heavy swing": 1.0, "hard swing": 1.0, "heavily swung": 1.0, "lots of swing": 1.0,
    "hard swinging": 1.0, "no swing": 0.0, "without swing": 0.0, "zero swing": 0.0, "not swung": 0.0, "straight": 0.0, "straight eighths": 0.0,
    "straight 8ths": 0.0, "straight feel": 0.0, "straight time": 0.0, "straight 16ths": 0.0, "unswung": 0.0, "dilla feel": 0.5, "dilla": 0.5,
}  # fmt: skip

METERS: dict[str, tuple[int, int]] = {
    "waltz": (3, 4), "waltzes": (3, 4), "three-four": (3, 4), "triple meter": (3, 4), "triple time": (3, 4), "six-eight": (6, 8), "jig": (6, 8),
    "compound meter": (6, 8), "odd meter": (7, 8), "odd time": (7, 8), "odd-time": (7, 8), "march": (2, 4), "polka": (2, 4), "cut time": (4, 4),
    "common time": (4, 4), "four-four": (4, 4), "five-four": (5, 4), "seven-eight": (7, 8), "waltz time": (3, 4), "waltz-time": (3, 4),
    "three four": (3, 4), "four four": (4, 4), "six eight": (6, 8), "seven eight": (7, 8), "five four": (5, 4), "two four": (2, 4), "two-four": (2, 4),
    "mazurka": (3, 4), "minuet": (3, 4), "sarabande": (3, 4), "slip jig": (3, 4), "tarantella": (6, 8), "barcarolle": (6, 8), "siciliana": (6, 8),
    "jigs": (6, 8), "polkas": (2, 4), "marching": (2, 4), "in waltz": (3, 4), "3 4 time": (3, 4), "4 4 time": (4, 4), "6 8 time": (6, 8), "7 8 time": (7, 8),
    "5 4 time": (5, 4), "2 4 time": (2, 4), "celtic reel": (4, 4), "irish reel": (4, 4), "scottish reel": (4, 4), "fiddle reel": (4, 4),
    "reels": (4, 4), "hornpipe": (4, 4), "hornpipes": (4, 4), "strathspey": (4, 4), "strathspeys": (4, 4),
}  # fmt: skip
METERS_IN: dict[str, tuple[int, int]] = {
    "2": (2, 4), "two": (2, 4), "3": (3, 4), "three": (3, 4), "4": (4, 4), "four": (4, 4), "5": (5, 4), "five": (5, 4),
    "6": (6, 8), "six": (6, 8), "7": (7, 8), "seven": (7, 8),
}  # fmt: skip
NEAREST_METER: dict[tuple[int, int], tuple[int, int]] = {
    (12, 8): (6, 8), (9, 8): (3, 4), (3, 8): (3, 4), (4, 8): (2, 4), (7, 4): (7, 8), (6, 4): (3, 4), (5, 8): (5, 4), (8, 8): (4, 4),
    (11, 8): (7, 8), (10, 8): (5, 4), (8, 4): (4, 4), (1, 4): (4, 4), (2, 8): (2, 4), (9, 4): (3, 4), (13, 8): (7, 8), (15, 8): (5, 4),
}  # fmt: skip

ONES: dict[str, int] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS: dict[str, int] = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
NUMBERS: dict[str, float] = {
    "half a": 0.5, "half an": 0.5, "a half": 0.5, "one and a half": 1.5, "two and a half": 2.5, "1 and a half": 1.5, "2 and a half": 2.5, "3 and a half": 3.5, "three and a half": 3.5, "a couple of": 2, "a couple": 2, "a few": 3, "four and a half": 4.5, "an": 1, "a": 1, "one": 1, "two": 2, "three": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "sixteen": 16, "thirty-two": 32, "thirty two": 32, "twenty-four": 24, "sixty-four": 64, "twenty": 20, "thirty": 30,
    "forty": 40, "forty-five": 45, "forty five": 45, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip

# Hand percussion that joins the kit where it is named: a beat like those of the styles.
PERCUSSION = {
    "tambourine": "tamb ..o.x.o...o.x.o.",
    "shaker": "shaker x.o.x.o.x.o.x.o.",
    "maracas": "shaker x.o.x.o.x.o.x.o.",
    "congas": "conga ......xx......x. | congalow x...........x... | mute ...x...o..x.....",
    "bongos": "bongo x.o...x.x.o...x. | bongolow ....x.......x..x",
    "cowbell": "cow x...x...x...x...",
    "claves": "clave x..x..x...x.x...",
    "timbales": "timbale x..x..x.....x.x. | timbalelow ..........x.....",
    "agogo": "agogo x.x...x.x....... | agogolow ....x.x....x.x..",
    "cabasa": "cabasa x.o.x.o.x.o.x.o.",
    "guiro": "guirolong x.......x....... | guiro ....x.x.....x.x.",
    "woodblock": "block x..x..x...x..... | blocklow ............x.x.",
    "triangle": "triangle x.o.x.o.x.o.x.o.",
    "bodhran": "bodhran x.......x....... | tip ..o.o.o...o.o.oo",
    "djembe": "djembe x..o..x.x..o.ox.",
    "surdo": "surdo ....x.......x...",
    "finger snaps": "snap ....x.......x...",
}
_ALSO = {
    "tambourines": "tambourine", "shakers": "shaker", "conga": "congas", "bongo": "bongos", "cowbells": "cowbell", "clave": "claves",
    "timbale": "timbales", "agogo bells": "agogo", "wood block": "woodblock", "woodblocks": "woodblock", "wood blocks": "woodblock",
    "triangles": "triangle", "djembes": "djembe", "surdos": "surdo", "snaps": "finger snaps", "fingersnaps": "finger snaps",
}  # fmt: skip
PERCUSSION |= {word: PERCUSSION[same] for word, same in _ALSO.items()}
_HATS, _CYMBALS = ("hat", "open", "pedal"), ("crash", "ride", "bell", "hat", "open", "pedal")
LANES: dict[str, tuple[str, ...]] = {
    "kick": ("kick",), "kicks": ("kick",), "kick drum": ("kick",), "kick drums": ("kick",), "snare": ("snare", "rim"), "snares": ("snare", "rim"),
    "bass drum": ("kick",), "bass drums": ("kick",), "snare drum": ("snare", "rim"), "hats": _HATS, "hi-hats": _HATS, "hi hats": _HATS, "hihats": _HATS, "hi-hat": _HATS, "hi hat": _HATS, "hihat": _HATS,
    "clap": ("clap",), "claps": ("clap",), "hand claps": ("clap",), "handclaps": ("clap",), "cymbals": _CYMBALS, "cymbal": _CYMBALS, "crash": ("crash", "crash2"),
    "crashes": ("crash", "crash2"), "crash cymbals": ("crash", "crash2"), "ride": ("ride", "bell"), "ride cymbal": ("ride", "bell"), "toms": ("tom1", "tom2", "tom3"),
    "fills": ("fill",), "drum fills": ("fill",), "risers": ("riser",), "riser": ("riser",), "rimshots": ("rim",), "rimshot": ("rim",),
}  # fmt: skip
LANES |= {word: tuple(lane.split()[0] for lane in row.split(" | ")) for word, row in PERCUSSION.items()}

ROLE_WORDS: dict[str, str] = {
    "lead": "lead", "leads": "lead", "melody": "lead", "melodies": "lead", "solo": "lead", "solos": "lead", "theme": "lead", "hook": "lead",
    "chords": "chords", "comping": "chords", "riff": "chords", "riffs": "chords", "arpeggio": "arp", "arpeggios": "arp", "arp": "arp",
    "arps": "arp", "ostinato": "arp", "countermelody": "counter", "pads": "pad", "pad": "pad",
}  # fmt: skip

# Groups that play alone: instrument and role of each member.
ENSEMBLES: dict[str, tuple[tuple[str, str], ...]] = {
    "string quartet": (("violin", "lead"), ("viola", "counter"), ("strings", "chords"), ("cello", "bass")),
    "string trio": (("violin", "lead"), ("viola", "counter"), ("cello", "bass")),
    "piano trio": (("piano", "chords"), ("double bass", "bass"), ("brushes", "drums")),
    "jazz trio": (("piano", "chords"), ("double bass", "bass"), ("brushes", "drums")),
    "guitar trio": (("jazz guitar", "chords"), ("double bass", "bass"), ("brushes", "drums")),
    "organ trio": (("organ", "chords"), ("jazz guitar", "lead"), ("brushes", "drums")),
    "jazz quartet": (("piano", "chords"), ("saxophone", "lead"), ("double bass", "bass"), ("brushes", "drums")),
    "jazz quintet": (("piano", "chords"), ("saxophone", "lead"), ("trumpet", "counter"), ("double bass", "bass"), ("brushes", "drums")),
    "rock trio": (("distorted guitar", "chords"), ("bass guitar", "bass"), ("rock drums", "drums")),
    "string quintet": (("violin", "lead"), ("viola", "counter"), ("strings", "chords"), ("cello", "bass")),
    "piano quartet": (("piano", "chords"), ("violin", "lead"), ("viola", "counter"), ("cello", "bass")),
    "piano quintet": (("piano", "chords"), ("violin", "lead"), ("viola", "counter"), ("strings", "pad"), ("cello", "bass")),
    "brass quintet": (("trumpet", "lead"), ("french horn", "counter"), ("brass", "chords"), ("trombone", "bass")),
    "wind quintet": (("flute", "lead"), ("oboe", "counter"), ("clarinet", "chords"), ("french horn", "pad"), ("bassoon", "bass")),
    "woodwind quintet": (("flute", "lead"), ("oboe", "counter"), ("clarinet", "chords"), ("french horn", "pad"), ("bassoon", "bass")),
    "saxophone quartet": (("soprano sax", "lead"), ("alto sax", "counter"), ("tenor sax", "chords"), ("baritone sax", "bass")),
    "bluegrass band": (("banjo", "arp"), ("fiddle", "lead"), ("mandolin", "counter"), ("acoustic guitar", "chords"), ("upright bass", "bass")),
    "marching band": (("trumpet", "lead"), ("brass", "chords"), ("french horn", "counter"), ("tuba", "bass"), ("drums", "drums")),
    "military band": (("trumpet", "lead"), ("brass", "chords"), ("french horn", "counter"), ("tuba", "bass"), ("drums", "drums")),
    "a cappella": (("choir", "pad"), ("oohs", "lead")),
    "acapella": (("choir", "pad"), ("oohs", "lead")),
    "acappella": (("choir", "pad"), ("oohs", "lead")),
    "choral music": (("choir", "pad"), ("oohs", "lead")),
    "gregorian chant": (("gregorian choir", "lead"), ("oohs", "pad")),
    "gregorian chants": (("gregorian choir", "lead"), ("oohs", "pad")),
    "plainchant": (("gregorian choir", "lead"), ("oohs", "pad")),
    "power trio": (("distorted guitar", "chords"), ("bass guitar", "bass"), ("rock drums", "drums")),
}  # fmt: skip
