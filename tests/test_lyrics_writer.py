"""The embedded writer: words that rhyme, keep their meter, come back where they should and nowhere else."""

import random
import re
from itertools import combinations

import pytest

from composer.voice.phones import VOWELS
from composer.voice.text import plain
from lyrics import growing, write
from song.errors import BadRequest
from song.lyrics import Lyrics
from song.writing import read_brief
from tabs.handover import credited
from writing import stock
from writing.rewrite import rewritten
from writing.writer import KINDS, rhyming, vowel

BRIEFS = (
    "a song about a lighthouse keeper who misses the sea", "heartbreak in December", "my grandmother's kitchen",
    "an angry punk song about my boss", "robots in love", "Berlin at night", "love", "xyzzy", "coffee and rain",
    "24 hours", "hopeful gospel about the morning after a storm", "Friday night party",
    "we are the champions of the world",
)  # fmt: skip
SCRAPS = ("the", "my old", "rain", "A B", "x", "running", "war", "[verse", "{a}", "@", "Ünal", "99", "'s", "of", "née")


def asked(**said):
    return read_brief({"brief": "the sea at night", "seed": 5} | said)


def end(line):
    return plain(line)[-1]


@pytest.mark.parametrize("scheme", ["AABB", "ABAB", "ABBA", "ABCB", "AAAA"])
@pytest.mark.parametrize("lines", [2, 4, 7])
def test_what_should_rhyme_rhymes_and_is_not_the_same_word(scheme, lines):
    for number, brief in enumerate(BRIEFS[::3]):
        for section in write(asked(brief=brief, rhyme=scheme, lines=lines, seed=number)).lyrics.sections:
            for places in rhyming(scheme, len(section.lines)):
                for one, other in combinations((end(section.lines[place].text) for place in places), 2):
                    assert one != other and stock.families()[one] == stock.families()[other]


def test_a_loose_rhyme_shares_its_vowel():
    sections = write(asked(rhyme="loose")).lyrics.sections
    assert all(vowel(end(s.lines[0].text)) == vowel(end(s.lines[1].text)) for s in sections)


def test_families_of_rhymes_end_on_the_same_vowel_by_the_rules_of_letters():
    """The rules know nothing of the table; where English breaks its own rules they may differ on a few words."""
    by_family: dict[int, list[str]] = {}
    for word, family in stock.families().items():
        by_family.setdefault(family, []).append(vowel(word))
    wrong = sum(len(vowels) - max(map(vowels.count, vowels)) for vowels in by_family.values())
    assert wrong <= 0.1 * len(stock.families())
    assert all(one in VOWELS for vowels in by_family.values() for one in vowels)


@pytest.mark.parametrize("brief", BRIEFS)
def test_lines_keep_the_meter_of_their_section(brief):
    counts: dict[str, list[int]] = {}
    for section in write(asked(brief=brief)).lyrics.sections:
        counts.setdefault(KINDS[section.name], []).extend(len(stock.stresses(line.text)) for line in section.lines)
    for found in counts.values():
        assert max(found) - min(found) <= 2  # a syllable more or less than the meter


@pytest.mark.parametrize("brief", BRIEFS)
def test_the_chorus_returns_and_nothing_else_does(brief):
    structure = "verse, chorus, verse, prechorus, chorus, bridge, verse, chorus"
    sections = write(asked(brief=brief, structure=structure)).lyrics.sections
    choruses = [section for section in sections if section.name == "chorus"]
    assert len(choruses) == 3 and choruses[0] == choruses[1] == choruses[2]
    others = [line.text.lower() for section in sections if section.name != "chorus" for line in section.lines]
    chorus = [line.text.lower() for line in choruses[0].lines]
    assert len({*others, *chorus}) == len(others) + len(chorus)


def test_the_brief_is_what_the_song_is_about():
    text = str(write(asked(brief="a song about a lighthouse keeper who misses the sea")).lyrics).lower()
    assert "the lighthouse keeper" in text and "the sea" in text
    assert "kitchen" in str(write(asked(brief="my grandmother's kitchen")).lyrics)
    assert "Berlin" in str(write(asked(brief="Berlin at night")).lyrics)


def test_the_tone_chooses_the_words():
    told = {str(write(asked(brief="we two", tone=tone)).lyrics) for tone in ("hopeful", "sad", "defiant", "dreamy")}
    assert len(told) == 4


def test_same_seed_same_words_and_other_seed_other_words():
    assert write(asked()) == write(asked())
    assert write(asked()).lyrics != write(asked(seed=6)).lyrics
    free = write(asked(seed=None))
    assert write(asked(seed=free.seed)) == free


def test_words_say_who_wrote_them_as_long_as_they_are_theirs():
    written = write(asked(temperature=1.5))
    assert written.credit == "embedded 1, seed 5: the sea at night"
    assert written.notices == ("The embedded writer does not use: temperature.",) and write(asked()).notices == ()
    words, credit = str(written.lyrics), {"by": written.credit, "words": str(written.lyrics)}
    assert credited(words.replace("\n\n", "\n\n\n"), credit) == written.credit
    assert credited(words + "\nOne more", credit) == f"{written.credit}; edited"
    assert credited("[verse]\nMy own", credit) == credited(words, None) == ""


def test_a_song_grows_section_by_section():
    grown = [len(written.lyrics.sections) for written in growing(asked())]
    assert grown == list(range(1, 7))


def test_sections_that_nobody_sings_keep_their_tag():
    lyrics = write(asked(structure="intro, verse, solo, chorus, outro")).lyrics
    assert [section.name for section in lyrics.sections] == ["intro", "verse", "solo", "chorus", "outro"]
    assert [bool(section.lines) for section in lyrics.sections] == [False, True, False, True, False]
    assert Lyrics.parse(str(lyrics)) == lyrics


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"brief": ""}, "brief: is empty"),
        ({"brief": "!!!"}, "brief: is empty"),
        ({"brief": "sea " * 250_000}, "brief: is too long"),
        ({"brief": "Ich liebe dich und das ist nicht leicht für mich"}, "German; the studio's own writer knows"),
        ({"language": "de"}, "studio models get qwen3-4b-instruct-2507"),
        ({"structure": "verse, chrous"}, "did you mean chorus"),
        ({"structure": "verse, " * 101}, "sections"),
        ({"structure": "verse, " * 50, "lines": 12}, "asks for 600 different lines"),
        ({"structure": "intro, solo, outro"}, "nobody sings"),
        ({"rhyme": "ABCD"}, "rhyme: must be one of"),
        ({"lines": 500}, "lines: must be a whole number from 2 to 12"),
        ({"seed": -1}, "seed: must be a whole number"),
        ({"mood": "sad"}, "mood: no such setting"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said_in_one_sentence(said, sentence):
    with pytest.raises(BadRequest) as refused:
        write(asked(**said))
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("seed", range(12))
def test_any_brief_is_written(seed):
    """Scraps of anything: words come out, with no sign of the templates they are made of."""
    dice = random.Random(seed)
    scraps = dice.choices(SCRAPS, k=6)
    text = str(write(asked(brief="so " + " ".join(scraps), seed=seed)).lyrics)
    assert not re.search(r"[{}|@]|\s,|,,|  ", text)
    assert all(line[:1].isupper() for line in text.splitlines() if line and not line.startswith("["))


def test_long_songs_find_new_lines():
    sections = write(asked(structure="verse, " * 19 + "verse", lines=8)).lyrics.sections
    lines = [line.text for section in sections for line in section.lines]
    assert len(lines) == len(set(lines)) == 160


def test_one_line_is_written_anew_and_keeps_its_rhyme():
    old = write(asked(rhyme="AABB"))
    new = rewritten(old.lyrics, 0, 1, asked(), seed=9)
    assert [part.name for part in new.sections] == [part.name for part in old.lyrics.sections]
    pairs = [
        (one.text, other.text)
        for before, after in zip(old.lyrics.sections, new.sections, strict=True)
        for one, other in zip(before.lines, after.lines, strict=True)
    ]
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(changed) == 1 and changed[0] == pairs[1]
    assert stock.families()[end(changed[0][0])] == stock.families()[end(changed[0][1])]


def test_a_chorus_is_written_anew_wherever_it_returns():
    old = write(asked()).lyrics
    new = rewritten(old, 1, None, asked(), seed=9)
    assert [part.lines == other.lines for part, other in zip(old.sections, new.sections, strict=True)] == [
        part.name != "chorus" for part in old.sections
    ]
    assert len({part.lines for part in new.sections if part.name == "chorus"}) == 1


def test_words_of_your_own_can_be_written_anew():
    old = Lyrics.parse("Zyx wvu tsr\nThe orange\n[chorus]\nHello there my silver friend")
    new = rewritten(old, 0, 1, asked(), seed=1)
    assert new.sections[0].lines[0] == old.sections[0].lines[0] and new.sections[1] == old.sections[1]
    assert new.sections[0].lines[1].text not in str(old)
    for section, line in ((7, None), (-1, None), (0, 2)):
        with pytest.raises(BadRequest):
            rewritten(old, section, line, asked(), seed=1)
