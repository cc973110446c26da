"""What both commands report about the interpreter and the machine."""

import os
import sys
import sysconfig


def free_threaded() -> bool:
    """Whether the interpreter was built to run without the GIL."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def gil_enabled() -> bool:
    """Whether the GIL is on. Before 3.13 `sys` has no such function, because every build has the GIL."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def usable_core_numbers() -> list[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(usable_core_numbers())
