"""Opening `studio.db`: an index that only the server writes, and that can always be made again from files.

Knows no table. Two parts of the server may each open it; SQLite orders their writes.
"""

import sqlite3
from pathlib import Path

from studio.files import storage_errors

WAIT_SECONDS = 10


def open_database(path: Path, tables: str) -> sqlite3.Connection:
    """A connection to `path` with the `tables` made if missing (SQL, `CREATE … IF NOT EXISTS`).

    Usable from several threads, which must take turns by a lock. A damaged database is set aside as
    `<name>.damaged` and a new one begun. Raises DiskFull or ReadOnlyHome.
    """
    with storage_errors(path.parent):
        try:
            return _connect(path, tables)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            path.replace(path.with_name(path.name + ".damaged"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return _connect(path, tables)


def _connect(path: Path, tables: str) -> sqlite3.Connection:
    path.touch(mode=0o600)  # SQLite would let everybody on the machine read a new one; its -wal and -shm follow it
    database = sqlite3.connect(path, check_same_thread=False, timeout=WAIT_SECONDS)
    try:
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last rows at a power cut
        (verdict,) = database.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            damaged = sqlite3.DatabaseError(verdict)
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged
        database.executescript(tables)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
