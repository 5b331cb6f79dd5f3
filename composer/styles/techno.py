"""Techno: a machine with a pulse. One chord, many small changes."""

# ruff: noqa: E501 - rows of data read better whole

from composer.style import Groove, Lead, Mix, Part, Style

STYLE = Style(
    name="Techno",
    aliases=(
        "detroit techno",
        "minimal techno",
        "acid techno",
        "melodic techno",
        "hard techno",
        "dub techno",
        "peak time techno",
        "minimal",
    ),
    bpm=(124, 136),
    hints=("warehouse", "berlin", "underground", "machine", "hypnotic", "robotic", "factory", "bunker", "strobe"),
    palette={
        "drums": Part("Techno kit", 25, "techno", -17.5, width=0.25, reverb=0.08),
        "bass": Part("Sub bass", 38, "bass_sub", -20.5, width=0.0, reverb=0.0, duck=0.6, low=26, high=46),
        "chords": Part("Dub stab", 90, "stab", -23.0, width=0.8, reverb=0.45, delay=0.45, duck=0.4, low=50, high=77),
        "pad": Part("Dark pad", 95, "pad_dark", -26.5, width=0.9, reverb=0.5, duck=0.65, low=43, high=72),
        "lead": Part(
            "Synth lead", 81, "lead_saw", -25.0, pan=0.1, width=0.4, reverb=0.35, delay=0.35, duck=0.2, low=57, high=81
        ),
        "arp": Part(
            "Sequence", 84, "pluck", -23.0, pan=-0.12, width=0.5, reverb=0.25, delay=0.3, duck=0.35, low=45, high=79
        ),
        "counter": Part("Glass pad", 88, "pad_glass", -28.0, pan=0.2, width=0.8, reverb=0.5, duck=0.3, low=60, high=86),
    },
    swaps={
        "arp": (
            Part(
                "Acid line", 87, "acid", -23.5, pan=-0.1, width=0.4, reverb=0.2, delay=0.25, duck=0.3, low=43, high=74
            ),
        ),
        "bass": (Part("Synth bass", 38, "bass_synth", -20.5, width=0.0, reverb=0.0, duck=0.55, low=28, high=48),),
    },
    guests={"lead": 0.45, "counter": 0.3},
    mix=Mix(
        reverb_seconds=2.2, duck_seconds=0.2, width=1.2, tone=(2.5, 0.5, -1.0, -0.5, 0.0, -0.5), drive=0.4, glue=3.0
    ),
    groove=Groove(swing=0.52, accent=(1.0, 0.82, 0.94, 0.86) * 4, loose=2, touch=5),
    modes={"minor": 3, "phrygian": 2, "dorian": 1},
    progressions={
        "minor": (
            "AB i7 i7 i7 i7",
            "A i7 i7 bVImaj7 bVImaj7",
            "B i7 bVII i7 bVImaj7",
            "AB i9 i9 iv7 iv7",
            "B bVImaj7 v7 i7 i7",
            "bridge bVImaj7 bVImaj7 iv7 iv7",
        ),
        "phrygian": (
            "AB i i bII i",
            "A i i i bII",
            "B i bII bvii i",
            "AB i7 i7 bIImaj7 bIImaj7",
            "B bVImaj7 bvii7 i i",
            "bridge bIImaj7 bIImaj7 i i",
        ),
        "dorian": (
            "AB i9 i9 IV9 IV9",
            "A i7 i7 i7 IV7",
            "B i9 bVIImaj7 IV9 i9",
            "AB i7 ii7 i7 IV7",
            "B bIIImaj7 IV7 i9 i9",
            "bridge IV9 IV9 bVIImaj7 bVIImaj7",
        ),
    },
    cadences=("bVImaj7", "bII", "v7"),
    final={False: "I", True: "i7"},
    spice={"borrow": 0.06, "turnaround": 0.08, "tritone": 0.7},
    chord_bars=(2, 2, 4),
    voicings={"chords": "close", "pad": "spread", "arp": "close"},
    beats={
        "low": (
            "kick x...x...x...x...",
            "kick x...x...x...x... | hat ..o...o...o...o.",
            "kick x...x...x...x... | shaker ooxoooxoooxoooxo",
            "hat ..x...x...x...x. | rim ...o......o.....",
            "kick x...x...x...x... | rim .......o......o.",
            "kick x...x...x...x..o | hat oooooooooooooooo",
        ),
        "mid": (
            "kick x...x...x...x... | open ..x...x...x...x. | rim ...x..x....x..o.",
            "kick x...x...x...x... | clap ....x.......x... | hat oxoxoxoxoxoxoxox",
            "kick x...x...x...x... | open ..x...x...x...x. | clap ............x...",
            "kick x...x...x...x... | hat xoxoxoxoxoxoxoxo | tom3 ..o..o....o..o..",
            "kick x...x...x...x... | ride ..x...x...x...x. | shaker xoxoxoxoxoxoxoxo",
            "kick x...x...x..xx... | open ..x...x...x...x. | cow ......o..o......",
        ),
        "high": (
            "kick x...x...x...x... | clap ....X.......X... | open ..x...x...x...x. | hat xoxoxoxoxoxoxoxo | rim ...x..x...x..x..",
            "kick x...x...x...x..o | clap ....X.......X... | ride x.x.x.x.x.x.x.x. | open ..x...x...x...x.",
            "kick x...x...x...x... | clap ....X..o....X..o | open ..x...x...x...x. | shaker xxoxxxoxxxoxxxox | tom3 ......o..o......",
            "kick x...x...x...x... | snare ....X.......X.o. | open ..x...x...x...x. | hat oxxxoxxxoxxxoxxx",
            "kick x...x...x.x.x... | clap ....X.......X... | open ..x...x...x...x. | cow ..o..o..o..o..o.",
            "kick x...x...x...x... | clap ....X.......X... | ride ..x...x...x...x. | hat xxxxxxxxxxxxxxxx | conga ...x..x....x..x.",
        ),
    },
    fills=(
        "kick x...x........... | hat ..x...x.oxoxoxox",
        "kick x...x...x...x.x. | clap ............x.xx",
        "kick x...x...x....... | tom1 ..........x.x... | tom3 ............x.xx",
        "kick x...x...x....... | snare ............x2x2",
        "rim ........x..x..xx | kick x...x...x.......",
    ),
    bass={
        "low": ("R---------------", "..R---....R---..", "..R-..R-..R-..R-", "R-------r-------"),
        "mid": ("..RR..RR..RR..RR", "..R-..R-..R-..R-", ".rR..rR..rR..rR.", "..R..R..R..R..8."),
        "high": (".RRR.RRR.RRR.RR8", "..RR.rR...RR.r8.", ".rR8.rR..rR8.rR.", "..R-..RR..R-..8R"),
    },
    comps={
        "low": ("x-..............", "......x-........", "x---------------", "..........x-...."),
        "mid": ("...x......x.....", "x-.........x-...", "..x...x-........", "......x..x......"),
        "high": ("...x..x...x..x..", "x..x.......x..x.", "..x..x....x..xx.", "x..x..x-....x..."),
    },
    arps=(
        "0010201000102010",
        "0.20.10.0.20.30.",
        "0..0..2..1..0.1.",
        "00.000.100.000.2",
        "0-.2-.0-.1-.3-1-",
        "0.1.0.2.0.1.0.3.",
    ),
    lead=Lead(
        cells=("....", "x-x-", "x..x", "x---", "..x-", "x.xx", "x-----x-", "..x..x..", "x--x--x-"),
        center=69,
        reach=7,
        density=0.38,
        counter="guide",
        gate=0.8,
    ),
    forms=(
        "3 intro:2:.45 A:3:.7 B:2:.85 break:1:.35 build:1:.6 drop:3:.97 outro:1:.5",
        "2 intro:1:.45 groove:3:.68 break:1:.38 build:1:.6 drop:2:.92 A:2:.8 drop:2:.97 outro:1:.5",
        "1 A:2:.66 B:2:.85 break:1:.35 drop:3:.97 outro:1:.5",
    ),
    longest=16,
    layers={
        "drums": 0.4,
        "bass": 0.5,
        "chords": 0.6,
        "pad": 0.0,
        "lead": 0.8,
        "arp": 0.4,
        "counter": 0.85,
        "texture": 0.0,
    },
    silent={
        "intro": ("lead", "chords"),
        "break": ("drums", "bass"),
        "build": ("bass", "lead"),
        "outro": ("lead", "counter"),
    },
    bed=("pad", "arp", "chords", "bass"),
    transitions={"crash": 0.5, "riser": 0.6, "impact": 0.5, "reverse": 0.6, "drop": 0.6, "stop": 0.4},
    build="snare",
    ring=2.6,
)
