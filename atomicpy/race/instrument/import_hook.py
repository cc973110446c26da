"""Which modules are watched, and the import hook that instruments them when they are imported.

The hook replaces `get_code` of the loaders, because every way of importing a source file calls it: the path finder,
the finders of editable installs, `runpy`, `importlib.util.spec_from_file_location`. Specs and loaders stay as they are,
so `inspect`, `linecache` and `pkgutil` work as before. An instrumented module is compiled at each import: its code is
neither read from `__pycache__` nor written there.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
import zipimport
from collections.abc import Callable, Iterable
from fnmatch import fnmatch, fnmatchcase
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

from atomicpy.race.instrument.rewriter import ENGINE_CALLS, PLAIN_CALLS, CannotInstrumentError, compile_instrumented
from atomicpy.race.ownership import Owner, owner_of

LOADERS = (SourceFileLoader, zipimport.zipimporter)


class Watched:
    """The set of watched modules, decided by the name of a module and the path of its source."""

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
        self.files = frozenset(os.path.realpath(path) for path in files)  # in whatever folder they are

    def __contains__(self, module: tuple[str, str]) -> bool:
        name, path = module
        real = os.path.realpath(path)
        owner = owner_of(real)
        if owner is Owner.DETECTOR or _matches(name, path, self.exclude):
            return False
        if real in self.files or _matches(name, path, self.include):
            return True
        return owner is Owner.PROGRAM and real.startswith(self.roots)


def _folder(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep


def _matches(name: str, path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches the module, a package that contains it, or its path: absolute or relative."""
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
    """Instrument the modules that are imported from now on from the folders `roots`; default: the working folder.

    The standard library and what lies in site-packages or dist-packages is left out. `include` adds modules: a pattern
    matches the name of the module, of a package that contains it, or its path. `exclude` overrides everything else.
    `files` are watched in whatever folder they are.
    """
    global _watched
    _watched = Watched(include, exclude, tuple(roots) or (os.getcwd(),), files)
    inject()
    for loader in LOADERS:
        if loader not in _originals:
            _originals[loader] = vars(loader).get("get_code")
            loader.get_code = _hook(loader.get_code)  # type: ignore[method-assign]


def uninstall() -> None:
    """Import without instrumentation again. Modules that are instrumented stay so."""
    global _watched
    _watched = None
    for loader, original in _originals.items():
        if original is None:  # it was inherited
            del loader.get_code
        else:
            loader.get_code = original
    _originals.clear()


def is_watched(name: str, path: str) -> bool:
    """Whether a module is to be instrumented; for code that compiles modules itself, as pytest does."""
    return _watched is not None and (name, path) in _watched


def inject() -> None:
    """Add the functions that instrumented code calls to the builtins."""
    from atomicpy.race.engine import engine  # here, because this module loads where the engine does not run

    calls = {name: getattr(engine, name) for name in ENGINE_CALLS} | PLAIN_CALLS
    for names in (vars(builtins), *_builtins_at_the_end()):
        names.update(calls)


def _builtins_at_the_end() -> list[dict[str, Any]]:
    """The copy of the builtins that the interpreter restores at its end, before the last finalizers run."""
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
    """The instrumented code of a module; None if it is not watched, has no source, or has an error in it."""
    try:
        path = loader.get_filename(name)
        if not path.endswith(".py") or not is_watched(name, path):
            return None
        source = loader.get_data(path)
        return compile_instrumented(source, path)
    except CannotInstrumentError as reason:
        warn_uninstrumented(path, reason)
    except (SyntaxError, ValueError, OSError, ImportError, RecursionError, MemoryError):
        pass  # the original get_code raises the error
    return None


def warn_uninstrumented(path: str, reason: object) -> None:
    if sys.stderr is not None:
        print(f"atomicpy race: {path} runs uninstrumented: {reason}", file=sys.stderr, flush=True)


def _hook(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_code(self: Any, fullname: str) -> Any:
        code = instrumented(self, fullname)
        return original(self, fullname) if code is None else code

    # The interpreter leaves frames with this file name out of the traceback of a failed import.
    get_code.__code__ = get_code.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    hooks.add(get_code.__code__)
    get_code.__qualname__ = original.__qualname__
    get_code.__doc__ = original.__doc__
    return get_code
