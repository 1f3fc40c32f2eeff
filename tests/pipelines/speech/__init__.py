"""Tests of pipelines/speech."""
