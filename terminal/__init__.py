"""What the commands of cli.py have in common, and those that fill a file of their own.

common  options, stopping, the studio without its page, words on stdout
flags   knobs as flags
models  studio models: what others publish
comparing  studio compare: what differs between two songs
pack    studio gamepack: a theme for games
stems   studio separate: a song in separate parts
loras   studio loras: what others trained on top
"""
