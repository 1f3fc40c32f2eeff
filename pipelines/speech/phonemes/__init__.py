"""Text as the phonemes that Kokoro v1.0 was trained on, one file per language. Each has the same shape:

to_phonemes(text) -> str    of one sentence; characters that it cannot read are left out
"""
