"""The kinds of file that a take can be had as; not every take has every one."""

SESSIONS = ("ardour", "dawproject", "reaper")  # the song taken apart, for a DAW
LOOPS = {"loop": 1, "loop4": 4}  # the liveliest bars, and how often they are played
SOUNDS = ("wav", "flac", "mp3", "opus")  # the whole song; what can be asked of each is in song/master.py
TIMED = ("lrc", "srt", "vtt")  # the words of a song with their times
KINDS = (*SOUNDS, "midi", *TIMED, "stems", *SESSIONS, *LOOPS, "gamepack", "picture", "recipe")
