"""Pipelines that say what something is: of which class, or where among all others."""
