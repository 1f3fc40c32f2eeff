"""How the starter image model is made: its stages, its recipe, its words. Knows no trainer and no run of the studio."""
