"""Errors that another process wrote down. Knows every error that there is."""

import importlib
import pkgutil

import pipelines.errors
from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError


def error_from_json(data: object) -> StudioError:
    """Rebuild what `StudioError.to_json` gave; whatever is not one becomes an InternalError."""
    fields = data if isinstance(data, dict) else {}
    code = str(fields.get("code", "?"))
    try:
        error = every_error().get(code, InternalError)(**fields.get("details", {}))
        error.say("zh")
    except (LookupError, TypeError, ValueError, ArithmeticError):  # details that do not fill the templates
        return InternalError(where=code[:100])
    return error


def every_error() -> dict[str, type[StudioError]]:
    """All classes by their name."""
    for module in pkgutil.iter_modules(pipelines.errors.__path__):
        importlib.import_module(f"pipelines.errors.{module.name}")
    return {cls.__name__: cls for cls in _descendants(StudioError)}


def _descendants(cls: type[StudioError]) -> list[type[StudioError]]:
    return [cls] + [d for child in cls.__subclasses__() for d in _descendants(child)]
