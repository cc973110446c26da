"""Run a program as `python` would: a script, folder, archive, module, text or standard input.

The program gets its own `__main__`, `sys.argv` and `sys.path`. The traceback of an uncaught exception shows no frame of
the detector. At the end the runner waits for threads and calls the `atexit` functions, and then prints the number of
races.
"""

from __future__ import annotations

import atexit
import builtins
import importlib.machinery
import importlib.util
import linecache
import os
import pkgutil
import runpy
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, ModuleType, TracebackType
from typing import Any

from atomicpy.race.instrument import import_hook
from atomicpy.race.instrument.rewriter import CannotInstrumentError, compile_instrumented
from atomicpy.race.ownership import Owner, owner_of
from atomicpy.race.run.session import Session

FAILED, USAGE = 1, 2


@dataclass(frozen=True)
class Program:
    """The program to run: `kind` is "script", "module" or "code"."""

    kind: str
    what: str
    arguments: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class UnrunnableError(Exception):
    """There is nothing to run. The message is python's."""


def run(program: Program, session: Session) -> int:
    """Run the program to its end and return the exit status. Raises KeyboardInterrupt if Ctrl-C ended the program."""
    try:
        execute = _prepared(program, session)
    except UnrunnableError as error:
        print(error, file=sys.stderr)
        return USAGE
    status, interrupted = _outcome(execute)
    _shut_down()
    status = session.status(status)
    session.stop()
    if interrupted and not session.races:
        # The interpreter then dies of the signal, so that a shell script that started it stops too. The traceback has
        # been printed.
        sys.excepthook = lambda *_: None
        raise KeyboardInterrupt
    return status


# -- what is to be run ---------------------------------------------------------------------------------------------


def _prepared(program: Program, session: Session) -> Callable[[], object]:
    roots, files = [os.getcwd()], []
    main = _main_module()
    folder: str | None = None
    execute: Callable[[], object]
    if program.kind == "module":
        sys.argv = ["-m", *program.arguments]
        _set_first_path(os.getcwd())
        roots += _package_folder(program.what)
        execute = _module(program.what, as_main=True)
    elif program.kind == "code":
        sys.argv = ["-c", *program.arguments]
        _set_first_path("")
        text = textwrap.dedent(program.what) if sys.version_info >= (3, 14) else program.what
        execute = _text(main, text + "\n", "<string>", session)
    elif program.what == "-":
        sys.argv = ["-", *program.arguments]
        _set_first_path("")
        _describe_script(main, "<stdin>", importlib.machinery.BuiltinImporter)
        execute = _text(main, sys.stdin.buffer.read(), "<stdin>", session)
    else:
        sys.argv = [program.what, *program.arguments]
        # Absolute, but not normalised: python keeps the dots in it.
        path = os.path.join(os.getcwd(), program.what) if os.name == "posix" else os.path.abspath(program.what)
        if pkgutil.get_importer(path) is not None:  # a folder or an archive that contains a __main__
            folder = path
            sys.path[0 : 0 if sys.flags.safe_path else 1] = [path]
            execute = _module("__main__", as_main=False)
        else:
            folder = os.path.dirname(os.path.realpath(path))
            _set_first_path(folder)
            files.append(path)
            execute = _script(main, path)
    if folder is not None:
        roots.append(folder)
    session.start()
    import_hook.install(program.include, program.exclude, roots, files)
    sys.modules["__main__"] = main
    return execute


def _main_module() -> ModuleType:
    main = ModuleType("__main__")
    main.__loader__ = importlib.machinery.BuiltinImporter
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    return main


def _describe_script(main: ModuleType, path: str, loader: Any) -> None:
    main.__file__ = path
    if sys.version_info < (3, 15):
        main.__dict__["__cached__"] = None
    main.__loader__ = loader


def _set_first_path(folder: str) -> None:
    if not sys.flags.safe_path:  # with -P Python has not put a folder there
        sys.path[0] = folder


def _package_folder(name: str) -> list[str]:
    """The folder of the outermost package that contains a module; or of the module itself."""
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        return []  # the import raises the error
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return list(spec.submodule_search_locations)
    return [os.path.dirname(spec.origin)] if spec.has_location and spec.origin else []


def _module(name: str, *, as_main: bool) -> Callable[[], object]:
    # The function that `python -m` calls, so the tracebacks have the same frames.
    return lambda: runpy._run_module_as_main(name, as_main)  # type: ignore[attr-defined]


def _script(main: ModuleType, path: str) -> Callable[[], object]:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UnrunnableError(
            f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}"
        ) from None
    if path.endswith(".pyc"):
        loader = importlib.machinery.SourcelessFileLoader("__main__", path)
        _describe_script(main, path, loader)
        return lambda: _run_code(_compiled(loader, path), main)
    _describe_script(main, path, importlib.machinery.SourceFileLoader("__main__", path))
    return lambda: _run_code(_code(source, path, import_hook.is_watched("__main__", path)), main)


def _text(main: ModuleType, source: str | bytes, name: str, session: Session) -> Callable[[], object]:
    def execute() -> None:
        code = _code(source, name, True)
        if isinstance(source, str):
            # As python does, so that tracebacks show the lines. The first 3.13 stored them by file name.
            key = code if hasattr(linecache, "_interactive_cache") else name
            linecache._register_code(key, source, name)  # type: ignore[attr-defined]
        session.sources[name] = source if isinstance(source, str) else source.decode(errors="replace")
        _run_code(code, main)

    return execute


def _compiled(loader: Any, path: str) -> Any:
    import_hook.warn_uninstrumented(path, "it has no source")
    return loader.get_code("__main__")


def _code(source: str | bytes, name: str, watched: bool) -> CodeType:
    if watched:
        try:
            return compile_instrumented(source, name)
        except CannotInstrumentError as error:
            reason = error
        code = compile(source, name, "exec", dont_inherit=True)
        import_hook.warn_uninstrumented(name, reason)
        return code
    return compile(source, name, "exec", dont_inherit=True)


def _run_code(code: CodeType, main: ModuleType) -> None:
    exec(code, main.__dict__)


# -- how it ends ---------------------------------------------------------------------------------------------------


def _outcome(execute: Callable[[], object]) -> tuple[int, bool]:
    """Run; return the exit status, and whether KeyboardInterrupt ended it, whose traceback has been printed."""
    try:
        execute()
    except SystemExit as error:
        return _exit_status(error), False
    except BaseException as error:
        return _show(error), isinstance(error, KeyboardInterrupt)
    return 0, False


def _exit_status(error: SystemExit) -> int:
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code)
    if sys.stderr is not None:
        print(code, file=sys.stderr)
    return FAILED


def _show(error: BaseException) -> int:
    """Print an uncaught exception as the interpreter does; return the exit status."""
    error.__traceback__ = own = _without_detector(error.__traceback__)
    setattr(sys, "last_exc", error)  # noqa: B010 - new in 3.12
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, own
    try:
        sys.excepthook(type(error), error, own)
    except SystemExit as leaving:
        return _exit_status(leaving)
    except BaseException as second:
        second.__traceback__ = _without_detector(second.__traceback__)
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exception(second)
        print("\nOriginal exception was:", file=sys.stderr)
        traceback.print_exception(error)
    return FAILED


def _without_detector(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the detector's frames: those that called the program, and those of the import hook."""
    while trace is not None and owner_of(trace.tb_frame.f_code.co_filename) is Owner.DETECTOR:
        trace = trace.tb_next
    each = trace
    while each is not None:
        while each.tb_next is not None and each.tb_next.tb_frame.f_code in import_hook.hooks:
            each.tb_next = each.tb_next.tb_next
        each = each.tb_next
    return trace


def _shut_down() -> None:
    """Wait for the threads and call the `atexit` functions, as the interpreter does at its end."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as error:
        sys.unraisablehook(_Unraisable(type(error), error, error.__traceback__, None, threading))  # type: ignore[arg-type]
    atexit._run_exitfuncs()


@dataclass
class _Unraisable:
    exc_type: type[BaseException]
    exc_value: BaseException
    exc_traceback: TracebackType | None
    err_msg: str | None
    object: object
