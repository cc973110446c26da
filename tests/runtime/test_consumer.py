"""The Cython and C interface, used by the project in tests/runtime/consumer, which is built as a user would build it.

The tests copy the project out of the checkout and build the copy, so the build uses the installed package only. Cython
does not compile a call of Python in a `nogil` loop, so these loops need no GIL. Threads of C run their loops while
another thread holds the GIL.
"""

import importlib.machinery
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest
from helpers import FREE_THREADED, PYTHON, WATCHDOG, run_program, run_threaded

import atomicpy
from atomicpy import AtomicBool, AtomicFloat, AtomicInt, AtomicIntArray, AtomicUInt, ShardedCounter, WaitGroup

SOURCE = Path(__file__).resolve().parent / "consumer"
INSTALLED = Path(atomicpy.__file__).resolve().parent
THREADS = 4
TIMES = 1_000_000  # some ms: a shorter loop would end before the next thread starts, and could not lose an increment
N = THREADS * TIMES

# The first test includes the build of the consumer.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def missing() -> str | None:
    """Return the name of what an extension needs for its build and this machine lacks."""
    for module in ("Cython", "setuptools"):
        if not importlib.util.find_spec(module):
            return module
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python.h"
    # On Windows the compiler is not in PATH. setuptools finds it, or reports that there is none.
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if sys.platform != "win32" and not shutil.which(shlex.split(compiler)[0]):
        return f"the compiler ({compiler})"
    return None


def give_up(reason: str) -> None:
    """Skip the test; but fail in CI, where the tools are always installed and a skip would hide a broken setup."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def build(folder: Path) -> Path:
    """Build the consumer in that folder. Return the path of the module."""
    done = subprocess.run(
        [*PYTHON, "setup.py", "build_ext", "--inplace"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=350,
        check=False,
    )
    if done.returncode and "Microsoft Visual C++ 14.0 or greater is required" in done.stdout:
        give_up("the consumer cannot be built: no compiler")
    assert done.returncode == 0, done.stdout
    [module] = [
        path for path in folder.glob("consumer.*") if path.name.endswith(sysconfig.get_config_var("EXT_SUFFIX"))
    ]
    return module


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The extension module, in a copy of tests/runtime/consumer."""
    lacking = missing()
    if lacking:
        give_up(f"the consumer cannot be built: {lacking} is missing")
    folder = tmp_path_factory.mktemp("consumer") / "consumer"
    # The copy leaves out the results of a build in the checkout.
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("build", "consumer.c", "*.dep", "*.so", "*.pyd"))
    return build(folder)


LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("consumer", {path!r})
consumer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(consumer)
"""


@pytest.fixture(scope="session")
def consumer(built) -> ModuleType:
    # The first import is in its own process, because a module that turns the GIL on would do so for all other tests.
    run_program(LOAD.format(path=str(built)))
    spec = importlib.util.spec_from_file_location("consumer", built)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_build_uses_the_headers_and_pxd_of_the_installed_package(built):
    include = Path(atomicpy.get_include()).resolve()
    assert include.is_relative_to(INSTALLED)
    # Cython writes the build options at the top of the C file.
    text = built.with_name("consumer.c").read_text(encoding="utf-8")
    metadata = json.loads(re.search(r"BEGIN: Cython Metadata\n(.*?)\nEND: Cython Metadata", text, re.S)[1])
    assert [Path(path).resolve() for path in metadata["distutils"]["include_dirs"]] == [include]

    used = shlex.split(built.with_name("consumer.c.dep").read_text(encoding="utf-8").replace("\\\n", " "))
    of_atomicpy = {Path(built.parent, path).resolve() for path in used if Path(path).name.startswith(("ap_", "atomic"))}
    assert {path.name for path in of_atomicpy} >= {"ap_atomic.pxd", "atomic_int.pxd", "atomic_int_array.pxd"}
    assert [path for path in of_atomicpy if not path.is_relative_to(INSTALLED)] == []


def test_package_contains_every_header_and_pxd():
    root = SOURCE.parents[2]
    if not (root / "src").is_dir():
        pytest.skip("the tests do not run in a checkout, which has the files to compare with")

    def below(folder: Path, suffix: str) -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob(f"*{suffix}")}

    headers = {path for path in below(root / "src", ".h") if not path.startswith("race/")}
    assert below(Path(atomicpy.get_include()), ".h") == headers
    assert below(INSTALLED, ".pxd") == below(root / "atomicpy", ".pxd")


def test_import_does_not_enable_the_gil_and_gives_no_warning(built):
    code = LOAD.format(path=str(built)) + "print(getattr(sys, '_is_gil_enabled', lambda: True)())"
    assert run_program(code).strip() == str(not FREE_THREADED)


@pytest.mark.parametrize(
    "loop", ["count_int", "count_int_relaxed", "count_int_by_swaps", "count_int_in_c"], ids=lambda name: name
)
def test_threads_in_nogil_loops_lose_no_increment(consumer, loop):
    a = AtomicInt(-5)
    run_threaded(lambda me: getattr(consumer, loop)(a, TIMES), THREADS)
    assert a.load() == N - 5


def test_threads_in_nogil_loops_and_threads_in_python_share_one_object(consumer):
    a = AtomicInt()

    def count(me: int) -> None:
        if me % 2:
            consumer.count_int(a, TIMES)
        else:
            for _ in range(TIMES // 10):
                a.inc()

    run_threaded(count, THREADS)
    assert a.load() == THREADS // 2 * (TIMES + TIMES // 10)


def test_every_type_is_exact_in_nogil_loops(consumer):
    u, bits, flag, x, high = AtomicUInt(2**64 - 1), AtomicUInt(), AtomicBool(), AtomicFloat(0.25), AtomicInt()
    array = AtomicIntArray(8)

    def work(me: int) -> None:
        consumer.count_uint(u, TIMES)
        consumer.flip_bit(bits, 2 * me, TIMES + 1)
        consumer.toggle(flag, TIMES + (me == 0))
        consumer.count_halves(x, TIMES)
        consumer.count_array(array, TIMES)
        consumer.raise_to(high, TIMES + me)

    run_threaded(work, THREADS)
    assert u.load() == N - 1  # wrapped
    assert bits.load() == sum(1 << 2 * me for me in range(THREADS))  # an odd number of flips of each
    assert flag.load() is True  # an odd number of flips
    assert x.load() == 0.25 + N / 2
    assert list(array) == [N // 8] * 8
    assert high.load() == TIMES + THREADS - 2


def test_mutex_guards_a_plain_variable_in_nogil_loops(consumer):
    guarded = consumer.Guarded()
    run_threaded(lambda me: guarded.count(TIMES), THREADS)
    assert guarded.total() == N


def test_rwmutex_guards_plain_variables_in_nogil_loops(consumer):
    pair = consumer.Pair()
    assert run_threaded(lambda me: pair.count(TIMES // 20), THREADS) == [0] * THREADS
    assert pair.total() == N // 20
    assert pair.release_unlocked() is False


def test_exchange_acquire_and_store_release_guard_a_plain_variable(consumer):
    guarded = consumer.Guarded()
    # Two threads: if the system preempts the owner, each other thread spins for a whole time slice.
    run_threaded(lambda me: guarded.count_spinning(TIMES), 2)
    assert guarded.total() == 2 * TIMES


def test_prange_loses_no_increment(consumer):
    if not consumer.OPENMP:
        reason = "the compiler has no OpenMP: prange would use one thread"
        give_up(reason) if sys.platform == "linux" else pytest.skip(reason)
    a, seen = AtomicInt(), AtomicUInt()
    consumer.count_parallel(a, seen, N, THREADS)
    assert a.load() == N
    assert seen.load() == 2**THREADS - 1, "some threads ran no iteration"


def test_c_threads_count_while_another_thread_holds_the_gil(consumer):
    a = AtomicInt()
    assert consumer.count_on_c_threads(a, TIMES, THREADS) == THREADS
    assert a.load() == N


def test_nogil_code_and_c_threads_count_in_a_sharded_counter(consumer):
    c = ShardedCounter(-5)

    def count(me: int) -> None:
        if me == 0:
            assert consumer.count_sharded_on_c_threads(c, TIMES, THREADS) == THREADS
        elif me == 1:
            for _ in range(1000):
                c.inc()
        else:
            assert consumer.count_sharded(c, TIMES)

    run_threaded(count, 4)
    total = N + 1000 + 2 * TIMES - 5
    assert consumer.read_sharded(c) == ((True, total), (True, total))
    assert c.load() == 0
    for _ in range(2):
        c.add(2**63 - 1)
    (loads, _), (drains, _) = consumer.read_sharded(c)
    assert (loads, drains) == (False, False)
    c.sub(2**63 - 1)
    assert c.drain() == 2**63 - 1


def test_nogil_code_unparks_a_waiter_of_atomic_int_wait(consumer):
    a = AtomicInt()
    results = []
    waiter = threading.Thread(target=lambda: results.append(a.wait(0, timeout=WATCHDOG)), daemon=True)
    waiter.start()
    time.sleep(0.1)  # by now it has parked; otherwise it will see the new value and not park
    consumer.store_and_notify(a, 7)
    waiter.join(WATCHDOG)
    assert results == [True]


def test_nogil_threads_that_park_and_unpark_each_other_lose_no_wake_up(consumer):
    turn = AtomicInt()
    run_threaded(lambda me: consumer.take_turns(turn, me, 2000), 2)
    assert turn.load() == 4000


def test_notify_all_in_nogil_code_unparks_all_nogil_waiters(consumer):
    start, ready = AtomicBool(), AtomicUInt()

    def work(me: int) -> int:
        return consumer.wait_for_start(start, ready) if me else consumer.start_all(start, ready, THREADS - 1)

    unparked, *_ = run_threaded(work, THREADS)
    assert 0 <= unparked < THREADS
    assert ready.load() == THREADS - 1


def test_nogil_code_waits_for_a_group_and_calls_done(consumer):
    wg = WaitGroup()
    wg.add(THREADS - 1)
    run_threaded(lambda me: consumer.finish(wg) if me else consumer.wait_for_group(wg), THREADS)
    assert wg.count == 0
    assert consumer.finish(wg) is False, "the count went below zero"
    assert wg.count == 0


def test_python_thread_stops_a_nogil_loop(consumer):
    stop, a = AtomicBool(), AtomicInt()

    def work(me: int) -> int:
        if me:
            return consumer.spin_until(stop, a)
        while a.load() < 1000:  # wait until the loop of the other thread runs
            pass
        stop.store(True)
        return 0

    _, seen = run_threaded(work, 2)
    assert seen == a.load() >= 1000


def test_argument_of_a_wrong_type_raises_in_cython(consumer):
    for wrong in (None, 5, AtomicUInt()):
        with pytest.raises(TypeError):
            consumer.count_int(wrong, 1)
