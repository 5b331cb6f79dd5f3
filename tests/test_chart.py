"""Chord symbols, charts and section plans are read as musicians type them, and refused with one sentence."""

# ruff: noqa: E501 - rows of data read better whole

import pytest

from composer.form import LETTERS
from composer.plan import STYLES
from song.chart import Chart, read_chart, read_symbol
from song.errors import BadRequest
from song.request import Generate, read
from song.sections import canonical, read_form

SYMBOLS = {
    "C": "0 4 7", "Cm": "0 3 7", "C-": "0 3 7", "Cmin": "0 3 7", "Cdim": "0 3 6", "C°": "0 3 6", "Co7": "0 3 6 9", "C+": "0 4 8",
    "Csus2": "0 2 7", "Csus": "0 5 7", "C6": "0 4 7 9", "Cm6": "0 3 7 9", "C69": "0 4 7 9 14", "C6/9": "0 4 7 9 14", "C7": "0 4 7 10",
    "Cmaj7": "0 4 7 11", "CM7": "0 4 7 11", "CΔ": "0 4 7 11", "CΔ9": "0 4 7 11 14", "C^7": "0 4 7 11", "Cma7": "0 4 7 11",
    "Cm7": "0 3 7 10", "C-7": "0 3 7 10", "Cmi7": "0 3 7 10", "Cm7b5": "0 3 6 10", "Cø": "0 3 6 10", "Cmin7(b5)": "0 3 6 10",
    "C9": "0 4 7 10 14", "C11": "0 7 10 14 17", "C13": "0 4 7 10 14 21", "Cm9": "0 3 7 10 14", "Cm11": "0 3 7 10 14 17",
    "Cadd9": "0 4 7 14", "Cmadd9": "0 3 7 14", "Cm(add9)": "0 3 7 14", "C7alt": "0 4 10 15 20", "C7b9": "0 4 7 10 13",
    "C7(b9,#11)": "0 4 7 10 13 18", "C7b13": "0 4 7 10 20", "C7#5": "0 4 8 10", "C7+": "0 4 8 10", "C7sus4": "0 5 7 10",
    "C13sus4": "0 5 7 10 14 21", "C5": "0 7", "Cm(maj7)": "0 3 7 11", "C-Δ7": "0 3 7 11", "CmM7": "0 3 7 11", "CM": "0 4 7",
    "Cmaj7#11": "0 4 7 11 18", "C(no3)": "0 7", "C7b5": "0 4 6 10", "C-5": "0 4 6", "N.C.": "", "NC": "",
}  # fmt: skip


@pytest.mark.parametrize("typed", SYMBOLS)
def test_a_symbol_is_read_as_its_intervals(typed: str) -> None:
    assert " ".join(map(str, read_symbol(typed).intervals)) == SYMBOLS[typed]


@pytest.mark.parametrize(
    ("typed", "root", "bass", "kept"),
    [("Dm7/G", 2, 7, "Dm7/G"), ("f#m", 6, 6, "F#m"), ("bb", 10, 10, "Bb"), ("E♭maj7/B♭", 3, 10, "E♭maj7/B♭"), ("B", 11, 11, "B")],
)  # fmt: skip
def test_roots_and_basses(typed: str, root: int, bass: int, kept: str) -> None:
    chord = read_symbol(typed)
    assert (chord.root, chord.bass, chord.text) == (root, bass, kept)


@pytest.mark.parametrize("typed", ["H7", "foo", "Cfoo", "C7/H", "", "C/", "Cmm", "7", "C7b", "Cadd"])
def test_what_is_no_chord_is_named(typed: str) -> None:
    with pytest.raises(ValueError, match=f'^"{typed}" is not a chord; write it like'):
        read_symbol(typed)


CHARTS = {
    "| Dm7 | G7 Cmaj7 | % |": "| Dm7 | G7 Cmaj7 | % |",
    "Am F C G": "| Am | F | C | G |",
    "Am-F-C-G": "| Am | F | C | G |",
    "C-7 - F7, Bbmaj7": "| C-7 | F7 | Bbmaj7 |",
    "|: Am | F :|": "| Am | F | Am | F |",
    "||: C7 | F7 :|| x3": "| C7 | F7 | C7 | F7 |\n| C7 | F7 |",
    "(Am F) x2": "| Am | F | Am | F |",
    "| C / / G7 | / / / / |": "| C / / G7 | G7 |",
    "| Am | Am |\n| N.C. |": "| Am | % | N.C. |",
    "[Verse 1] Am F\n[chorus x2] | C G |": "[verse 1]\n| Am | F |\n[chorus]\n| C G | % |",
    "Verse: Am F Pre-Chorus: Dm Chorus: C": "[verse]\n| Am | F |\n[pre-chorus]\n| Dm |\n[chorus]\n| C |",
    "A: Am Dm\nB: C G": "[a]\n| Am | Dm |\n[b]\n| C | G |",
}


@pytest.mark.parametrize("typed", CHARTS)
def test_a_chart_is_read_and_written(typed: str) -> None:
    chart = read_chart(typed)
    assert str(chart) == CHARTS[typed]
    assert str(read_chart(str(chart))) == str(chart)


@pytest.mark.parametrize(
    ("bar", "meter", "places"),
    [
        ("| C G |", (4, 4), [(0, 2), (2, 2)]),
        ("| C F G |", (4, 4), [(0, 2), (2, 1), (3, 1)]),
        ("| C G |", (3, 4), [(0, 2), (2, 1)]),
        ("| C G |", (6, 8), [(0, 1.5), (1.5, 1.5)]),
        ("| C G |", (7, 8), [(0, 2), (2, 1.5)]),
        ("| C / / G |", (4, 4), [(0, 3), (3, 1)]),
        ("| C F G F C |", (4, 4), [(0, 0.8), (0.8, 0.8), (1.6, 0.8), (2.4, 0.8), (3.2, 0.8)]),
    ],
)
def test_chords_share_a_bar_by_its_beats(bar: str, meter: tuple[int, int], places: list[tuple[float, float]]) -> None:
    placed = read_chart(bar).bars[0].placed(meter)
    assert [(pytest.approx(start), pytest.approx(length)) for start, length, _ in placed] == places


@pytest.mark.parametrize(
    ("knob", "typed", "sentence"),
    [
        ("chords", "| Am | X7 |", '"X7" is not a chord'),
        ("chords", "| % |", "begin with a chord"),
        ("chords", "[verse]", "has no chords"),
        ("chords", "| C |" + " x64" * 9, "is too long"),
        ("form", "verse 8, chrous", 'did you mean chorus'),
        ("form", "verse 8, foo", "use names like intro"),
        ("form", "verse 900", "1 to 400 bars"),
        ("form", "((((" * 50, "section"),
        ("form", "64x verse, 64x verse, 64x verse, 64x verse", "use at most 100"),
    ],
)  # fmt: skip
def test_a_chart_or_form_that_cannot_be_read_is_refused(knob: str, typed: str, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence) as error:
        read({"prompt": "jazz", knob: typed})
    assert error.value.field == knob


def test_charts_and_forms_are_kept_as_typed() -> None:
    request = Generate(prompt="jazz", chords=" |Dm7|G7 ", form="AABA")
    assert (request.chords, request.form) == ("|Dm7|G7", "AABA")
    assert isinstance(read_chart(request.chords), Chart)


FORMS = {
    "intro 4, verse 8, chorus 8, verse, chorus, bridge, outro": "intro4 verse8 chorus8 verse chorus bridge outro",
    "Intro > Verse 1 > Chorus > Verse 2 > Chorus x2 > Outro": "intro verse chorus verse chorus chorus outro",
    "8 bar intro; verse (16 bars); 2x hook; end": "intro8 verse16 chorus chorus outro",
    "AABA": "A A B A",
    "2x (verse 8, chorus 8) - outro": "verse8 chorus8 verse8 chorus8 outro",
    "[intro]\n[verse 1]\n[pre-chorus 4]\n[guitar solo]": "intro verse prechorus4 solo",
    "intro 1, verse 1, chorus 8, verse 2, outro 1": "intro1 verse chorus8 verse outro1",
    "verse-chorus-verse": "verse chorus verse",
    "verse 8 chorus 16 middle 8": "verse8 chorus16 bridge",
    "climax 4, coda 2 bars, outro x2, C": "climax4 outro2 outro outro bridge",
    "intro: 1, verse: 8": "intro1 verse8",
    "buildup 8, drop 16 @0.9, then breakdown": "build8 drop16@0.9 breakdown",
}


@pytest.mark.parametrize("typed", FORMS)
def test_a_form_is_read(typed: str) -> None:
    found = [f"{one.name}{one.bars or ''}{f'@{one.energy}' if one.energy else ''}" for one in read_form(typed)]
    assert " ".join(found) == FORMS[typed]


def test_every_section_that_a_style_plans_can_be_asked_for() -> None:
    planned = {item.split(":")[0] for style in STYLES.values() for row in style.forms for item in row.split()[1:]}
    for name in planned:
        (section,) = read_form(f"{name}: 3")
        assert section.bars == 3 and LETTERS[section.name] == LETTERS[name], name


@pytest.mark.parametrize(
    ("typed", "name"),
    [("Verse 2", "verse"), ("HOOK", "chorus"), ("Pre-Chorus", "prechorus"), ("Final Chorus", "chorus"), ("Foo", "foo")],
)
def test_sections_have_one_name(typed: str, name: str) -> None:
    assert canonical(typed) == name
