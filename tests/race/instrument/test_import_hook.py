"""Which modules are watched; the import of an instrumented module is like that of any other."""

import importlib
import inspect
import linecache
import os
import pkgutil
import runpy
import subprocess
import sys
import sysconfig
import textwrap
import types

import fake_engine
import pytest
from helpers import WATCHDOG

import atomicpy.race.engine
from atomicpy.race.instrument import import_hook

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")


@pytest.fixture
def engine(monkeypatch):
    """The plain engine instead of the real one, during the test."""
    plain = fake_engine.Engine()
    module = types.ModuleType("atomicpy.race.engine.engine")
    module.__dict__.update(plain.calls())
    monkeypatch.setitem(sys.modules, "atomicpy.race.engine.engine", module)
    monkeypatch.setattr(atomicpy.race.engine, "engine", module, raising=False)
    yield plain
    import_hook.uninstall()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder, path, text="x = [1]\nx[0]\n"):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


RULES = [
    # name, path within the root, include, exclude, whether it is watched
    ("app", "app.py", (), (), True),
    ("pkg.sub.mod", "pkg/sub/mod.py", (), (), True),
    ("dep", ".venv/lib/python3.13/site-packages/dep.py", (), (), False),
    ("dep", "usr/lib/python3/dist-packages/dep.py", (), (), False),
    ("dep.sub", "env/site-packages/dep/sub.py", ("dep",), (), True),
    ("dep.sub", "env/site-packages/dep/sub.py", ("dep.*",), (), True),
    ("dep.sub", "env/site-packages/dep/sub.py", ("*/site-packages/dep/*",), (), True),
    ("dep.sub", "env/site-packages/dep/sub.py", ("de",), (), False),
    ("app", "app.py", (), ("app",), False),
    ("pkg.sub.mod", "pkg/sub/mod.py", (), ("pkg.sub",), False),
    ("pkg.sub.mod", "pkg/sub/mod.py", (), ("*/sub/*.py",), False),
    ("app", "app.py", ("app",), ("app",), False),
    ("app", "../elsewhere/app.py", (), (), False),
    ("app", "../elsewhere/app.py", ("app",), (), True),
    ("app", "../root-and-more/app.py", (), (), False),
]


@pytest.mark.parametrize(("name", "path", "include", "exclude", "expected"), RULES)
def test_what_is_watched(tmp_path, name, path, include, exclude, expected):
    watched = import_hook.Watched(include, exclude, [tmp_path / "root"])
    assert ((name, str(tmp_path / "root" / path)) in watched) is expected


def test_patterns_of_paths_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    watched = import_hook.Watched(["vendor/*"], ["app/generated_*.py"], [tmp_path / "app"])
    assert ("x", str(tmp_path / "vendor" / "x.py")) in watched
    assert ("app.generated_x", str(tmp_path / "app" / "generated_x.py")) not in watched


def test_the_library_and_the_detector_itself_are_not_watched():
    library = sysconfig.get_path("stdlib")
    demo = os.path.join(os.path.dirname(atomicpy.__file__), "commands", "demo", "cli.py")
    everywhere = import_hook.Watched((), (), [os.path.abspath(os.sep)])
    assert ("json", os.path.join(library, "json", "__init__.py")) not in everywhere
    assert ("atomicpy.race.instrument.import_hook", import_hook.__file__) not in everywhere
    assert (
        "atomicpy.commands.demo.cli",
        demo,
    ) not in everywhere
    included = import_hook.Watched(["*"], (), [])
    assert ("json", os.path.join(library, "json", "__init__.py")) in included
    assert ("atomicpy.commands.demo.cli", demo) in included
    assert ("atomicpy.race.instrument.import_hook", import_hook.__file__) not in included


def test_a_file_is_watched_wherever_it_is(tmp_path):
    script = write(tmp_path, "site-packages/script.py")
    assert ("__main__", str(script)) in import_hook.Watched(roots=[], files=[script])


def test_modules_are_instrumented_as_they_are_imported(engine, folder):
    write(folder, "app.py")
    write(folder, "site-packages/dep.py")
    import_hook.install(roots=[folder])
    import app

    assert engine.log == ["read [0]"]
    sys.path.insert(0, str(folder / "site-packages"))
    try:
        import dep  # noqa: F401
    finally:
        del sys.path[0]
    assert engine.log == ["read [0]"]
    importlib.reload(app)
    assert engine.log == ["read [0]"] * 2
    import_hook.uninstall()
    importlib.reload(app)
    assert engine.log == ["read [0]"] * 2


def test_bytecode_is_neither_written_nor_read(engine, folder):
    file = write(folder, "app.py")
    import_hook.install(roots=[folder])
    import app

    assert app.__cached__ == importlib.util.cache_from_source(str(file))
    assert not os.path.exists(app.__cached__)
    import_hook.uninstall()
    importlib.reload(app)
    assert os.path.exists(app.__cached__)  # plain code: the hook must not read it
    with open(app.__cached__, "rb") as cached:
        plain = cached.read()
    engine.log.clear()
    import_hook.install(roots=[folder])
    importlib.reload(app)
    assert engine.log == ["read [0]"]
    with open(app.__cached__, "rb") as cached:
        assert cached.read() == plain


def test_the_ways_to_ask_about_a_module_go_on_to_work(engine, folder):
    text = "import os\n\n\ndef f(o):\n    # a comment\n    o.x = o.y\n    return o\n\n\nclass C:\n    n = f\n"
    write(folder, "pkg/__init__.py", "")
    write(folder, "pkg/data.txt", "data")
    write(folder, "space/inner/mod.py", "from . import other\nx = other.y[0]\n")
    write(folder, "space/inner/other.py", "y = [1]\n")
    file = write(folder, "pkg/mod.py", text)
    import_hook.install(roots=[folder])
    from pkg import mod
    from space.inner import mod as other

    assert inspect.getsource(mod) == text
    assert inspect.getsource(mod.f) == text[len("import os\n\n\n") : text.index("\n\n\nclass")] + "\n"
    assert inspect.getsourcefile(mod.C) == str(file)
    assert linecache.getline(str(file), 6, mod.__dict__) == "    o.x = o.y\n"
    assert mod.__loader__.get_source("pkg.mod") == text
    assert type(mod.__loader__) is importlib.machinery.SourceFileLoader
    assert mod.__spec__.loader is mod.__loader__
    assert mod.__spec__.origin == mod.__file__ == str(file)
    assert pkgutil.get_data("pkg", "data.txt") == b"data"
    assert [each.name for each in pkgutil.iter_modules([str(folder / "pkg")])] == ["mod"]
    assert other.x == 1
    write(folder, "pkg/run.py", text)
    assert "_race_write__" in runpy.run_module("pkg.run")["f"].__code__.co_names
    assert "_race_write__" in mod.f.__code__.co_names


def test_a_module_loaded_by_hand_is_instrumented_too(engine, folder):
    file = write(folder, "plugins/by_hand.py")
    import_hook.install(roots=[folder])
    spec = importlib.util.spec_from_file_location("by_hand", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert engine.log == ["read [0]"]


def test_mistakes_in_imported_modules_are_shown_as_python_shows_them(engine, folder):
    import traceback

    write(folder, "broken.py", "def f(:\n    pass\n")
    write(folder, "late.py", "def f():\n    nonlocal x\n")
    write(folder, "null.py", "x = '\0'\n")
    shown = []
    for install in (import_hook.uninstall, lambda: import_hook.install(roots=[folder])):
        install()
        for name in ("broken", "late", "null"):
            try:
                exec(f"import {name}", {})
            except (SyntaxError, ValueError):
                shown.append(traceback.format_exc())
    assert shown[:3] == shown[3:]
    assert import_hook.__file__ not in "".join(shown)


def test_what_cannot_be_rewritten_runs_as_it_is_with_a_warning(engine, folder, capsys, monkeypatch):
    def fail(*_):
        raise RecursionError("too deep")

    file = write(folder, "deep.py")
    import_hook.install(roots=[folder])
    monkeypatch.setattr("atomicpy.race.instrument.rewriter.Analysis", fail)
    import deep

    assert deep.x == [1]
    assert engine.log == []
    assert capsys.readouterr().err == f"atomicpy race: {file} runs uninstrumented: RecursionError: too deep\n"


def test_uninstall_leaves_the_loaders_as_they_were(engine, folder):
    loaders = {loader: dict(vars(loader)) for loader in import_hook.LOADERS}
    import_hook.install(roots=[folder])
    import_hook.install(roots=[folder])
    assert any(dict(vars(loader)) != before for loader, before in loaders.items())
    import_hook.uninstall()
    import_hook.uninstall()
    assert {loader: dict(vars(loader)) for loader in import_hook.LOADERS} == loaders


def test_finalizers_run_when_the_builtins_are_gone(tmp_path):
    """The interpreter removes names that were added to the builtins before it runs the last finalizers."""
    program = textwrap.dedent(
        """
        class C:
            def __del__(self):
                self.x = 1
                print("del", self.x)
        import builtins
        builtins.kept = C()
        """
    )
    script = tmp_path / "script.py"
    script.write_text(program)
    here = os.path.join(os.path.dirname(__file__), os.pardir, "support", "plain_race.py")
    done = subprocess.run(
        [sys.executable, here, "race", str(script)], capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "del 1\n", "")
