"""In which language lyrics are written, as far as their letters and smallest words tell: enough to know whether a
singer who has English only can sing them."""

# ruff: noqa: E501 - rows of data read better whole

import re
import unicodedata

# The commonest small words of each language, as far as English does not have them too.
_SMALL: dict[str, str] = {
    "English": "the and you is it of that what with for this my me your are was have not on be we all when they in to do so if",
    "German": "und ich nicht das ist du der mit ein dich wir auf sie es zu den für auch mein dein wenn mir noch wie von im",
    "French": "je tu est et les des que pas dans pour une sur mon avec nous vous qui moi elle ton ne mais c'est j'ai du la le",
    "Spanish": "que el de y los por con una para mi tu es como pero más te lo las yo sin cuando quiero amor la se del corazón",
    "Italian": "che di non il per una sono con mi ti come più ma lo gli della nel sei io se tutto questo amore cuore",
    "Portuguese": "que não de eu você uma com para meu um os mais como mas por ele ela minha quando seu tudo do da em amor",
    "Dutch": "het een niet ik van dat je en zijn maar voor met wat ben jij mijn naar ook als de hij nog zo waar",
    "Swedish": "och jag att det som en på är inte du av för med vi har mig den dig till om när vill bara",
    "Polish": "nie się że jest to jak ale mnie już tak ja co gdy dla tylko ty mi moje ze na jestem",
    "Turkish": "bir ve bu ben sen için ne gibi da de çok seni beni her var yok aşk gel kalbim",
    "Indonesian": "yang dan aku kau di ini itu tak untuk dengan ku mu cinta hati tidak akan dari",
}
_BY_WORD = {name: frozenset(words.split()) for name, words in _SMALL.items()}
_SCRIPTS = {
    "CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CYRILLIC": "a Cyrillic script", "ARABIC": "Arabic",
    "HEBREW": "Hebrew", "GREEK": "Greek", "DEVANAGARI": "Hindi", "THAI": "Thai", "BENGALI": "Bengali", "TAMIL": "Tamil", "TELUGU": "Telugu",
}  # fmt: skip


def foreign(text: str) -> str | None:
    """The language of lyrics that are not English, "Spanish"; None where they are, or where little speaks against it.

    Letters of another script decide at once; otherwise the smallest words vote, and English wins in doubt.
    """
    words = re.sub(r"\[[^\]]*\]", " ", text)
    scripts = [unicodedata.name(letter, "?").split()[0] for letter in words if letter.isalpha()]
    strange = [script for script in scripts if script != "LATIN"]
    if len(strange) > 0.3 * max(1, len(scripts)):
        commonest = max(sorted(set(strange)), key=strange.count)
        kana = next((script for script in strange if script in ("HIRAGANA", "KATAKANA")), None)
        return _SCRIPTS.get(kana or commonest, commonest.capitalize())
    small = set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", words.lower()))
    votes = {name: len(known & small) for name, known in _BY_WORD.items()}
    best = max(votes, key=lambda name: votes[name])
    sure = votes[best] >= 3 and votes[best] > 1.5 * votes["English"] and votes[best] >= 0.12 * len(small)
    return best if sure and best != "English" else None
