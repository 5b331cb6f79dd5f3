"""A finished song taken apart by Demucs: what no engine kept in separate parts comes as stems all the same.

model   which checkpoint, its loading, a song in and stems out
"""

from separation.model import Separator, available, chosen, lack, licence, separator

__all__ = ["Separator", "available", "chosen", "lack", "licence", "separator"]
