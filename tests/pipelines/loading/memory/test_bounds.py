"""A process that bounds its own growth is refused memory, and takes none from others."""

import subprocess
import sys

import pytest

BOUNDED = """
from pipelines.loading.memory.measure import bound_growth, peak_bytes
before = peak_bytes("ram")
bound_growth(200_000_000)
small = bytearray(50_000_000)
assert peak_bytes("ram") >= before + 40_000_000, (before, peak_bytes("ram"))
try:
    bytearray(1_000_000_000)
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA bounds private memory on Linux alone")
def test_what_is_more_than_allowed_is_refused() -> None:
    told = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "refused"
