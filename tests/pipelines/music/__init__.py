"""Tests of pipelines/music."""
