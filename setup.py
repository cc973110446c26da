"""The extension modules. All metadata is in pyproject.toml."""

import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

MSVC = sys.platform == "win32"

# -fvisibility=hidden: several modules carry the core; none may be linked to another's copy by accident.
COMPILE_ARGS = (
    ["/std:c11", "/experimental:c11atomics", "/O2"] if MSVC else ["-std=c11", "-O2", "-fvisibility=hidden", "-pthread"]
)
LINK_ARGS = [] if MSVC else ["-pthread"]

# One line an extension: its module, and the parts of the C core it stands on.
WAIT = ["src/park/ap_wait.c"]
LOCK = [*WAIT, "src/platform/ap_thread.c"]
EXTENSIONS = {
    "atomicpy._runtime.arguments": [],
    "atomicpy._runtime.blocking": WAIT,
    "atomicpy.atomic.atomic_bool": WAIT,
    "atomicpy.atomic.atomic_float": [],
    "atomicpy.atomic.atomic_int": WAIT,
    "atomicpy.atomic.atomic_int_array": [],
    "atomicpy.atomic.atomic_ref": [],
    "atomicpy.atomic.atomic_uint": WAIT,
    "atomicpy.atomic.sharded_counter": ["src/counter/ap_shards.c"],
    "atomicpy.sync.mutex": [*LOCK, "src/sync/ap_mutex.c"],
    "atomicpy.sync.once": [*LOCK, "src/sync/ap_once.c"],
    "atomicpy.sync.rwmutex": [*LOCK, "src/sync/ap_mutex.c", "src/sync/ap_rwmutex.c"],
    "atomicpy.sync.wait_group": [*LOCK, "src/sync/ap_waitgroup.c"],
    "atomicpy.commands.demo.native": [],
    "atomicpy.commands.demo.recorder": WAIT,
    "atomicpy.commands.timeline.sampler": WAIT,
    "atomicpy.race.engine.engine": [],
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

setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                [name.replace(".", "/") + ".pyx", *core],
                include_dirs=["src", "atomicpy"],
                # The headers too: a change in one must rebuild, and the sdist must hold them.
                extra_compile_args=COMPILE_ARGS,
                extra_link_args=LINK_ARGS,
            )
            for name, core in EXTENSIONS.items()
        ],
        build_dir="build/cython",  # generated C stays out of the tree
        compiler_directives=DIRECTIVES,
    )
)
