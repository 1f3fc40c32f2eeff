"""Tests of data that people bring."""
