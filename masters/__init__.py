"""Masters: a kept take as the file that somebody else wants, at another rate, depth, loudness or packed.

The kept WAV goes in and stays as it is. What is done, in this order: silence cut off, fades, loudness, rate, gain so
that true peak keeps below what is promised, depth, tags and cover. So a fade begins where the sound does, and the
loudness that was asked for is the faded song's. A lossy file is decoded and measured before it is given away.
"""

from masters.convert import convert, portray

__all__ = ["convert", "portray"]
