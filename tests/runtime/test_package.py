"""The package as a whole: what it exports, its docstrings, and that importing it leaves the interpreter as it was."""

import doctest
import inspect
import sys

import pytest
from helpers import FREE_THREADED, run_program

import atomicpy

PUBLIC = [getattr(atomicpy, name) for name in atomicpy.__all__]

# Every public class, and every public method and property of it.
DOCUMENTED = PUBLIC + [
    member
    for cls in PUBLIC
    if inspect.isclass(cls)
    for name, member in vars(cls).items()
    if not name.startswith("_") and (inspect.isroutine(member) or inspect.isdatadescriptor(member))
]


def name_of(thing) -> str:
    return getattr(thing, "__qualname__", None) or thing.__name__


def test_exports_are_sorted_and_there():
    assert atomicpy.__all__ == sorted(atomicpy.__all__)


@pytest.mark.parametrize("thing", DOCUMENTED, ids=name_of)
def test_docstring_has_an_example_and_it_runs(thing):
    doc = inspect.getdoc(thing)
    assert doc, "no docstring"
    examples = doctest.DocTestParser().get_doctest(doc, dict(vars(atomicpy)), name_of(thing), None, 0)
    assert examples.examples, "no example"
    options = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False, optionflags=options).run(examples, out=report.append)
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("thing", [t for t in DOCUMENTED if callable(t)], ids=name_of)
def test_signature_can_be_read(thing):
    inspect.signature(thing)


def test_import_leaves_the_gil_and_warns_of_nothing():
    out = run_program("import sys, atomicpy; print(getattr(sys, '_is_gil_enabled', lambda: True)())")
    assert out.strip() == str(not FREE_THREADED)


def test_import_costs_little():
    # Nothing beyond threading and what threading itself needs.
    out = run_program("""
import sys, threading, collections
before = set(sys.modules)
import atomicpy
print(*sorted(set(sys.modules) - before))
""")
    assert [name for name in out.split() if not name.startswith(("atomicpy", "_cython", "cython"))] == []


def test_tests_see_the_installed_package():
    assert "site-packages" in atomicpy.__file__, (
        f"the tests run against {atomicpy.__file__}, the source folder: start them with `make test`"
    )


def test_a_subinterpreter_is_refused_clearly_and_the_main_one_goes_on():
    # The process has one parking lot and one set of types.
    interpreters = pytest.importorskip(
        "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters",
        reason="no sub-interpreters in this build",
    )
    interpreter = interpreters.create()
    try:
        # The path too: a sub-interpreter forgets -P, and would look for the package in the source folder.
        code = f"""
import sys
sys.path[:] = {sys.path!r}
try:
    import atomicpy
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    raise AssertionError("it was imported")
"""
        for _ in range(2):
            assert interpreters.run_string(interpreter, code) is None
    finally:
        interpreters.destroy(interpreter)
    with atomicpy.Mutex() as taken:
        assert taken
