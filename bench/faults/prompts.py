"""What ACE-Step's planner is asked for codes, against upstream's form written out by hand, text and tokens.

The form is that of upstream after its fixes #1127 and #1128 (acestep/llm_inference.py): the assistant's turn stays open
behind the think block, and the unguided row is a user who says nothing, or the negative prompt alone, with an empty
think block. The cases are all of captions x lyrics x tempos x keys x meters x lengths x languages x negative prompts.
"""

import sys
from itertools import product
from pathlib import Path

from bench.faults import ROOT, Row, main

sys.path[:0] = [str(ROOT / "tests")]  # for the tiny planner's tokenizer

RIGHT = "both rows of the codes prompt are upstream's, text and tokens, in all 3,456 cases"
CASES = 3456

# What was asked for, and the caption that was thought of, also as it stands in the think block: none, one that needs
# quotes, one that is folded.
CAPTIONS = (
    ("calm piano", None, ""),
    ("Dub: deep bass", "Dub: deep bass", "caption: 'Dub: deep bass'\n"),
    (
        "静かな piano, 82 bpm",
        "A calm piano piece with soft strings and a distant voice, slow and warm, that never hurries anywhere.",
        "caption: A calm piano piece with soft strings and a distant voice, slow and warm,\n"
        "  that never hurries anywhere.\n",
    ),
)
LYRICS = ("[Instrumental]", "[Verse]\nhello\n\n[Chorus]\nagain", "[verse]\nüber den Hügeln: 夜\n")
TEMPOS = ((None, ""), (97, "bpm: 97\n"), (300, "bpm: 300\n"))
KEYS = (
    (None, ""),
    ("C major", "keyscale: C major\n"),
    ("F# minor", "keyscale: F# minor\n"),
    ("A♭ minor", "keyscale: A♭ minor\n"),
)
METERS = ((None, ""), (6, "timesignature: 6\n"))
LENGTHS = ((10, "duration: 10\n"), (600, "duration: 600\n"))
LANGUAGES = (
    (None, ""),
    ("en", "language: en\n"),
    ("no", "language: 'no'\n"),
    ("unknown", "language: unknown\n"),
)
NEGATIVES = (("NO USER INPUT", "NO USER INPUT"), ("muddy, off key", "muddy, off key"))

TURN = """<|im_start|>system
# Instruction
Generate audio semantic tokens based on the given conditions:

<|im_end|>
<|im_start|>user
{user}<|im_end|>
<|im_start|>assistant
<think>
{thoughts}
</think>

"""


def measure(home: Path, quick: bool) -> Row:
    """Compare every case; `quick` changes nothing, as all take seconds."""
    import tiny_planner
    from engines.acestep.planner import Metas
    from engines.acestep.planner.prompt import about_sound

    tokenizer = tiny_planner.tokenizer()
    equal, first = 0, ""
    song = product(CAPTIONS, LYRICS, TEMPOS, KEYS, METERS, LENGTHS)
    for case, (language, tongue), (negative, said) in product(song, LANGUAGES, NEGATIVES):
        (asked, caption, line), lyrics, (bpm, tempo), (key, scale), (beats, meter), (length, lasting) = case
        ours = about_sound(tokenizer, asked, lyrics, Metas(bpm, caption, length, key, language, beats), negative)
        theirs = (
            TURN.format(
                user=f"# Caption\n{asked}\n\n# Lyric\n{lyrics}\n",
                thoughts=f"{tempo}{line}{lasting}{scale}{tongue}{meter}".removesuffix("\n"),
            ),
            TURN.format(user=said, thoughts=""),
        )
        same = ours == theirs and all(
            tokenizer.encode(one, add_special_tokens=False) == tokenizer.encode(other, add_special_tokens=False)
            for one, other in zip(ours, theirs, strict=True)
        )
        equal += same
        first = first or ("" if same else f"the first that differs: {ours!r}, upstream {theirs!r}")
    return Row({"prompts_equal": equal}, () if equal == CASES else (f"{equal} of {CASES} prompts are equal; {first}",))


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
