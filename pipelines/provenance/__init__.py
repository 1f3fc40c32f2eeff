"""Where a file came from: its recipe inside it."""
