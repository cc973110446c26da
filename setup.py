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
EXTENSIONS = {
    "atomicpy._arguments": [],
    "atomicpy._blocking": ["src/ap_wait.c"],
    "atomicpy.atomic_bool": ["src/ap_wait.c"],
    "atomicpy.atomic_float": [],
    "atomicpy.atomic_int": ["src/ap_wait.c"],
    "atomicpy.atomic_int_array": [],
    "atomicpy.atomic_ref": [],
    "atomicpy.atomic_uint": ["src/ap_wait.c"],
    "atomicpy.sharded_counter": ["src/ap_shards.c"],
    "atomicpy.sync_mutex": ["src/ap_wait.c", "src/ap_thread.c", "src/ap_mutex.c"],
    "atomicpy.sync_once": ["src/ap_wait.c", "src/ap_thread.c", "src/ap_once.c"],
    "atomicpy.sync_rwmutex": ["src/ap_wait.c", "src/ap_thread.c", "src/ap_mutex.c", "src/ap_rwmutex.c"],
    "atomicpy.sync_waitgroup": ["src/ap_wait.c", "src/ap_thread.c", "src/ap_waitgroup.c"],
    "atomicpy.demo.native": [],
    "atomicpy.race.engine": [],
    "atomicpy.demo.recorder": ["src/ap_wait.c"],
    "atomicpy.timeline.sampler": ["src/ap_wait.c"],
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
                include_dirs=["src", "atomicpy", "atomicpy/race", "atomicpy/timeline"],
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
