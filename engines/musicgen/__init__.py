"""MusicGen: Meta's transformer over EnCodec codes, with our own decode loop. Weights come from published checkpoints.

door      what the studio asks for, in the studio's words
model     a checkpoint in memory; found: which ones there are; audiocraft: those of another format
windows   songs of any length, sound as it is made
tokens    delay pattern, guidance, chance
step      one position through the decoder
codec     sound <-> codes
chroma    a melody as the melody checkpoints read it
"""

from engines.musicgen.door import MusicGen

__all__ = ["MusicGen"]
