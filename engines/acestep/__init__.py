"""ACE-Step 1.5: songs with singing, covers, repaint and single tracks, through diffusers' AceStepPipeline.

door      what the studio asks for, in the studio's words
making    the modes: what is asked of the model, and what becomes of its sound
asked     a request in the model's words, and what cannot be said in them
found     which checkpoints there are, and what each can do
native    checkpoints in ACE-Step's own layout, converted once; parts: what they are made of
model     a checkpoint in memory: words and sound in, latents out, sound of latents
adapters  LoRAs on it
snake     latents -> sound, faster than diffusers decodes them
thoughts  what is decided before a song is made, and by whom
planner   a language model that thinks a song over before it is made
"""

from engines.acestep.door import AceStep

__all__ = ["AceStep"]
