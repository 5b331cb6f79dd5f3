"""How lyrics are written, by the embedded writer or a chat model, and how words fit a song.

brief    what a brief speaks of: themes, and what it names
stock    lines of the writer's own, theme by theme, and its table of rhymes
writer   a brief -> sections, line by line
rewrite  one line or one section written anew
writers  who writes: the embedded writer, or a chat model that is here
chat     a chat model in memory; prompt: what it is asked; answer: what it said, read as lyrics
syllables  of any language, by the letters
fit      words and a song -> which lines have room; fixes: what to do where they have none
"""
