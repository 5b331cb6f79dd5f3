"""Psytrance: a kick, three basses and no mercy; acid lines over a phrygian drone."""

# ruff: noqa: E501 - rows of data read better whole

from composer.style import Groove, Lead, Mix, Part, Style

STYLE = Style(
    name="Psytrance",
    aliases=(
        "psy trance",
        "psy-trance",
        "psy",
        "goa",
        "goa trance",
        "full on",
        "trance",
        "uplifting trance",
        "progressive trance",
        "hitech",
        "darkpsy",
    ),
    bpm=(138, 146),
    hints=("acid", "hypnotic", "psychedelic", "rave", "alien", "festival", "shamanic", "tribal", "trippy"),
    palette={
        "drums": Part("Trance kit", 25, "techno", -18.0, width=0.25, reverb=0.04),
        "bass": Part("Rolling bass", 38, "bass_synth", -20.0, width=0.0, reverb=0.0, duck=0.3, low=28, high=46),
        "chords": Part(
            "Gated saws", 81, "supersaw", -24.0, width=0.9, reverb=0.3, delay=0.15, duck=0.6, low=52, high=81
        ),
        "pad": Part("Dark pad", 95, "pad_dark", -27.0, width=0.9, reverb=0.45, duck=0.7, low=45, high=76),
        "lead": Part(
            "Saw lead", 81, "lead_saw", -23.0, pan=0.05, width=0.4, reverb=0.25, delay=0.35, duck=0.2, low=60, high=88
        ),
        "arp": Part(
            "Acid line", 87, "acid", -23.5, pan=-0.15, width=0.4, reverb=0.2, delay=0.3, duck=0.2, low=48, high=79
        ),
        "counter": Part(
            "Glass bells", 88, "pad_glass", -27.0, pan=0.25, width=0.7, reverb=0.5, delay=0.3, low=60, high=88
        ),
    },
    swaps={
        "lead": (
            Part("Square lead", 80, "lead_square", -23.5, pan=0.05, reverb=0.25, delay=0.35, duck=0.2, low=60, high=86),
        ),
        "bass": (Part("Acid bass", 38, "bass_acid", -20.5, width=0.0, reverb=0.0, duck=0.3, low=28, high=46),),
    },
    guests={"counter": 0.35, "chords": 0.6},
    mix=Mix(
        reverb_seconds=1.6, duck_seconds=0.16, width=1.3, tone=(2.0, 0.0, -1.0, 0.0, 0.5, 0.0), drive=0.3, glue=2.5
    ),
    groove=Groove(accent=(1.0, 0.86, 0.95, 0.88) * 4, loose=1.5, touch=4),
    modes={"phrygian": 3, "minor": 2, "dorian": 0.5},
    progressions={
        "phrygian": (
            "AB i i bII i",
            "A i i i bII",
            "B i bvii bII i",
            "AB i bII bIII bII",
            "B bVI bvii i i",
            "bridge bVI bVI bII bII",
            "A i i bvii i",
        ),
        "minor": (
            "AB i i bVI bVII",
            "A i i i bVII",
            "B bVI bVII i i",
            "AB i bVI iv v",
            "B iv bVI i bVII",
            "bridge bVI bVI iv V",
        ),
        "dorian": (
            "AB i i IV i",
            "A i i bVII IV",
            "B i bIII IV i",
            "AB i bVII i IV",
            "B bIII IV i i",
            "bridge IV IV bVII bVII",
        ),
    },
    cadences=("bII", "bVII", "V"),
    spice={"secondary": 0.03, "borrow": 0.06, "turnaround": 0.15, "tritone": 0.8},
    chord_bars=(1, 2, 2),
    voicings={"chords": "triad", "pad": "spread", "arp": "close"},
    beats={
        "low": (
            "kick x...x...x...x...",
            "kick x...x...x...x... | hat ..o...o...o...o.",
            "kick x...x...x...x... | shaker oxoooxoooxoooxoo",
            "hat ..x...x...x...x. | kick x...x...x...x...",
            "kick x...x...x...x... | rim ..........o..o..",
            "hat oxoxoxoxoxoxoxox | kick x.......x.......",
        ),
        "mid": (
            "kick x...x...x...x... | open ..x...x...x...x. | hat o.oxo.oxo.oxo.ox",
            "kick x...x...x...x... | clap ....x.......x... | open ..x...x...x...x.",
            "kick x...x...x...x... | open ..x...x...x...x. | shaker xoxoxoxoxoxoxoxo",
            "kick x...x...x...x... | clap ....x.......x... | hat oxxxoxxxoxxxoxxx",
            "kick x...x...x...x... | open ..x...x...x...x. | conga ..o..x....o..xo.",
            "kick x...x...x...x... | snare ....x.......x..o | hat ..x...x...x...xo",
        ),
        "high": (
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | hat xoxoxoxoxoxoxoxo",
            "kick x...x...x...x... | snare ....X.......X..o | open ..x...x...x...x. | hat oxoxoxoxoxoxoxxx",
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | ride x...x...x...x... | rim ...o..o...o..o..",
            "kick x...x...x...x... | clap ....X..o....X... | open ..x...x...x...x. | shaker xxoxxxoxxxoxxxox",
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | tamb ..x...x...x...x. | conga x..x..x..x..x.x.",
            "kick x...x...x...x... | snare ....X.......X... | clap ....x.......x..? | open ..x...x...x...x. | hat xooxxooxxooxxoxx",
        ),
    },
    fills=(
        "kick x...x...x...x.xx",
        "kick x...x...x....... | snare ........x.x.xxxx",
        "kick x...x........... | snare ........o.o.x2x2 | hat ..x...x.........",
        "kick x...x...x...x... | tom1 ..........x..x.. | tom3 ............x.xx",
        "kick x...x...x...2.2. | clap ............x.x.",
        "kick x...x...x....... | snare ............2222",
    ),
    bass={
        "low": (".RRR.RRR.RRR.RRR", "..R...R...R...R.", "R---------------", ".r.R.r.R.r.R.r.R"),
        "mid": (".RRR.RRR.RRR.RRR", ".RrR.RrR.RrR.RrR", ".RRR.RRR.RRR.RR8", ".R.R.R.R.R.R.R.R"),
        "high": (".RRR.RRR.RRR.RRR", ".RRR.RRR.RRR.R8R", ".RR8.RRR.RR8.RRR", ".RRR.RR8.RRR.RRa"),
    },
    comps={
        "low": ("x---------------", "........x-------", "x-----------....", "x-------x-------"),
        "mid": ("..x...x...x...x.", "x.x.x.x.x.x.x.x.", "..xx..xx..xx..xx", "x..x..x.x..x..x."),
        "high": ("..xx..xx..xx..xx", "x.xxx.xxx.xxx.xx", "X..x..X..x..X.x.", ".xxx.xxx.xxx.xxx"),
    },
    pads=("x---------------",),
    arps=(
        "0010201300102013",
        "0.00.1.00.02.1.3",
        "0120.0120.012.3.",
        "00.300.200.100.2",
        "0.3.2.0.1.0.2.1.",
        "0102030201020304",
        "..01..02..03..01",
    ),
    lead=Lead(
        cells=("x-x-", "x.xx", "xxx.", "..xx", "x---", "....", "x..x..x.", "x.x.xxx.", "xx.xx.x.", "x--x--x-"),
        center=74,
        reach=9,
        density=0.62,
        ornament=0.04,
        counter="guide",
        gate=0.75,
    ),
    forms=(
        "3 intro:2:.45 A:3:.78 break:1:.35 build:1:.6 drop:3:.95 A:2:.82 break:1:.4 build:1:.62 drop:3:1 outro:1:.5",
        "2 intro:1:.45 A:2:.75 B:2:.88 break:2:.35 build:1:.62 drop:3:1 outro:1:.5",
        "1 A:2:.75 drop:2:.92 break:1:.35 build:1:.6 drop:3:1 outro:1:.5",
    ),
    longest=16,
    layers={
        "drums": 0.42,
        "bass": 0.44,
        "chords": 0.8,
        "pad": 0.0,
        "lead": 0.86,
        "arp": 0.6,
        "counter": 0.9,
        "texture": 0.0,
    },
    silent={
        "intro": ("lead", "chords"),
        "break": ("drums", "bass"),
        "build": ("bass",),
        "outro": ("lead", "chords", "counter"),
    },
    bed=("pad", "arp", "chords", "bass"),
    transitions={"crash": 0.7, "riser": 0.85, "impact": 0.7, "reverse": 0.6, "drop": 0.6, "stop": 0.6},
    build="snare",
    ring=2.6,
)
