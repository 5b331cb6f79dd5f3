"""What the planner is asked, word for word as it was taught (ACE-Step 1.5, acestep/llm_inference.py).

    system     # Instruction / the task
    user       # Caption / what was asked for / # Lyric / what is sung
    assistant  <think> / metadata as YAML / </think>, and after it the codes of the song

Every question comes twice: as it is, and without what the song is asked to be. The second is what guidance leads away
from: while it thinks, without the caption; while it plans the sound, without the thoughts. A negative prompt takes the
caption's place there. The turns are put together by the tokenizer's own chat template.
"""

import re
from typing import Any

from engines.acestep.planner.metas import Metas

INSTRUCTION = "Generate audio semantic tokens based on the given conditions:"
NOTHING = "NO USER INPUT"  # the negative prompt that says nothing
_MARKS = re.compile(r"<(?=\||/?think>)")


def about_thoughts(tokenizer: Any, caption: str, lyrics: str, negative: str = NOTHING) -> tuple[str, str]:
    """The text after which the planner thinks, and the one without the caption."""
    without = _asked(negative, lyrics) if _meant(negative) else f"# Lyric\n{_plain(lyrics)}\n"
    return _chat(tokenizer, _asked(caption, lyrics)), _chat(tokenizer, without)


def about_sound(tokenizer: Any, caption: str, lyrics: str, metas: Metas, negative: str = NOTHING) -> tuple[str, str]:
    """The text after which the planner writes codes, and the one without its thoughts."""
    without = _asked(negative if _meant(negative) else caption, lyrics)
    return (
        _chat(tokenizer, _asked(caption, lyrics), metas.thinking()),
        _chat(tokenizer, without, "<think>\n</think>"),
    )


def _meant(negative: str) -> bool:
    return negative.strip() not in ("", NOTHING)


def _asked(caption: str, lyrics: str) -> str:
    return f"# Caption\n{_plain(caption)}\n\n# Lyric\n{_plain(lyrics)}\n"


def _plain(text: str) -> str:
    """Words that cannot be mistaken for the marks between turns."""
    return _MARKS.sub("< ", text)


def _chat(tokenizer: Any, user: str, thoughts: str = "") -> str:
    turns = [
        {"role": "system", "content": f"# Instruction\n{INSTRUCTION}\n\n"},
        {"role": "user", "content": user},
        *([{"role": "assistant", "content": thoughts}] if thoughts else []),
    ]
    text = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=not thoughts))
    return text if text.endswith("\n") else f"{text}\n"
