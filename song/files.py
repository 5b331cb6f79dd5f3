"""The kinds of file that a take can be had as; not every take has every one."""

SESSIONS = ("ardour", "dawproject", "reaper")  # the song taken apart, for a DAW
KINDS = ("wav", "flac", "mp3", "midi", "lrc", "stems", *SESSIONS, "recipe")
