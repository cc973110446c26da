"""AtomicBool: each operation, what must be refused, and one winner among many threads."""

import copy
import pickle

import pytest
from helpers import run_threaded

from atomicpy import AtomicBool

BOTH = [False, True]


@pytest.mark.parametrize("old", BOTH)
def test_operations_agree_with_bool(old):
    def made():
        return AtomicBool(old)

    assert made().load() is old
    for n in BOTH:
        a = made()
        assert (a.store(n), a.load()) == (None, n)
        a = made()
        assert (a.exchange(n), a.load()) == (old, n)
        for expected in BOTH:
            a = made()
            assert a.compare_exchange(expected, n) is (expected == old)
            assert a.load() is (n if expected == old else old)
    a = made()
    assert (a.test_and_set(), a.load()) == (old, True)
    a = made()
    assert (a.clear(), a.load()) == (None, False)
    a = made()
    assert (a.toggle(), a.load()) == (not old, not old)


@pytest.mark.parametrize("bad", [0, 1, 2, "no", "", None, [], 1.0])
def test_what_is_neither_true_nor_false_is_refused(bad):
    a = AtomicBool(True)
    for call in [
        AtomicBool,
        a.store,
        a.exchange,
        lambda v: a.compare_exchange(v, True),
        lambda v: a.compare_exchange(True, v),
        a.wait,
    ]:
        with pytest.raises(TypeError, match=r"needs True or False, not the .*; convert it with bool\(\) first"):
            call(bad)
    assert a.load() is True


def test_reads_like_a_bool():
    a = AtomicBool(True)
    assert a
    assert not AtomicBool()
    assert (repr(a), str(a), f"{a}", f"{a:>6}") == ("AtomicBool(True)", "True", "True", f"{True:>6}")
    assert a == True  # noqa: E712
    assert a != AtomicBool(False)
    assert a == AtomicBool(True)


@pytest.mark.parametrize(
    "do",
    [
        copy.copy,
        copy.deepcopy,
        pickle.dumps,
        hash,
        lambda a: a + 1,
        lambda a: a & True,
        lambda a: type("S", (type(a),), {}),
    ],
)
def test_what_no_atomic_allows(do):
    with pytest.raises(TypeError):
        do(AtomicBool())


def test_one_thread_of_many_wins_test_and_set():
    for _ in range(200):
        a = AtomicBool()
        assert run_threaded(lambda me, a=a: a.test_and_set(), 4).count(False) == 1


def test_every_toggle_counts():
    a = AtomicBool()
    seen = run_threaded(lambda me: sum(a.toggle() for _ in range(3000)), 8)
    assert sum(seen) == 12_000  # each second toggle makes it True
    assert a.load() is False


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("other", [False, True, 0, 1, 2, 1.0, None, "True"])
def test_compares_as_the_bool_it_holds(value, other):
    a = AtomicBool(value)
    assert (a == other) is (value == other)
    assert (a != other) is (value != other)
    assert (other == a) is (other == value)
