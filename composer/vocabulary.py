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

# Styles that are not here, and the nearest one that is.
KIN: dict[str, str] = {
    "drum and bass": "techno", "drum & bass": "techno", "drum n bass": "techno", "drum'n'bass": "techno", "dnb": "techno", "jungle": "techno",
    "breakbeat": "techno", "hardstyle": "techno", "hardcore": "techno", "gabber": "techno", "rave": "techno", "industrial": "techno", "ebm": "techno",
    "dubstep": "trap", "future bass": "trap", "phonk": "trap", "drill": "trap", "grime": "trap", "reggaeton": "trap", "dancehall": "trap", "afrobeats": "house",
    "edm": "house", "disco": "house", "funk": "house", "synthwave": "house", "synth-pop": "house", "synthpop": "house", "electropop": "house", "electro": "house",
    "eurodance": "house", "uk garage": "house", "garage": "house", "amapiano": "house", "k-pop": "house", "kpop": "house", "electronica": "house",
    "vaporwave": "lofi", "r&b": "lofi", "rnb": "lofi", "neo soul": "lofi", "neo-soul": "lofi", "trip hop": "lofi", "trip-hop": "lofi", "reggae": "lofi", "dub": "lofi",
    "blues": "jazz", "soul": "jazz", "gospel": "jazz", "latin": "jazz", "salsa": "jazz", "tango": "jazz", "ragtime": "jazz", "samba": "jazz", "mambo": "jazz",
    "pop": "rock", "country": "rock", "folk": "rock", "metal": "rock", "heavy metal": "rock", "punk": "rock", "grunge": "rock", "emo": "rock", "ska": "rock",
    "surf": "rock", "bluegrass": "rock", "singer-songwriter": "rock", "indie": "rock", "metalcore": "rock",
    "speedcore": "techno", "nightcore": "house", "classical": "cinematic", "baroque": "cinematic", "symphonic": "cinematic", "opera": "cinematic", "medieval": "cinematic", "celtic": "cinematic",
    "waltz": "cinematic", "lullaby": "ambient", "meditation": "ambient", "spa": "ambient", "yoga": "ambient", "asmr": "ambient", "chiptune": "house", "8-bit": "house",
}  # fmt: skip

METERS: dict[str, tuple[int, int]] = {
    "waltz": (3, 4), "waltzes": (3, 4), "three-four": (3, 4), "triple meter": (3, 4), "triple time": (3, 4), "six-eight": (6, 8), "jig": (6, 8),
    "compound meter": (6, 8), "odd meter": (7, 8), "odd time": (7, 8), "odd-time": (7, 8), "march": (2, 4), "polka": (2, 4), "cut time": (4, 4),
    "common time": (4, 4), "four-four": (4, 4), "five-four": (5, 4), "seven-eight": (7, 8),
}  # fmt: skip
METERS_IN: dict[str, tuple[int, int]] = {
    "2": (2, 4), "two": (2, 4), "3": (3, 4), "three": (3, 4), "4": (4, 4), "four": (4, 4), "5": (5, 4), "five": (5, 4),
    "6": (6, 8), "six": (6, 8), "7": (7, 8), "seven": (7, 8),
}  # fmt: skip
NEAREST_METER: dict[tuple[int, int], tuple[int, int]] = {
    (12, 8): (6, 8), (9, 8): (3, 4), (3, 8): (3, 4), (4, 8): (2, 4), (7, 4): (7, 8), (6, 4): (3, 4), (5, 8): (5, 4), (8, 8): (4, 4),
    (11, 8): (7, 8), (10, 8): (5, 4), (8, 4): (4, 4), (1, 4): (4, 4), (2, 8): (2, 4), (9, 4): (3, 4), (13, 8): (7, 8), (15, 8): (5, 4),
}  # fmt: skip

NUMBERS: dict[str, float] = {
    "half a": 0.5, "a half": 0.5, "one and a half": 1.5, "two and a half": 2.5, "1 and a half": 1.5, "2 and a half": 2.5, "3 and a half": 3.5, "three and a half": 3.5, "a couple of": 2, "an": 1, "a": 1, "one": 1, "two": 2, "three": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
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
}
PERCUSSION |= {"conga": PERCUSSION["congas"], "bongo": PERCUSSION["bongos"], "shakers": PERCUSSION["shaker"]}
LANES: dict[str, tuple[str, ...]] = {
    "kick": ("kick",), "kicks": ("kick",), "kick drum": ("kick",), "bass drum": ("kick",), "snare": ("snare", "rim"), "snares": ("snare", "rim"),
    "hats": ("hat", "open", "pedal"), "hi-hats": ("hat", "open", "pedal"), "hi hats": ("hat", "open", "pedal"), "hihats": ("hat", "open", "pedal"),
    "hi-hat": ("hat", "open", "pedal"), "clap": ("clap",), "claps": ("clap",), "cymbals": ("crash", "ride", "bell", "hat", "open", "pedal"),
    "crash": ("crash",), "ride": ("ride", "bell"), "toms": ("tom1", "tom2", "tom3"), "fills": ("fill",), "risers": ("riser",), "riser": ("riser",),
    "tambourine": ("tamb",), "shaker": ("shaker",), "maracas": ("shaker",), "congas": ("conga", "congalow", "mute"),
    "bongos": ("bongo", "bongolow"), "cowbell": ("cow",), "claves": ("clave",), "conga": ("conga", "congalow", "mute"),
    "bongo": ("bongo", "bongolow"), "shakers": ("shaker",),
}  # fmt: skip

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
    "power trio": (("distorted guitar", "chords"), ("bass guitar", "bass"), ("rock drums", "drums")),
}  # fmt: skip
