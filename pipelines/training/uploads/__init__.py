"""Data that a person brings: read, examined row by row, kept as one canonical form, and handed to trainers like any other."""
