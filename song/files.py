"""The kinds of file that a take can be had as; not every take has every one."""

SESSIONS = ("ardour", "dawproject", "reaper")  # the song taken apart, for a DAW
LOOPS = {"loop": 1, "loop4": 4}  # the liveliest bars, and how often they are played
KINDS = ("wav", "flac", "mp3", "midi", "lrc", "stems", *SESSIONS, *LOOPS, "recipe")
