"""Tests of pipelines/hearing."""
