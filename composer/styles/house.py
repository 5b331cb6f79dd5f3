"""House: four on the floor, a bass between the kicks, stabs that answer them."""

# ruff: noqa: E501 - rows of data read better whole

from composer.style import Groove, Lead, Mix, Part, Style

STYLE = Style(
    name="House",
    aliases=(
        "tech house",
        "progressive house",
        "future house",
        "piano house",
        "bass house",
        "tropical house",
        "acid house",
        "french house",
        "afro house",
        "lofi house",
        "lo-fi house",
        "chicago house",
        "dance",
        "dance music",
        "club",
        "club music",
        "nu disco",
        "nu-disco",
    ),
    bpm=(119, 127),
    hints=(
        "club",
        "dancefloor",
        "dance floor",
        "energetic",
        "party",
        "ibiza",
        "groovy",
        "summer",
        "nightclub",
        "beach",
        "sunset",
    ),
    palette={
        "drums": Part("House kit", 25, "house", -18.0, width=0.3, reverb=0.06),
        "bass": Part("Synth bass", 38, "bass_synth", -20.5, width=0.0, reverb=0.0, duck=0.45, low=29, high=53),
        "chords": Part("Chord stab", 90, "stab", -22.0, width=0.7, reverb=0.25, delay=0.15, duck=0.5, low=50, high=79),
        "pad": Part("Warm pad", 89, "pad_warm", -27.0, width=0.9, reverb=0.35, duck=0.7, low=48, high=79),
        "lead": Part(
            "Pluck", 84, "pluck", -23.5, pan=0.08, width=0.5, reverb=0.25, delay=0.3, duck=0.25, low=60, high=88
        ),
        "arp": Part(
            "Arpeggio", 84, "pluck", -27.0, pan=-0.2, width=0.6, reverb=0.3, delay=0.3, duck=0.4, low=60, high=91
        ),
        "counter": Part(
            "Soft synth", 80, "lead_soft", -27.0, pan=-0.15, reverb=0.35, delay=0.25, duck=0.3, low=55, high=84
        ),
    },
    swaps={
        "chords": (
            Part("House piano", 0, "piano", -21.5, width=0.6, reverb=0.2, duck=0.35, sampled=True, low=50, high=81),
            Part("Organ", 16, "organ", -22.5, width=0.5, reverb=0.15, duck=0.4, low=50, high=79),
            Part("Rhodes", 4, "electric_piano", -21.5, width=0.6, reverb=0.25, duck=0.4, low=48, high=79),
        ),
        "lead": (
            Part("Square lead", 80, "lead_square", -23.5, pan=0.08, reverb=0.25, delay=0.3, duck=0.25, low=60, high=86),
            Part("Marimba", 12, "marimba", -22.0, pan=0.1, reverb=0.25, delay=0.2, duck=0.2, low=57, high=86),
        ),
    },
    guests={"arp": 0.55, "counter": 0.3},
    mix=Mix(
        reverb_seconds=1.5, duck_seconds=0.26, width=1.25, tone=(2.0, 0.5, -0.5, -0.5, 0.0, -0.5), drive=0.25, glue=2.5
    ),
    groove=Groove(
        swing=0.545,
        late={"clap": 4, "shaker": 5, "chords": 3},
        accent=(1.0, 0.74, 0.94, 0.78) * 4,
        loose=4,
        touch=5,
    ),
    modes={"minor": 3, "dorian": 2, "major": 0.6},
    progressions={
        "minor": (
            "AB i9 bVImaj7 bIIImaj7 bVII",
            "AB i7 v7 bVImaj7 iv7",
            "B bVImaj9 bVII i9 i9",
            "A i9 i9 iv9 iv9",
            "AB iv9 v7 i9 bIIImaj7",
            "bridge bVImaj9 bVImaj9 bVII bVII9sus4",
            "A i9 bIIImaj7 iv9 v7",
            "bridge iv9 i9 bVImaj7 V7#9",
        ),
        "dorian": (
            "AB i9 IV9 i9 IV9",
            "A i9 i9 bVII6 IV9",
            "B bIIImaj9 IV9 i9 v7",
            "AB i7 ii7 bIIImaj7 IV7",
            "B bVIImaj7 IV9 i9 i9",
            "bridge v7 IV9 bIIImaj7 bVIImaj7",
        ),
        "major": (
            "AB IVmaj9 V vi9 Imaj9",
            "A Imaj9 iii7 vi9 IVmaj7",
            "B vi9 IVmaj9 I V",
            "AB ii9 IVmaj7 vi7 V9sus4",
            "B IVmaj7 iii7 vi9 V",
            "bridge ii9 iii7 IVmaj9 V9sus4",
        ),
    },
    cadences=("bVII", "bVImaj7", "V7#9", "IVmaj7", "v7"),
    final={False: "Imaj9", True: "i9"},
    spice={"secondary": 0.06, "borrow": 0.08, "tritone": 0.2, "turnaround": 0.2, "passing": 0.05},
    voicings={"chords": "rootless", "pad": "spread", "arp": "close"},
    beats={
        "low": (
            "kick x...x...x...x... | hat ..x...x...x...x.",
            "kick x...x...x...x... | shaker xoxoxoxoxoxoxoxo",
            "kick x...x...x...x... | hat ..x...x...x..ox. | rim ...........o....",
            "hat ..x...x...x...x. | shaker o.x.o.x.o.x.o.xo | clap ............x...",
            "kick x...x...x...x... | conga ..o..o....o..x.. | hat ..x...x...x...x.",
            "kick x...x...x...x..o | shaker x.oxx.oxx.oxx.ox",
        ),
        "mid": (
            "kick x...x...x...x... | clap ....x.......x... | open ..x...x...x...x. | hat o.o.o.o.o.o.o.oo",
            "kick x...x...x...x... | clap ....x.......x... | hat xoxoxoxoxoxoxoxo | rim ...o..o....o....",
            "kick x...x...x...x... | snare ....x.......x..? | open ..x...x...x...x. | shaker xoxoxoxoxoxoxoxo",
            "kick x...x...x...x... | clap ....x.......x... | hat ..x...x...x...xo | conga ...x..x...ox....",
            "kick x...x...x...x..? | clap ....x.......x... | open ..x...x...x...x. | tamb ....x.......x...",
            "kick x...x...x...x... | clap ....x..?....x... | hat o.xoo.xoo.xoo.xo | cow ......o......o..",
        ),
        "high": (
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | hat xoxoxoxoxoxoxoxo | conga ...o..x....o..x.",
            "kick x...x...x...x... | clap ....X.......X..o | open ..x...x...x...x. | shaker xoxxxoxxxoxxxoxx | rim ...x..x...x..x..",
            "kick x...x...x...x..o | clap ....X.......X... | snare ....x..o....x.o. | open ..x...x...x...x. | hat x.o.x.o.x.o.x.oo",
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | tamb x.x.x.x.x.x.x.x. | cow ..o..o....o..o..",
            "kick x...x...x...x... | clap ....X..?....X..? | open ..x...x...x...xo | hat oxoxoxoxoxoxoxox | conga x..o..x...x.o...",
            "kick x...x...x..xx... | clap ....X.......X... | open ..x...x...x...x. | ride x...x...x...x... | shaker xoxoxoxoxoxoxoxo",
        ),
    },
    fills=(
        "kick x...x...x...x... | clap ....x.......x.xx",
        "clap ....x.......xoxX | kick x...x...x.......",
        "snare ............xxXX | kick x...x...x.......",
        "snare ........x.x.x2x2 | hat ..x...x...x...x.",
        "tom1 ........x..x.... | tom2 .............x.. | tom3 ..............xx | kick x...x...x.......",
        "kick x...x...x...x... | conga x.xx.xx.x.xxx.xx",
    ),
    bass={
        "low": ("..R-..R-..R-..R-", "R-----..R-----..", "..R---....R---..", "R---------------"),
        "mid": ("..R-..R-..R-..R.", "R..R..R.r.R..R8.", "..R.r.R...R.r.8.", "R.....R.R..R..5."),
        "high": ("..R-..R8..R-..R8", "R..R.rR.R..R.r8.", "r.R.r.8.r.R.r.5a", "R.R8..R.R.R8..aa", "..RR..R...RR.8R."),
    },
    comps={
        "low": ("x---------------", "x-----------....", "......x-........", "..x-......x-...."),
        "mid": ("x..x..x..x..x...", "..x-..x-..x-..x-", "x--x--x-........", "..x..x....x..x..", "x-.x-..x..x-...."),
        "high": ("x..x..x.x..x..x.", "..X-..x-..X-..xx", "x--x--x---x--x..", "x.x..x..x.x..xa-", "..xx..x...xx..x."),
    },
    arps=("0-1-2-3-2-1-0-1-", "0..2..1.3..2..1.", "012301230123012.", "0-.0-.2-.2-.3-1-", "3.2.1.0.3.2.1.0."),
    strum=3,
    lead=Lead(
        cells=("x-x-", "x..x", "..x-", "x---", "x-xx", "....", "x..x..x-", "..x..x..", "x.x..x.x", "x--x--x-"),
        center=74,
        reach=8,
        density=0.5,
        ornament=0.06,
        counter="answer",
        gate=0.85,
    ),
    forms=(
        "3 intro:1:.4 A:2:.62 build:1:.6 drop:2:.92 break:1:.35 build:1:.6 drop:2:.96 outro:1:.45",
        "2 intro:1:.4 A:2:.65 B:2:.85 break:1:.35 build:1:.6 drop:3:.95 outro:1:.45",
        "1 groove:2:.6 drop:2:.88 break:1:.4 build:1:.62 drop:2:.95 outro:1:.5",
    ),
    longest=16,
    layers={
        "drums": 0.38,
        "bass": 0.5,
        "chords": 0.45,
        "pad": 0.0,
        "lead": 0.7,
        "arp": 0.66,
        "counter": 0.8,
        "texture": 0.0,
    },
    silent={"intro": ("lead",), "break": ("drums", "bass"), "build": ("bass", "lead"), "outro": ("lead", "counter")},
    bed=("pad", "chords", "arp", "bass"),
    transitions={"crash": 0.8, "riser": 0.75, "impact": 0.6, "reverse": 0.5, "drop": 0.5, "stop": 0.5},
    build="clap",
    ring=2.4,
)
