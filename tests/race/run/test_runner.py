"""`python -m atomicpy race` runs a program as `python` does: the same output, traceback, exit status, `__main__`.

Each program runs twice, by python and by the runner. The engine is the plain one, because it must not matter here.
"""

import os
import re
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

RACE = [sys.executable, str(Path(__file__).parents[1] / "support" / "plain_race.py"), "race"]


def execute(command, folder, stdin=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["lib", os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    return done.returncode, *(
        re.sub("0x[0-9a-f]{6,}|started [0-9]+", "ADDRESS", text) for text in (done.stdout, done.stderr)
    )


def both(folder, *arguments, stdin=None, flags=()):
    plain = execute([sys.executable, *flags, *arguments], folder, stdin)
    ours = execute([RACE[0], *flags, *RACE[1:], *arguments], folder, stdin)
    return plain, ours


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("main.py", "main.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


ABOUT = """
import sys
def about(names):
    for name in sorted(names):
        value = names[name]
        if name in ("__builtins__", "__loader__"):
            value = type(value).__name__, getattr(value, "__name__", None), getattr(value, "path", None)
        elif name == "__spec__" and value:
            value = value.name, value.origin, value.cached, value.parent
        elif callable(value) or name == "sys":
            continue
        print(name, value)
    print(sys.argv, sys.path[:2], sys._getframe(1).f_code.co_filename, sys.modules["__main__"].__dict__ is names)
about(globals())
if __name__ == "__main__":
    print("main")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "about.py").write_text(ABOUT)
    (tmp_path / "about.py").write_text(ABOUT)
    package = tmp_path / "package"
    package.mkdir()
    for name in ("__init__", "__main__", "module"):
        (package / f"{name}.py").write_text(ABOUT)
    (tmp_path / "application").mkdir()
    (tmp_path / "application" / "__main__.py").write_text("import other\n" + ABOUT)
    (tmp_path / "application" / "other.py").write_text("print('other', __name__)")
    with zipfile.ZipFile(tmp_path / "application.zip", "w") as archive:
        archive.writestr("__main__.py", "import other\n" + ABOUT)
        archive.writestr("other.py", "print('other', __name__)\n")
    if sys.platform != "win32":
        (tmp_path / "link.py").symlink_to(tmp_path / "scripts" / "about.py")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["scripts/about.py", "--json", "x", "-m"],
        ["./about.py"],
        pytest.param(["link.py"], marks=posix),
        ["application", "a"],
        ["application.zip", "a"],
        ["-m", "about", "a", "--halt"],
        ["-mabout"],
        ["-m", "package"],
        ["-m", "package.module", "-c"],
        ["-c", ABOUT, "a", "b"],
        ["-c" + ABOUT],
        ["-", "a"],
    ],
    ids=lambda arguments: " ".join(arguments)[:20],
)
@pytest.mark.parametrize("flags", [(), ("-P",)], ids=["", "-P"])
def test_main_is_as_python_makes_it(folder, arguments, flags):
    plain, ours = both(folder, *arguments, stdin=ABOUT, flags=flags)
    assert plain == ours
    assert plain[0] == 0 or flags


ENDINGS = {
    "nothing": "pass",
    "exit": "import sys; sys.exit()",
    "exit 3": "import sys; sys.exit(3)",
    "exit True": "import sys; sys.exit(True)",
    "exit 300": "import sys; sys.exit(300)",
    "exit text": "import sys; sys.exit('no')",
    "exit object": "raise SystemExit([1, 2])",
    "exception": "def f(x):\n    return x.real.nothing\n\nf(1)",
    "chain": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('é') from e",
    "context": "def f():\n    try:\n        [][0]\n    finally:\n        {}['x']\nf()",
    "group": "raise ExceptionGroup('g', [ValueError(1), KeyError(2)])",
    "recursion": "def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as e: print(e)",
    "syntax": "x = 1\nx = = 2",
    "indentation": "if 1:\n  x\n y",
    "late syntax": "def f():\n    x = 1\n    nonlocal y\n",
    "return": "return 1",
    "import": "import nowhere",
    "import of a mistake": "import broken",
    "import of an error": "import failing",
    "import of what it has not": "from helping import nothing",
    "hook": "import sys\nsys.excepthook = lambda t, v, tb: print('hook', t, v, tb.tb_lineno, tb.tb_next)\n1 / 0",
    "hook that exits": "import sys\nsys.excepthook = lambda *a: sys.exit(7)\n1 / 0",
    "threads and atexit": """
        import atexit, threading, time
        print(threading.current_thread(), threading.main_thread().is_alive())
        def late():
            time.sleep(0.2)
            print("late", threading.main_thread().is_alive())
        atexit.register(print, "first registered")
        atexit.register(lambda: print("last registered", threading.active_count()))
        threading.Thread(target=late).start()
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        print("end")
        """,
    "atexit after an error": "import atexit\natexit.register(print, 'bye')\n1 / 0",
    "atexit that fails": "import atexit\natexit.register(lambda: 1 / 0)",
    "a thread that fails": "import threading\nt = threading.Thread(target=lambda: {}['x'])\nt.start()\nt.join()",
    "os._exit": "import os, sys, atexit\natexit.register(print, 'no')\nprint('out'); sys.stdout.flush()\nos._exit(5)",
    "last exception": "import atexit, sys\natexit.register(lambda: print(repr(sys.last_exc), sys.last_type))\n1 / 0",
    "finalizers": """
        class C:
            def __del__(self):
                self.x = getattr(self, 'x', 1)
                print('del', self.x)
        c = C()
        cycle = [C()]
        cycle.append(cycle)
        """,
    "unflushed": "import sys\nsys.stdout.write('no newline')",
    "future": "'doc'\nfrom __future__ import annotations\nx: nowhere = 1\nprint(__annotations__, __doc__)",
}


@pytest.mark.parametrize("how", ["script", *(pytest.param(how, marks=pytest.mark.slow) for how in ("module", "code"))])
@pytest.mark.parametrize("name", ENDINGS)
def test_ends_as_python_does(tmp_path, name, how):
    source = textwrap.dedent(ENDINGS[name])
    (tmp_path / "script.py").write_text(source, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:\n    pass")
    (tmp_path / "failing.py").write_text("def f():\n    return {}['x']\n\nf()\n")
    (tmp_path / "helping.py").write_text("x = 1")
    arguments = {"script": ["script.py"], "module": ["-m", "script"], "code": ["-c", source]}[how]
    plain, ours = both(tmp_path, *arguments)
    assert plain == ours


@pytest.mark.parametrize(
    "arguments", [["nowhere.py"], ["-m", "nowhere"], ["-m", "os.nowhere"], ["empty"], ["-m", "empty"]]
)
def test_what_cannot_be_run(tmp_path, arguments):
    (tmp_path / "empty").mkdir()
    plain, ours = both(tmp_path, *arguments)
    assert plain == ours
    assert ours[0] != 0


def test_bytecode_alone_runs_with_a_warning(tmp_path):
    import py_compile

    (tmp_path / "script.py").write_text("print(__file__)")
    py_compile.compile(str(tmp_path / "script.py"), cfile=str(tmp_path / "script.pyc"))
    plain, ours = both(tmp_path, "script.pyc")
    assert plain[:2] == ours[:2]
    assert "runs uninstrumented: it has no source" in ours[2]


def test_null_bytes(tmp_path):
    (tmp_path / "script.py").write_bytes(b"x = 1\nx = '\0'\n")
    plain, ours = both(tmp_path, "script.py")
    assert ours[0] == plain[0] == 1
    assert "SyntaxError: source code" in ours[2]
    assert "null bytes" in ours[2]


def test_too_deep_a_program_runs_uninstrumented(tmp_path):
    (tmp_path / "script.py").write_text("import deep\nprint(deep.x)\n")
    for depth in (2_000, 4_000, 8_000, 16_000):
        (tmp_path / "deep.py").write_text("x = 1\ntry: x" + ".a" * depth + "\nexcept AttributeError: pass\n")
        plain, ours = both(tmp_path, "script.py")
        if plain[0]:
            pytest.skip("the parser stops before the rewriting does")
        assert plain[:2] == ours[:2]
        if ours[2]:
            assert len(ours[2].splitlines()) == 1
            assert f"{tmp_path / 'deep.py'} runs uninstrumented: " in ours[2]
            return
    pytest.fail("nothing is too deep for it?")


@posix
def test_ctrl_c_ends_it_as_it_ends_python(tmp_path):
    (tmp_path / "script.py").write_text("import signal\ndef f():\n  signal.raise_signal(signal.SIGINT)\nf()\n")
    ends = []
    for command in ([*PYTHON], RACE):
        ends.append(execute([*command, "script.py"], tmp_path))
    assert ends[0] == ends[1]
    assert ends[0][0] == -signal.SIGINT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork_and_spawn(tmp_path):
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import multiprocessing, os, sys, warnings
            warnings.simplefilter("ignore")
            x = [0]
            def work(n):
                x[0] += n
                return x[0], __name__
            if __name__ == "__main__":
                pid = os.fork()
                if not pid:
                    x[0] = 5
                    os._exit(x[0])
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                pid = os.fork()
                if not pid:
                    sys.exit(6)
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                for method in ("fork", "spawn"):
                    with multiprocessing.get_context(method).Pool(1) as pool:
                        print(method, pool.map(work, [3]))
            """
        )
    )
    plain, ours = both(tmp_path, "script.py")
    assert plain == ours
    assert ours[0] == 0


USAGE = [
    ([], "no program to run"),
    (["--json"], "expected one argument"),
    (["--json", "x"], "no program to run"),
    (["--wrong", "script.py"], "unrecognized arguments: --wrong"),
    (["-m"], "argument expected for -m"),
    (["-c"], "argument expected for -c"),
    (["--json", "nowhere/races.json", "script.py"], "cannot write"),
    (["--sarif", ".", "script.py"], "cannot write"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_bad_usage(tmp_path, arguments, message):
    (tmp_path / "script.py").write_text("print('it ran')")
    status, out, err = execute([*RACE, *arguments], tmp_path)
    assert (status, out) == (2, "")
    assert message in err


def test_help_and_the_list_of_commands(tmp_path):
    status, out, _ = execute([*RACE, "--help"], tmp_path)
    assert status == 0
    for option in ("--json", "--sarif", "--halt", "--include", "--exclude", "# race: ignore", "66"):
        assert option in out
    status, out, _ = execute([*PYTHON, "-m", "atomicpy", "--help"], tmp_path)
    assert status == 0
    assert "report its data races" in out
