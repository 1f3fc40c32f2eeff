"""Finding: what pictures, words and sounds have in common, as vectors, and which of many are nearest."""
