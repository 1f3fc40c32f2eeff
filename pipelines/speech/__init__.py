"""Texts as speech: sentences, how they are pronounced, and the sound that comes of it."""
