"""What the embedded writer of lyrics is measured by: `make bench NAME=lyrics ARGS=200`.

lyrics_s  seconds of CPU time that a song's words take, the first one with its lines read; the slowest counts
rhymes    share of the declared rhyme pairs that rhyme by the dictionary
meter     share of the lines with as many syllables as their section's meter, one more or one less, by the dictionary
repeats   lines that come twice in a song, the chorus left out
wanting   sung words that the dictionary does not have; what it does not have is counted by rule and rhymes by none

The dictionary is CMU's, in the copy that pocketsphinx brings. It has no stresses, so a rhyme is judged from the last
vowel on: all ends of the writer's lines are stressed on it. Before r it writes one vowel now ih, now iy ("near",
"here"); they count as one.
"""

import re
import statistics
import sys
import time
from collections import Counter
from functools import cache
from itertools import combinations, product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pocketsphinx  # noqa: E402  (found by the line above, wherever this is started from)

import lyrics  # noqa: E402
from composer.stanzas import syllables as by_rule  # noqa: E402
from composer.voice.phones import VOWELS as SUNG  # noqa: E402
from composer.voice.text import plain  # noqa: E402
from song.writing import WriteLyrics, read_brief  # noqa: E402
from writing.writer import KINDS, Writer, rhyming  # noqa: E402

VOWELS = frozenset(name.upper() for name in SUNG)
TOPICS = """
a lighthouse keeper who misses the sea|my father's old truck|dancing all night in the city|heartbreak in December
my grandmother's kitchen|my boss|robots in love|the morning after a storm
summer at the beach|Berlin at night|love|the end of the war
a lullaby for my daughter|coffee and rain|losing my dog|the champions of the world
a wild horse in the valley|the moon|a Friday night party|the midnight train
leaving home|a garden in spring|our wedding day|an astronaut who is homesick
a mountain road
"""
MANNERS = """
{}|a sad song about {}|angry punk about {}
a hopeful gospel song about {}|a tender ballad about {}|dreamy pop about {}
"""
SCHEMES = ("AABB", "ABAB", "ABBA", "ABCB")


def briefs(count: int) -> list[str]:
    """Briefs of all kinds, always the same."""
    topics, manners = (re.split(r"[|\n]", text.strip()) for text in (TOPICS, MANNERS))
    single = [manner.format(topic) for manner, topic in product(manners, topics)]
    return [*single, *(f"{topic} and {other}" for topic, other in combinations(topics, 2))][:count]


@cache
def dictionary() -> dict[str, list[list[str]]]:
    """Words -> the ways to say them, in phones."""
    found: dict[str, list[list[str]]] = {}
    for row in (Path(pocketsphinx.__file__).parent / "model/en-us/cmudict-en-us.dict").read_text().splitlines():
        word, *phones = row.split()
        found.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phones)
    return found


def counts(line: str) -> set[int]:
    """How many syllables a line may have."""
    ways = [{sum(p in VOWELS for p in one) for one in dictionary().get(w, [])} or {by_rule(w)} for w in plain(line)]
    return {sum(way) for way in product(*ways)}


def tails(line: str) -> set[tuple[str, ...]]:
    """The ways to say the end of a line, from its last vowel on."""
    found = set()
    for said in dictionary().get(plain(line)[-1], []):
        last = max(place for place, phone in enumerate(said) if phone in VOWELS)
        tail = tuple(said[last:])
        found.add(("IY", *tail[1:]) if tail[:2] == ("IH", "R") else tail)
    return found


def figures(request: WriteLyrics, tally: Counter[str]) -> float:
    """Count one song; the seconds it took."""
    started = time.process_time()
    written = lyrics.write(request)
    took = time.process_time() - started
    meters = Writer(request, written.seed).meters
    once: list[str] = []
    seen = set()
    for section in written.lyrics.sections:
        texts = [line.text for line in section.lines]
        if section.name in seen and section.name == "chorus":
            continue
        seen.add(section.name)
        once += texts
        for text in texts:
            tally["lines"] += 1
            tally["in meter"] += any(abs(count - meters[KINDS[section.name]]) <= 1 for count in counts(text))
            tally["wanting"] += sum(word not in dictionary() for word in plain(text))
        for places in rhyming(request.rhyme, len(texts)):
            for one, other in combinations(places, 2):
                tally["pairs"] += 1
                tally["rhymed"] += bool(tails(texts[one]) & tails(texts[other]))
                if not tails(texts[one]) & tails(texts[other]):
                    print(f"no rhyme: {texts[one]} / {texts[other]}")
    tally["repeats"] += len(once) - len(set(once))
    return took


def main(arguments: list[str]) -> None:
    count = int(arguments[0]) if arguments else 200
    tally: Counter[str] = Counter()
    asked = [
        read_brief({"brief": brief, "seed": number, "rhyme": SCHEMES[number % 4]})
        for number, brief in enumerate(briefs(count))
    ]
    seconds = [figures(request, tally) for request in asked]
    print(f"lyrics_s  first {seconds[0]:.3f}  median {statistics.median(seconds):.3f}  slowest {max(seconds):.3f}")
    print(f"rhymes    {tally['rhymed'] / tally['pairs']:.4f}  of {tally['pairs']} pairs in {len(asked)} songs")
    print(f"meter     {tally['in meter'] / tally['lines']:.4f}  of {tally['lines']} lines")
    print(f"repeats   {tally['repeats']}")
    print(f"wanting   {tally['wanting']}")


if __name__ == "__main__":
    main(sys.argv[1:])
