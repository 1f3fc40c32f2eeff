"""Which tests share a process when several processes run them (`pytest -n 2 --dist loadgroup`)."""

import pytest


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks when its own turn comes
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share its fixtures; those in a browser share one Chromium and one server, and the cores with the rest."""
    browser = "tests/browser/"
    for item in items:
        path = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(browser if path.startswith(browser) else path))
