"""Takes a model's folder or file off the disk, and says so when it stays. Knows no model."""

import shutil
from pathlib import Path

from pipelines.errors.storage import NotRemoved


def delete(path: Path) -> None:
    """Deletes what is there, if anything is. Of a link only the link goes: what it leads to may be somebody else's.

    Raises NotRemoved.
    """
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except FileNotFoundError:
        if path.exists() or path.is_symlink():  # something inside went while this looked
            delete(path)
    except OSError as error:
        raise NotRemoved(path=str(path), reason=error.strerror or type(error).__name__) from error
