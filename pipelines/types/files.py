"""The files that belong to a request, each under a name: its field, or "pictures-2" in a field that holds several."""

from dataclasses import replace
from typing import Any


def files_of(request: Any) -> dict[str, str]:
    """Where each file is, "" where none is given."""
    found: dict[str, str] = {}
    for field in request.FILES:
        value = getattr(request, field)
        found |= {f"{field}-{n}": one for n, one in enumerate(value)} if isinstance(value, tuple) else {field: value}
    return found


def with_files(request: Any, files: dict[str, str]) -> Any:
    """The request with its files elsewhere; those that are not named stay."""
    named = files_of(request) | files
    changed: dict[str, Any] = {}
    for field in request.FILES:
        value = getattr(request, field)
        is_many = isinstance(value, tuple)
        changed[field] = tuple(named[f"{field}-{n}"] for n in range(len(value))) if is_many else named[field]
    return replace(request, **changed)
