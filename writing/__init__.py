"""How the embedded writer writes, and how words fit a song.

brief    what a brief speaks of: themes, and what it names
stock    lines of the writer's own, theme by theme, and its table of rhymes
writer   a brief -> sections, line by line
rewrite  one line or one section written anew
fit      words and a song -> which lines have room
"""
