"""How a model comes in: found, fetched, checked, placed, cached. Knows no model family."""
