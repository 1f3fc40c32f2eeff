"""Pictures put into words: names, captions, answers. Each file says what it does."""
