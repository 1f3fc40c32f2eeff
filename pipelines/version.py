"""The version of the studio and its pipelines: in every recipe, in /health, and read by pyproject.toml."""

VERSION = "0.1.0"
