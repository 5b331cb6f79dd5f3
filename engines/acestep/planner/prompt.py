"""What the planner is asked, word for word as it was taught (ACE-Step 1.5, acestep/llm_inference.py, with its fixes
#1127 and #1128).

    system     # Instruction / the task
    user       # Caption / what was asked for / # Lyric / what is sung
    assistant  <think> / metadata as YAML / </think>, and after it the codes of the song

It goes on inside the assistant's turn, which is never closed: first with its thoughts, then, behind the think block and
an empty line, with codes. Codes are asked for twice: as they are, and by a user who says nothing, or only the negative
prompt, with an empty think block. The second is what guidance leads away from; in training some songs were asked for
like that. Thoughts are not guided. The turns are put together by the tokenizer's own chat template.
"""

import re
from typing import Any

from engines.acestep.planner.metas import Metas

INSTRUCTION = "Generate audio semantic tokens based on the given conditions:"
NOTHING = "NO USER INPUT"  # the negative prompt that says nothing
_MARKS = re.compile(r"<(?=\||/?think>)")


def about_thoughts(tokenizer: Any, caption: str, lyrics: str) -> str:
    """The text after which the planner thinks."""
    return _chat(tokenizer, _asked(caption, lyrics))


def about_sound(tokenizer: Any, caption: str, lyrics: str, metas: Metas, negative: str = NOTHING) -> tuple[str, str]:
    """The text after which the planner writes codes, and the one that says nothing of this song."""
    without = NOTHING if negative.strip() in ("", NOTHING) else _plain(negative)
    return (
        f"{_chat(tokenizer, _asked(caption, lyrics))}{metas.thinking()}\n\n",
        f"{_chat(tokenizer, without)}{Metas().thinking()}\n\n",
    )


def _asked(caption: str, lyrics: str) -> str:
    return f"# Caption\n{_plain(caption)}\n\n# Lyric\n{_plain(lyrics)}\n"


def _plain(text: str) -> str:
    """Words that cannot be mistaken for the marks between turns."""
    return _MARKS.sub("< ", text)


def _chat(tokenizer: Any, user: str) -> str:
    """System and user, and the start of the assistant's turn."""
    turns = [
        {"role": "system", "content": f"# Instruction\n{INSTRUCTION}\n\n"},
        {"role": "user", "content": user},
    ]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
