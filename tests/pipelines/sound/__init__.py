"""Tests of pipelines/sound."""
