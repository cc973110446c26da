"""How setup.py builds the extension modules: with every core, and only those whose content has changed.

setuptools and Cython compare times. A file that `mv` or `git stash` puts back is older than what was built of it, so
here a digest of everything that goes into a module decides. It stands in a `.key` beside what was made.
"""

import copy
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import Cython
from Cython.Build import cythonize
from Cython.Build.Dependencies import create_dependency_tree
from setuptools import Extension
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

GENERATED = Path("build/cython")  # generated C stays out of the tree
INCLUDE = re.compile(rb'^\s*(?:#\s*include|cdef\s+extern\s+from)\s*"([^"]+)"', re.M)  # in C, and in Cython


def inputs(sources, include_dirs):
    """The content of each file that a module is made of: what Cython reads, and each header that these include."""
    tree = create_dependency_tree()
    todo = [(".", name) for source in sources for name in [source, *tree.all_dependencies(source)]]
    found = {}
    while todo:
        folder, name = todo.pop()
        path = next(filter(os.path.isfile, (os.path.normpath(f"{at}/{name}") for at in (folder, *include_dirs))), None)
        if path and path not in found:  # a header of the system is in none of these folders
            found[path] = Path(path).read_bytes()
            todo += [(os.path.dirname(path), each.decode()) for each in INCLUDE.findall(found[path])]
    return sorted(found.items())


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_current(made, record, key):
    """Whether `made` is there and was made from what `key` stands for. If not, the record of it goes."""
    if os.path.isfile(made) and record.is_file() and record.read_text() == key:
        return True
    record.unlink(missing_ok=True)
    return False


def extensions(table, directives, **options):
    """The extensions of `table`, their C generated where it is not current."""
    made = []
    for name, core in table.items():
        sources = [name.replace(".", "/") + ".pyx", *core]
        extension = Extension(name, sources, **options)
        extension.key = digest(Cython.__version__, directives, options, inputs(sources, options["include_dirs"]))
        c_file = GENERATED / sources[0].replace(".pyx", ".c")
        if is_current(c_file, c_file.with_suffix(".key"), extension.key):
            os.utime(c_file)  # Cython looks at its time, and leaves it
        else:
            c_file.unlink(missing_ok=True)
        made.append(extension)
    keys = {extension.name: extension.key for extension in made}
    # In processes on Linux, which start by fork or, from Python 3.14 on, by forkserver. Elsewhere that is not tried.
    cores = os.cpu_count() if sys.platform == "linux" else 0
    made = cythonize(made, nthreads=cores, build_dir=str(GENERATED), compiler_directives=directives)
    for extension in made:
        extension.key = keys[extension.name]
        (GENERATED / (extension.name.replace(".", "/") + ".key")).write_text(extension.key)
    return made


class Build(build):
    """Leaves nothing of an earlier build in the folder that becomes the wheel."""

    def finalize_options(self):
        super().finalize_options()
        self.force = True  # copy each .py, whatever its time; BuildExt decides for the modules

    def run(self):
        shutil.rmtree(Path(self.build_base, f"bdist.{self.plat_name}"), ignore_errors=True)  # of an interrupted build
        super().run()
        commands = map(self.get_finalized_command, self.get_sub_commands())
        made = {os.path.normpath(path) for command in commands for path in command.get_outputs()}
        for path in Path(self.build_lib).rglob("*"):
            if path.is_file() and os.path.normpath(path) not in made:
                path.unlink()


class BuildExt(build_ext):
    """Compiles the modules whose content or compiler has changed, as many at a time as there are cores."""

    def finalize_options(self):
        super().finalize_options()
        self.force = True
        if os.name == "posix":  # distutils sets up MSVC at its first use, which threads must not share
            self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        # The longest first, so that the last one does not run alone.
        self.extensions.sort(key=lambda extension: -sum(map(os.path.getsize, extension.sources)))
        super().build_extensions()

    def build_extension(self, ext):
        made = self.get_ext_fullpath(ext.name)
        record = Path(self.build_temp, f"{ext.name}.key")
        compiler = [getattr(self.compiler, name, None) for name in ("compiler_so", "linker_so", "include_dirs")]
        key = digest(ext.key, made, compiler, os.environ.get("CFLAGS"), sys.version)
        if is_current(made, record, key):
            return
        # A folder for each module: two of them may compile the same file of the core at the same time.
        alone = copy.copy(self)
        alone.build_temp = os.path.join(self.build_temp, ext.name)
        super(BuildExt, alone).build_extension(ext)
        record.write_text(key)


COMMANDS = {"build": Build, "build_ext": BuildExt}
