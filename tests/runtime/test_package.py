"""The whole package: its exports, its docstrings, and the effects of its import on the interpreter."""

import doctest
import inspect
import pickle
import sys

import pytest
from helpers import FREE_THREADED, run_program

import atomicpy

PUBLIC = [getattr(atomicpy, name) for name in atomicpy.__all__]

# Each public object, and each public method and property of a public class.
DOCUMENTED = PUBLIC + [
    member
    for cls in PUBLIC
    if inspect.isclass(cls)
    for name, member in vars(cls).items()
    if not name.startswith("_") and (inspect.isroutine(member) or inspect.isdatadescriptor(member))
]


def name_of(thing) -> str:
    return getattr(thing, "__qualname__", None) or thing.__name__


def test_exports_exist_and_are_sorted():
    assert atomicpy.__all__ == sorted(atomicpy.__all__)


@pytest.mark.parametrize("thing", PUBLIC, ids=name_of)
def test_a_public_name_is_that_of_the_package_whichever_module_defines_it(thing):
    assert thing.__module__ == "atomicpy"
    assert getattr(atomicpy, thing.__qualname__) is thing
    if inspect.isclass(thing):
        assert repr(thing) == f"<class 'atomicpy.{thing.__name__}'>"
        assert pickle.loads(pickle.dumps(thing)) is thing


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


def is_exception(thing) -> bool:
    """Whether it is a class of exceptions: those that Python writes have no signature either."""
    return inspect.isclass(thing) and issubclass(thing, Exception)


@pytest.mark.parametrize("thing", [t for t in DOCUMENTED if callable(t) and not is_exception(t)], ids=name_of)
def test_signature_is_available_to_inspect(thing):
    inspect.signature(thing)


def test_import_does_not_enable_the_gil_and_gives_no_warning():
    out = run_program("import sys, atomicpy; print(getattr(sys, '_is_gil_enabled', lambda: True)())")
    assert out.strip() == str(not FREE_THREADED)


def test_import_loads_no_further_modules():
    # It loads nothing but threading and the modules that threading needs.
    out = run_program("""
import sys, threading
before = set(sys.modules)
import atomicpy
print(*sorted(set(sys.modules) - before))
""")
    assert [name for name in out.split() if not name.startswith(("atomicpy", "_cython", "cython"))] == []


def test_asyncio_is_loaded_by_the_first_coroutine_alone():
    out = run_program("""
import sys, atomicpy
ch = atomicpy.Channel(1)
ch.send(1), ch.recv(), ch.try_send(1), atomicpy.select(ch), atomicpy.after(0).recv(), ch.close(), list(ch)
print("asyncio" in sys.modules, "atomicpy.channel.coroutines" in sys.modules)
ch.arecv().close()
print("asyncio" in sys.modules)
""")
    assert out.split() == ["False", "False", "True"]


def test_tests_use_the_installed_package():
    assert "site-packages" in atomicpy.__file__, (
        f"the tests run against {atomicpy.__file__}, the source folder: start them with `make test`"
    )


def test_import_in_a_subinterpreter_raises_and_the_main_interpreter_works():
    # The process has one parking lot and one set of types.
    interpreters = pytest.importorskip(
        "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters",
        reason="no sub-interpreters in this build",
    )
    interpreter = interpreters.create()
    try:
        # It gets the path too: a sub-interpreter ignores -P, and would find the package in the source folder.
        code = f"""
import sys
sys.path[:] = {sys.path!r}
try:
    import atomicpy
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    raise AssertionError("the import did not raise")
"""
        for _ in range(2):
            assert interpreters.run_string(interpreter, code) is None
    finally:
        interpreters.destroy(interpreter)
    with atomicpy.Mutex() as taken:
        assert taken
