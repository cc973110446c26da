"""AtomicInt: each operation against a plain int, the limits, what must be refused, and exact totals."""

import copy
import enum
import operator
import pickle
import weakref

import pytest
from helpers import run_threaded
from modelling import Index

from atomicpy import AtomicInt

MIN, MAX = -(2**63), 2**63 - 1


class Colour(enum.IntEnum):
    RED = 3


# name: (what it returns, what is left), of the old value and the argument
MODEL = {
    "exchange": lambda old, n: (old, n),
    "add": lambda old, n: (old + n, old + n),
    "sub": lambda old, n: (old - n, old - n),
    "fetch_add": lambda old, n: (old, old + n),
    "fetch_sub": lambda old, n: (old, old - n),
    "fetch_and": lambda old, n: (old, old & n),
    "fetch_or": lambda old, n: (old, old | n),
    "fetch_xor": lambda old, n: (old, old ^ n),
    "fetch_max": lambda old, n: (old, max(old, n)),
    "fetch_min": lambda old, n: (old, min(old, n)),
    "store": lambda old, n: (None, n),
}
INPLACE = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.iand: operator.and_,
    operator.ior: operator.or_,
    operator.ixor: operator.xor,
}
EDGES = [0, 1, -1, 2, 255, 256, -257, 2**31, -(2**32), 2**62, MAX - 1, MAX, MIN + 1, MIN]


@pytest.mark.parametrize("name", MODEL)
def test_operation_agrees_with_int_or_raises_overflow(name):
    for old in EDGES:
        for n in EDGES:
            a = AtomicInt(old)
            returned, left = MODEL[name](old, n)
            if MIN <= left <= MAX:
                assert getattr(a, name)(n) == returned, (old, n)
                assert a.load() == left
            else:
                with pytest.raises(OverflowError, match=str(old)):
                    getattr(a, name)(n)
                assert a.load() == old


@pytest.mark.parametrize("inplace", INPLACE, ids=lambda f: f.__name__)
def test_inplace_operator_is_the_same_object_and_agrees_with_int(inplace):
    for old in EDGES:
        for n in EDGES:
            a = b = AtomicInt(old)
            left = INPLACE[inplace](old, n)
            if MIN <= left <= MAX:
                a = inplace(a, n)
                assert a is b
                assert a.load() == left
            else:
                with pytest.raises(OverflowError):
                    a = inplace(a, n)
                assert b.load() == old


def test_inc_and_dec_return_none_and_stop_at_the_limits():
    a = AtomicInt(MAX - 1)
    assert a.inc() is None
    with pytest.raises(OverflowError, match=r"AtomicInt\(9223372036854775807\) \+ 1"):
        a.inc()
    assert a.load() == MAX
    a.store(MIN + 1)
    assert a.dec() is None
    with pytest.raises(OverflowError):
        a.dec()
    assert a.load() == MIN


def test_the_step_is_one_where_it_is_left_out():
    a = AtomicInt()
    assert [a.add(), a.add(), a.sub(), a.fetch_add(), a.fetch_sub(), a.load()] == [1, 2, 1, 1, 2, 1]


def test_compare_exchange_swaps_only_on_the_expected_value():
    a = AtomicInt(5)
    assert a.compare_exchange(4, 6) is False
    assert a.load() == 5
    assert a.compare_exchange(5, 6) is True
    assert a.load() == 6


@pytest.mark.parametrize("n", [True, Colour.RED, Index(3), AtomicInt(3)])
def test_anything_with_index_is_an_integer(n):
    assert AtomicInt(n).load() == operator.index(n)
    assert AtomicInt(4).add(n) == 4 + operator.index(n)


# ---- update -----------------------------------------------------------------------------------------------------


def test_update_returns_the_new_value():
    a = AtomicInt(20)
    assert a.update(lambda v: v * 2 + 2) == 42
    assert a.load() == 42


@pytest.mark.parametrize(
    ("fn", "error"),
    [
        (lambda v: 1 // 0, ZeroDivisionError),
        (lambda v: None, TypeError),
        (lambda v: v + 0.5, TypeError),
        (lambda v: 2**63, OverflowError),
        (None, TypeError),
        (lambda: 1, TypeError),
    ],
)
def test_update_that_fails_leaves_the_value(fn, error):
    a = AtomicInt(5)
    with pytest.raises(error):
        a.update(fn)
    assert a.load() == 5


def test_update_calls_again_where_the_value_changed_meanwhile():
    a = AtomicInt(1)
    seen = []

    def fn(v):
        seen.append(v)
        if len(seen) == 1:
            a.store(10)  # as another thread might
        return v + 1

    assert a.update(fn) == 11
    assert seen == [1, 10]


# ---- what must be refused ---------------------------------------------------------------------------------------

ONE_ARGUMENT = [*MODEL, "__iadd__", "__isub__", "__iand__", "__ior__", "__ixor__"]


@pytest.mark.parametrize("name", ONE_ARGUMENT)
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("1", TypeError),
        (1.5, TypeError),
        (None, TypeError),
        ([], TypeError),
        (1 + 0j, TypeError),
        (2**63, OverflowError),
        (-(2**63) - 1, OverflowError),
        (2**70, OverflowError),
        (1 << 100_000, OverflowError),  # its decimal digits are more than str() gives out
        (Index(2**63), OverflowError),
        (Index("3"), TypeError),
        (Index(KeyError("from __index__")), KeyError),
    ],
    ids=lambda x: getattr(x, "__name__", None) or type(x).__name__,
)
def test_bad_argument_is_an_error_and_leaves_the_value(name, bad, error):
    a = AtomicInt(5)
    with pytest.raises(error):
        getattr(a, name)(bad)
    with pytest.raises(error):
        AtomicInt(bad)
    with pytest.raises(error):
        a.compare_exchange(bad, 1)
    with pytest.raises(error):
        a.compare_exchange(5, bad)
    assert a.load() == 5


def test_error_messages_name_what_was_wrong_and_what_to_do():
    with pytest.raises(TypeError, match=r"not the str '1'; convert it with int\(\) first"):
        AtomicInt("1")
    with pytest.raises(OverflowError, match=r"1180591620717411303424 is outside .* -2\*\*63 to 2\*\*63 - 1"):
        AtomicInt().add(2**70)
    with pytest.raises(OverflowError, match=r"AtomicInt\(7\) \+ 9223372036854775807 .* the value stays 7"):
        AtomicInt(7).add(MAX)


@pytest.mark.parametrize(
    "expression",
    ["a + 1", "1 + a", "a - 1", "a * 2", "a // 2", "a % 2", "a ** 2", "a & 1", "a | 1", "a ^ 1", "a << 1", "-a", "~a"],
)
def test_operators_that_would_hide_a_read_and_a_write_do_not_exist(expression):
    with pytest.raises(TypeError):
        eval(expression, {"a": AtomicInt(5)})


@pytest.mark.parametrize(
    "statement", ["a *= 2", "a //= 2", "a /= 2", "a %= 2", "a **= 2", "a <<= 1", "a >>= 1", "a @= 1"]
)
def test_inplace_operators_that_are_no_atomic_step_do_not_exist(statement):
    a = AtomicInt(5)
    with pytest.raises(TypeError):
        exec(statement, {"a": a})
    assert a.load() == 5


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_are_refused_with_the_reason(copier):
    a = AtomicInt(5)
    with pytest.raises(TypeError, match=r"AtomicInt\(5\) cannot be copied .* AtomicIntArray\.from_buffer"):
        copier(a)
    assert a.load() == 5


def test_type_is_final_closed_and_unhashable():
    with pytest.raises(TypeError):
        type("Sub", (AtomicInt,), {})
    with pytest.raises(AttributeError):
        AtomicInt().extra = 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(AtomicInt())
    with pytest.raises(TypeError):
        AtomicInt(1, 2)
    with pytest.raises(TypeError):
        AtomicInt(val=1)
    assert AtomicInt(value=4).load() == 4


# ---- one load(), then plain Python ------------------------------------------------------------------------------


def test_reads_like_an_int():
    a = AtomicInt(-5)
    assert (int(a), float(a), bool(a), operator.index(a), str(a), repr(a)) == (
        -5,
        -5.0,
        True,
        -5,
        "-5",
        "AtomicInt(-5)",
    )
    assert f"{a:+05d}|{a:x}|{a}" == "-0005|-5|-5"
    assert not AtomicInt(0)
    assert [10, 20, 30][AtomicInt(1)] == 20
    assert list(range(AtomicInt(3))) == [0, 1, 2]
    with pytest.raises(ValueError, match="Unknown format code"):
        format(a, "s")


def test_compares_like_an_int():
    a = AtomicInt(5)
    assert a == 5
    assert 5 == a
    assert a == 5.0
    assert a == AtomicInt(5)
    assert a != 6
    assert a != "5"
    assert a != object()
    assert not a == None  # noqa: E711, SIM201
    assert a < 6 <= AtomicInt(6)
    assert 4 < a
    assert a > AtomicInt(4)
    assert a >= 5
    with pytest.raises(TypeError):
        _ = a < "6"


def test_weak_references_and_freed_at_the_last_reference():
    a = AtomicInt(5)
    gone = []
    ref = weakref.ref(a, gone.append)
    assert ref() is a
    del a
    assert gone == [ref]


# ---- threads ----------------------------------------------------------------------------------------------------

THREADS, ROUNDS = 8, 5000


def add_by_operator(a):
    a += 1


STEPS = {
    "inc": lambda a: a.inc(),
    "add": lambda a: a.add(1),
    "fetch_add": lambda a: a.fetch_add(),
    "sub": lambda a: a.sub(-1),
    "+=": add_by_operator,
    "update": lambda a: a.update(lambda v: v + 1),
    "compare_exchange": lambda a: next(None for _ in iter(int, 1) if a.compare_exchange(old := a.load(), old + 1)),
}


@pytest.mark.parametrize("step", STEPS)
def test_no_update_is_lost(step):
    a, fn = AtomicInt(), STEPS[step]

    def hammer(me):
        for _ in range(ROUNDS):
            fn(a)

    run_threaded(hammer, THREADS)
    assert a.load() == THREADS * ROUNDS


def test_every_value_is_returned_once():
    a = AtomicInt()
    got = run_threaded(lambda me: [a.fetch_add() for _ in range(ROUNDS)], THREADS)
    assert sorted(v for values in got for v in values) == list(range(THREADS * ROUNDS))
    assert all(values == sorted(values) for values in got)


def test_no_thread_sees_a_wrapped_value_at_the_limit():
    a = AtomicInt(MAX)

    def hammer(me):
        refused = 0
        for i in range(ROUNDS):
            if me == 0:
                a.store(MAX if i % 2 else 0)
            else:
                try:
                    a.inc()
                except OverflowError:
                    refused += 1
                assert a.load() >= 0
        return refused

    run_threaded(hammer, THREADS)


def test_the_native_type_is_lock_free_and_one_word_of_state():
    # Header, word, weak references: no lock hides in the object.
    word = 8
    header = object.__basicsize__
    assert AtomicInt.__basicsize__ == header + word + word
