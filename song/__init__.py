"""The nouns: what a song is asked for, made of and kept as. Knows no engine, no page and no database."""
