"""Looks into a model's files before any library does: what they are, whole or not, harmless or not."""
