"""Data inside pinned wheels: only the pinned bytes are opened."""

import pytest

from pipelines.training.packages import Wheel, open_wheel


def test_a_wheel_of_other_bytes_is_not_opened(tmp_path, monkeypatch):
    wheel = Wheel("some-package", "1.0", "0" * 64, "MIT", "https://example.org")
    (tmp_path / "some-package-1.0.whl").write_bytes(b"not the pinned one")
    asked = []
    monkeypatch.setattr("pipelines.training.packages._download", lambda *_: asked.append(1) or tmp_path / "x")
    (tmp_path / "x").write_bytes(b"nor is this")
    with pytest.raises(Exception, match="SHA-256"):
        open_wheel(wheel, tmp_path)
    assert asked == [1]
