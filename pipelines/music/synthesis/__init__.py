"""A small synthesiser: what the instruments sound like, and a piece played on one of them. Needs no model and no torch."""
