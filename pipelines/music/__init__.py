"""Pieces of music: the score as words, what makes it well formed, melodies, MIDI, and the instruments that play it."""
