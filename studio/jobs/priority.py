"""Generation goes first: a process that takes about a tenth of the processor time that a busy neighbour gets.

Not less: at the lowest priority of all, a run on a machine where everything is busy could not even be stopped and saved.
Linux gives each session a share of its own where sched_autogroup is on (`man 7 sched`): between two sessions `nice` of a
process counts for nothing then, only that of the session's group does. Knows no job.
"""

import os
from contextlib import suppress
from pathlib import Path

NICE = 10  # the kernel's weight is 110 then, beside 1,024 of an ordinary process
AUTOGROUP = Path("/proc/self/autogroup")
TASKS = Path("/proc/self/task")


def give_way() -> None:
    """This process and what it starts, from now on. It must lead a session of its own: the group's share is changed."""
    threads = [int(task.name) for task in TASKS.iterdir()] if TASKS.is_dir() else [0]  # Linux counts each for itself
    for thread in threads:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
    with suppress(OSError):  # another system, a kernel without it, a container that forbids it
        AUTOGROUP.write_text(str(NICE))
