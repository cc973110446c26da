"""One extension of a Cython and a C file. It needs the headers of atomicpy and a C11 compiler."""

import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

import atomicpy

MSVC = sys.platform == "win32"
C11 = ["/std:c11", "/experimental:c11atomics", "/O2"] if MSVC else ["-std=c11", "-O2", "-pthread"]
OPENMP = ["/openmp"] if MSVC else ["-fopenmp"]


class BuildExt(build_ext):
    """Build with OpenMP if the compiler has it. Without it prange is a loop on one thread."""

    def build_extensions(self):
        if self.has_openmp():
            for extension in self.extensions:
                extension.extra_compile_args += OPENMP
                extension.extra_link_args += [] if MSVC else OPENMP
        super().build_extensions()

    def has_openmp(self):
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            probe.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(probe)], output_dir=folder, extra_postargs=OPENMP)
                link_args = [] if MSVC else OPENMP
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_args)
            except (CompileError, LinkError):
                return False
        return True


setup(
    ext_modules=cythonize(
        [
            Extension(
                "consumer",
                ["consumer.pyx", "threads.c"],
                include_dirs=[atomicpy.get_include()],
                extra_compile_args=C11,
                extra_link_args=[] if MSVC else ["-pthread"],
            )
        ],
        depfile=True,  # consumer.c.dep lists the .pxd files and headers that the build used
    ),
    cmdclass={"build_ext": BuildExt},
)
