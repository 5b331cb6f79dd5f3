"""Drill: hats in three over a snare that comes late, an 808 that slides, cold keys above."""

from composer.style import Groove, Lead, Mix, Part, Style

STYLE = Style(
    name="Drill",
    aliases=(
        "drill beat",
        "uk drill",
        "ny drill",
        "new york drill",
        "brooklyn drill",
        "chicago drill",
        "bronx drill",
        "jersey drill",
        "melodic drill",
        "sample drill",
        "drill music",
        "drill type beat",
    ),
    bpm=(138, 146),
    hints=(
        "sliding 808",
        "sliding 808s",
        "808 slides",
        "gliding 808",
        "london",
        "estate",
        "ski mask",
        "cold",
        "gritty",
    ),
    palette={
        "drums": Part("Drill kit", 25, "drill", -18.5, width=0.35, reverb=0.08),
        "bass": Part("Sliding 808", 38, "bass_808", -18.0, width=0.0, reverb=0.0, duck=0.08, low=25, high=52),
        "chords": Part(
            "Dark piano", 0, "piano", -23.0, width=0.5, reverb=0.32, delay=0.08, sampled=True, low=46, high=77
        ),
        "pad": Part("Cold choir", 52, "choir", -27.5, width=0.9, reverb=0.45, duck=0.2, sampled=True, low=48, high=77),
        "lead": Part("Felt piano", 0, "piano_felt", -22.5, pan=0.06, reverb=0.35, delay=0.2, low=58, high=88),
        "arp": Part("Pizzicato strings", 45, "pizzicato", -26.0, pan=-0.25, reverb=0.3, sampled=True, low=55, high=84),
        "counter": Part("Violin", 40, "violin", -26.0, pan=-0.2, reverb=0.38, sampled=True, low=57, high=86),
    },
    swaps={
        "chords": (
            Part("Dark pad keys", 4, "electric_piano", -24.0, width=0.6, reverb=0.32, duck=0.15, low=46, high=76),
            Part("Strings", 48, "strings_tremolo", -25.0, width=0.8, reverb=0.38, sampled=True, low=46, high=77),
            Part("Nylon guitar", 24, "guitar_nylon", -23.0, pan=-0.15, reverb=0.28, sampled=True, low=45, high=76),
        ),
        "lead": (
            Part("Glass bells", 9, "bells", -24.0, pan=0.1, reverb=0.38, delay=0.25, low=62, high=91),
            Part("Synth whistle", 78, "lead_whistle", -24.5, pan=0.08, reverb=0.35, delay=0.2, low=62, high=88),
            Part(
                "Sampled choir", 53, "choir_ooh", -24.0, pan=0.05, width=0.5, reverb=0.42, delay=0.15, low=55, high=79
            ),
            Part("Flute", 73, "flute", -23.5, pan=0.08, reverb=0.36, delay=0.15, sampled=True, low=60, high=88),
        ),
        "pad": (Part("Dark pad", 95, "pad_dark", -27.0, width=0.9, reverb=0.4, duck=0.2, low=43, high=74),),
        "arp": (
            Part("Pluck", 84, "pluck", -26.5, pan=-0.25, reverb=0.3, delay=0.25, low=58, high=89),
            Part("Music box", 10, "music_box", -26.5, pan=-0.3, reverb=0.35, delay=0.2, low=64, high=93),
        ),
        "counter": (Part("Cello", 42, "cello", -25.5, pan=-0.15, reverb=0.35, sampled=True, low=43, high=69),),
    },
    guests={"pad": 0.6, "arp": 0.45, "counter": 0.5, "lead": 0.92},
    mix=Mix(
        reverb_seconds=2.1, duck_seconds=0.12, width=1.45, tone=(3.5, 0.5, -1.0, -0.5, 0.5, 0.0), drive=0.4, glue=2.0
    ),
    groove=Groove(
        swing=0.53,
        late={"snare": 2, "rim": -3, "chords": 5, "lead": 4},
        accent=(1.0, 0.66, 0.78, 0.95, 0.7, 0.8, 0.96, 0.7, 1.0, 0.66, 0.8, 0.94, 0.7, 0.8, 0.94, 0.72),
        loose=4,
        touch=7,
    ),
    modes={"minor": 5, "phrygian": 1.5, "dorian": 0.3},
    signatures=(-6, 4),
    progressions={
        "minor": (
            "AB i bVI i V",
            "A i i bVI V",
            "AB i i iv V",
            "B bVI bVII i i",
            "AB i bVI bIII bVII",
            "A iadd9 bVImaj7 iv7 V7",
            "B iv i bVI V7",
            "B bVI V i i",
            "A i bII i V",
            "A i i/3 iv V7b9",
            "bridge bVI bVI iv iv",
            "bridge iv bVI ii7b5 V7",
        ),
        "phrygian": (
            "AB i bII i bII",
            "A i i bII bVI",
            "B bVI bII i i",
            "AB i bvii bVI bII",
            "A i bII bIII bII",
            "B iv bII i i",
            "bridge bVI bVI bII bII",
        ),
        "dorian": (
            "AB i IV i IV",
            "A i7 i7 bIII IV",
            "B i bVII IV i",
            "A i9 IV9 i9 v7",
            "B bIII IV i i",
            "bridge IV IV v v",
        ),
    },
    cadences=("V7", "V", "bII", "V7b9"),
    final={False: "Iadd9", True: "i"},
    spice={"secondary": 0.06, "borrow": 0.06, "tritone": 0.3, "turnaround": 0.2},
    chord_bars=(1, 1, 2),
    voicings={"chords": "close", "pad": "spread", "arp": "triad"},
    beats={
        "low": (
            "hat x..x..x.x..x..x. | kick x...............",
            "hat x..x..x.x..x..x. | rim ........x.......",
            "snare ........x...................x... | hat x..x..x.x..x..x.x..x..x.x..x..x.",
            "kick x.........................x..... | snare ........o...................o...",
            "hat x..x..x.x..x..3- | snap ........x.......",
            "rim x..x..x.x..x..x. | kick x...............",
        ),
        "mid": (
            "kick x.....x...............x...x..... | snare ........x...................x..."
            " | hat x..x..x.x..x..x.x..x..x.x..x..3-",
            "kick x..x............x.........x..x.. | snare ........x...................x..."
            " | hat x..x..x.x..3-.x.x..x..x.x..x..x.",
            "kick x.........x.....x.....x......... | snare ........x...................x..o"
            " | hat x..x..x.x..x..x.x..x..3---.x..x. | rim ..............o.........o.......",
            "kick x.....x..x......x..x......x..... | snare ........x...................x..."
            " | hat x.xx.xx.x..x..x.x.xx.xx.x..x.3--",
            "kick x.....x....x.... | clap ........x....... | hat x..x..x.x..x..x. | rim ...o......o...o.",
            "kick x............x..x.........x..... | clap ........x...................x..."
            " | hat x..x..3-x..x..x.x..x..x.x..3---. | open ..............................x.",
        ),
        "high": (
            "kick x.....x...x.....x..x......x...x. | snare ........X...................X..."
            " | hat x..x..x.x..x..3-x..x..x.3---..x. | open ..............x.................",
            "kick x..x......x..x..x.....x...x..... | snare ........X.....o.............X..x"
            " | hat x..3--x.x..x..x.x..x..x.x..4-.3- | rim ....o.......o...........o.......",
            "kick x.....x..x...x..x....x....x..x.. | clap ........X...................X..."
            " | snare ........x...................x... | hat xx.x.xx.x..3---.x..x..x.6---..x.",
            "kick x..x..x.......x.x..x..x...x..... | snare ........X...................X.o."
            " | hat x..x..x.x..x..x.x..3---.x..x..6- | open ......x.................x.......",
            "kick x.....x...x..x.. | snare ........X.....o. | hat x..x..3-x..x..3- | rim ...x..x.........",
            "kick x.........x..x..x.....x......x.. | clap ........X...................X..."
            " | hat x..x..x.3---3---x..x..x.x..x..8- | cow ......o.....................o...",
        ),
    },
    fills=(
        "snare ........x..x..xx | hat x..x..x.........",
        "snare ........x...3-3- | kick x...............",
        "clap ........x..x..x. | snare ............6---",
        "hat x..x..x.3---6--- | snare ........x.......",
        "rim ........x.xx.x.x | kick x.....x.........",
        "snare ............x..x | open ..............x. | hat x..x..x.x..x....",
    ),
    bass={
        "low": ("R---------------", "R-----------....", "R-------......s-", "R---------------R-----------..a-"),
        "mid": (
            "K-----------s---",
            "R-----R---------R---------s---..",
            "R--R------------R-----5---R---s-",
            "R-----------s---R-----R-----....",
            "R--------.R--.R-R-----s-------..",
        ),
        "high": (
            "K-----------s---",
            "R-----R---s-----R--R------s---a-",
            "R--R..R-----s---R-----R---5-s---",
            "R-----s-..R--R--R-----R-s-----aa",
            "R--R--s---R-..R-R-----8-..s---5-",
        ),
    },
    comps={
        "low": ("x---------------", "x-----------....", "b-----t-----t---", "x-------x-------"),
        "mid": ("x---------------", "x-----x---------", "b--t--t-b--t--t-", "x--x--x---......", "x-----------x---"),
        "high": ("x-----x-----x---", "b--t--t-b--t--t-", "x--x--x-x--x--x-", "x---------x--xa-", "X-----x---x---a-"),
    },
    pads=("x---------------", "x-------------..", "x-------........"),
    arps=("0--1--2-3--2--1-", "0--2--1-0--2--3-", "3--2--1-0-..1-2-", "0-..2-..1-..3-..", "0--1--0-2--1--3-"),
    strum=5,
    riffs=("1--3--5-4--3--1-", "8--7--5-b--5--3-", "1--1--2-1--0--1-", "5--4--3-1--3--0-", "1-----8-7--5--6-"),
    riff_by={"lead": 0.25, "arp": 0.5, "chords": 0.15},
    riff_in=("intro", "verse", "chorus", "drop", "bridge"),
    lead=Lead(
        cells=(
            "x--x--x-",
            "x---",
            "....",
            "x-x-",
            "x--x----",
            "..x-",
            "x-----x-",
            "x-xx",
            "x--x--x--x--x-x-",
            "x-------",
        ),
        center=76,
        reach=8,
        density=0.38,
        chromatic=0.06,
        ornament=0.08,
        counter="answer line echo",
        gate=0.92,
    ),
    forms=(
        "3 intro:2:.36 drop:2:.9 verse:4:.72 chorus:2:.93 verse:3:.74 chorus:2:.96 outro:1:.36",
        "2 intro:1:.33 verse:3:.7 chorus:2:.92 bridge:1:.38 verse:3:.73 chorus:2:.97 outro:1:.36",
        "1 intro:1:.4 chorus:2:.88 verse:3:.7 chorus:2:.92 break:1:.42 chorus:2:.97",
    ),
    longest=16,
    layers={
        "drums": 0.36,
        "bass": 0.46,
        "chords": 0.0,
        "pad": 0.2,
        "lead": 0.34,
        "arp": 0.78,
        "counter": 0.84,
        "texture": 0.0,
    },
    silent={"bridge": ("drums", "bass"), "intro": ("bass",), "verse": ("counter",), "outro": ("drums", "counter")},
    bed=("chords", "pad", "arp", "lead", "bass"),
    transitions={"crash": 0.45, "riser": 0.35, "impact": 0.5, "reverse": 0.65, "drop": 0.3, "stop": 0.75},
    build="hat",
    ring=2.8,
)
