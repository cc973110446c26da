"""Which modules are watched, and the hook that instruments them as they are imported.

The hook stands in the loaders' `get_code`, where every way of importing a source file comes together: the path finder,
editable installs' finders, `runpy`, `importlib.util.spec_from_file_location`. Specs, loaders and all that asks them
(`inspect`, `linecache`, `pkgutil`) stay as they are. An instrumented module is compiled anew each time: its code is
neither read from `__pycache__` nor written there.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
import sysconfig
import zipimport
from collections.abc import Callable, Iterable
from fnmatch import fnmatch, fnmatchcase
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

from atomicpy.race.instrument.rewriter import ENGINE_CALLS, PLAIN_CALLS, CannotInstrumentError, compile_instrumented

PACKAGES = ("site-packages", "dist-packages")
LOADERS = (SourceFileLoader, zipimport.zipimporter)


class Watched:
    """Decides by a module's name and the path of its source."""

    def __init__(
        self,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        roots: Iterable[str] = (),
        files: Iterable[str] = (),
    ) -> None:
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self.roots = tuple(_folder(os.path.realpath(root)) for root in roots)
        self.files = frozenset(os.path.realpath(path) for path in files)  # whatever folder they are in
        library = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)}
        self.library = tuple(_folder(os.path.realpath(path)) for path in library if path)
        self.detector = _folder(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
        self.package = _folder(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))

    def __contains__(self, module: tuple[str, str]) -> bool:
        name, path = module
        real = os.path.realpath(path)
        if real.startswith(self.detector) or _matches(name, path, self.exclude):
            return False
        if real in self.files or _matches(name, path, self.include):
            return True
        if real.startswith((*self.library, self.package)) or any(part in PACKAGES for part in real.split(os.sep)):
            return False
        return real.startswith(self.roots)


def _folder(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep


def _matches(name: str, path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches the module, a package that it is in, or its path (absolute, or from here)."""
    if not patterns:
        return False
    parts = name.split(".")
    names = [".".join(parts[: count + 1]) for count in range(len(parts))]
    absolute = os.path.abspath(path)
    paths = [path, absolute]
    if os.path.splitdrive(absolute)[0] == os.path.splitdrive(os.getcwd())[0]:
        paths.append(os.path.relpath(absolute))
    return any(
        any(fnmatchcase(each, pattern) for each in names) or any(fnmatch(each, pattern) for each in paths)
        for pattern in patterns
    )


hooks: set[CodeType] = set()
_watched: Watched | None = None
_originals: dict[Any, Callable[..., Any] | None] = {}


def install(
    include: Iterable[str] = (), exclude: Iterable[str] = (), roots: Iterable[str] = (), files: Iterable[str] = ()
) -> None:
    """Instrument what is imported from now on, out of the folders `roots` (the working folder, if there are none).

    What lies in the standard library, in site-packages or dist-packages is left out, unless a pattern of `include`
    matches the name of the module, of a package that it is in, or its path; `exclude` wins over everything. `files`
    are watched wherever they are.
    """
    global _watched
    _watched = Watched(include, exclude, tuple(roots) or (os.getcwd(),), files)
    inject()
    for loader in LOADERS:
        if loader not in _originals:
            _originals[loader] = vars(loader).get("get_code")
            loader.get_code = _hook(loader.get_code)  # type: ignore[method-assign]


def uninstall() -> None:
    """Import as before; what is instrumented stays so."""
    global _watched
    _watched = None
    for loader, original in _originals.items():
        if original is None:  # it was inherited
            del loader.get_code
        else:
            loader.get_code = original
    _originals.clear()


def is_watched(name: str, path: str) -> bool:
    """Whether a module is to be instrumented; for those who compile modules themselves, as pytest does."""
    return _watched is not None and (name, path) in _watched


def inject() -> None:
    """Put what instrumented code calls among the builtins."""
    from atomicpy.race.engine import engine

    calls = {name: getattr(engine, name) for name in ENGINE_CALLS} | PLAIN_CALLS
    for names in (vars(builtins), *_builtins_at_the_end()):
        names.update(calls)


def _builtins_at_the_end() -> list[dict[str, Any]]:
    """The copy of the builtins that the interpreter goes back to as it ends, when finalizers still run."""
    own = vars(builtins)
    return [
        each
        for each in gc.get_objects()
        if type(each) is dict
        and each is not own
        and type(each.get("__name__")) is str
        and each["__name__"] == "builtins"
        and each.get("__build_class__") is builtins.__build_class__
        and each.get("__import__") is not None
    ]


def instrumented(loader: Any, name: str) -> CodeType | None:
    """The code of a watched module; None if it must be got as without us: unwatched, no source, a mistake in it."""
    try:
        path = loader.get_filename(name)
        if not path.endswith(".py") or not is_watched(name, path):
            return None
        source = loader.get_data(path)
        return compile_instrumented(source, path)
    except CannotInstrumentError as reason:
        say_uninstrumented(path, reason)
    except (SyntaxError, ValueError, OSError, ImportError, RecursionError, MemoryError):
        pass  # Python's own way will say it
    return None


def say_uninstrumented(path: str, reason: object) -> None:
    if sys.stderr is not None:
        print(f"atomicpy race: {path} runs uninstrumented: {reason}", file=sys.stderr, flush=True)


def _hook(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_code(self: Any, fullname: str) -> Any:
        code = instrumented(self, fullname)
        return original(self, fullname) if code is None else code

    # The interpreter leaves its own import machinery out of the traceback of a failed import, by this name.
    get_code.__code__ = get_code.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    hooks.add(get_code.__code__)
    get_code.__qualname__ = original.__qualname__
    get_code.__doc__ = original.__doc__
    return get_code
