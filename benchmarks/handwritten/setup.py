"""Builds the baseline with the flags of the package. latency.py calls it."""

import sys

from setuptools import Extension, setup

setup(
    name="handwritten",
    ext_modules=[
        Extension(
            "handwritten",
            ["handwritten.c", "integers.c", "flag.c", "float.c", "ref.c", "array.c"],
            extra_compile_args=(
                ["/std:c11", "/experimental:c11atomics", "/O2"]
                if sys.platform == "win32"
                else ["-std=c11", "-O2", "-fvisibility=hidden", "-pthread"]
            ),
        )
    ],
)
