"""The extension modules. All metadata is in pyproject.toml."""

import os
import sys
import sysconfig
from glob import glob
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parent / ".ci"))
from build_modules import COMMANDS, extensions

MSVC = sys.platform == "win32"

# -fvisibility=hidden: the modules define functions of the same names (core_calls.c); none may bind to another module's.
COMPILE_ARGS = (
    ["/std:c11", "/experimental:c11atomics", "/O2"] if MSVC else ["-std=c11", "-O2", "-fvisibility=hidden", "-pthread"]
)
# The flags of CPython have -g: five sixths of each module would be debug information. CFLAGS=-g keeps it.
if not MSVC and not any(flag.startswith("-g") for flag in os.environ.get("CFLAGS", "").split()):
    COMPILE_ARGS.append("-g0")
LINK_ARGS = [] if MSVC else ["-pthread"]
# With the GIL a channel needs no lock of its own: see src/channel/ap_channel.h.
if not sysconfig.get_config_var("Py_GIL_DISABLED"):
    COMPILE_ARGS.append("/DAP_CALLERS_EXCLUDE_EACH_OTHER" if MSVC else "-DAP_CALLERS_EXCLUDE_EACH_OTHER")

# The one module that links the core. The others reach it through its table of functions (src/ap_core.h), if they need
# it.
CORE = ["src/ap_core.c"]
for layer in ("platform", "park", "sync", "counter", "channel"):
    CORE += sorted(glob(f"src/{layer}/*.c"))
SHARD_SELF = "src/counter/ap_shard_self.c"
CORE.remove(SHARD_SELF)  # thread-local, so in the module that adds
CALLS = ["atomicpy/_runtime/core_calls.c"]
LOCK = [*CALLS, "src/platform/ap_owner_id.c"]
CLOCK = ["src/platform/ap_clock.c"]
RACE = sorted(glob("src/race/*.c"))

# One line an extension: its module, and the C files that it links.
EXTENSIONS = {
    "atomicpy._runtime.arguments": [],
    "atomicpy._runtime.core": CORE,
    "atomicpy.atomic.atomic_bool": CALLS,
    "atomicpy.atomic.atomic_float": [],
    "atomicpy.atomic.atomic_int": CALLS,
    "atomicpy.atomic.atomic_int_array": [],
    "atomicpy.atomic.atomic_ref": [],
    "atomicpy.atomic.atomic_uint": CALLS,
    "atomicpy.atomic.sharded_counter": [*CALLS, SHARD_SELF],
    "atomicpy.sync.mutex": LOCK,
    "atomicpy.sync.once": LOCK,
    "atomicpy.sync.rwmutex": LOCK,
    "atomicpy.sync.wait_group": LOCK,
    "atomicpy.channel.channel": LOCK,
    "atomicpy.channel.coroutine_waiter": LOCK,
    "atomicpy.channel.select": LOCK,
    "atomicpy.channel.waiting": CALLS,
    "atomicpy.commands.demo.native": [],
    "atomicpy.commands.demo.recorder": CLOCK,
    "atomicpy.commands.timeline.sampler": CLOCK,
    "atomicpy.race.engine.engine": RACE,
}

DIRECTIVES = {
    "language_level": 3,
    # Method descriptors: the specialising interpreter calls them without a detour, twice as fast.
    "binding": False,
    # inspect.signature and stubtest read the signature from the docstring then.
    "embedsignature": True,
    "embedsignature.format": "clinic",
    "auto_pickle": False,
    # The tests run the examples; a __test__ in each module would be a name that no stub has.
    "autotestdict": False,
    # Importing the package never turns the GIL back on; the tests prove it.
    "freethreading_compatible": True,
}

if __name__ == "__main__":  # Cython's pool of processes imports this file, if `python setup.py` started it
    setup(
        cmdclass=COMMANDS,
        ext_modules=extensions(
            EXTENSIONS,
            DIRECTIVES,
            include_dirs=["src", "atomicpy"],
            extra_compile_args=COMPILE_ARGS,
            extra_link_args=LINK_ARGS,
        ),
    )
