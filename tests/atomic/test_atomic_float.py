"""AtomicFloat: each operation against a plain float, NaN and the signs of zero, what must be refused, exact totals."""

import copy
import decimal
import math
import operator
import pickle

import pytest
from helpers import run_threaded

from atomicpy import AtomicFloat

NAN, INF = float("nan"), float("inf")
EDGES = [0.0, -0.0, 1.5, -2.25, 1e308, -1e308, 5e-324, INF, -INF, NAN]

MODEL = {
    "store": lambda old, n: (None, n),
    "exchange": lambda old, n: (old, n),
    "add": lambda old, n: (old + n, old + n),
    "sub": lambda old, n: (old - n, old - n),
    "fetch_add": lambda old, n: (old, old + n),
    "fetch_sub": lambda old, n: (old, old - n),
    "fetch_max": lambda old, n: (old, n if n > old else old),
    "fetch_min": lambda old, n: (old, n if n < old else old),
}


def same(a, b) -> bool:
    if a is None or b is None:
        return a is b
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@pytest.mark.parametrize("name", MODEL)
def test_operation_agrees_with_float(name):
    for old in EDGES:
        for n in EDGES:
            a = AtomicFloat(old)
            returned, left = MODEL[name](old, n)
            assert same(getattr(a, name)(n), returned), (old, n)
            assert same(a.load(), left), (old, n)


def test_compare_exchange_compares_as_floats():
    for old in EDGES:
        for expected in EDGES:
            a = AtomicFloat(old)
            assert a.compare_exchange(expected, 7.0) is (old == expected)
            assert same(a.load(), 7.0 if old == expected else old)


@pytest.mark.parametrize("inplace", [operator.iadd, operator.isub])
def test_inplace_operator_is_the_same_object(inplace):
    a = b = AtomicFloat(1.5)
    a = inplace(a, 0.25)
    assert a is b
    assert a == inplace(1.5, 0.25)


def test_update_replaces_a_nan_too():
    a = AtomicFloat(NAN)
    assert a.update(lambda v: 1.0 if math.isnan(v) else v) == 1.0


@pytest.mark.parametrize("n", [True, 2, 2**70, decimal.Decimal("0.5"), AtomicFloat(3.5)])
def test_anything_that_is_a_number_is_taken(n):
    assert AtomicFloat(n).load() == float(n)


@pytest.mark.parametrize(
    ("bad", "error"),
    [("1.5", TypeError), (None, TypeError), (1j, TypeError), ([], TypeError), (10**400, OverflowError)],
)
def test_bad_argument_is_an_error_and_leaves_the_value(bad, error):
    a = AtomicFloat(5.5)
    for call in [
        AtomicFloat,
        *(getattr(a, name) for name in MODEL),
        a.__iadd__,
        a.__isub__,
        lambda v: a.compare_exchange(v, 1.0),
        lambda v: a.compare_exchange(5.5, v),
        lambda v: a.update(lambda old: v),
    ]:
        with pytest.raises(error):
            call(bad)
    assert a.load() == 5.5


def test_reads_like_a_float():
    a = AtomicFloat(-1.5)
    assert (float(a), int(a), bool(a), str(a), repr(a), f"{a:.3f}") == (
        -1.5,
        -1,
        True,
        "-1.5",
        "AtomicFloat(-1.5)",
        "-1.500",
    )
    assert not AtomicFloat(-0.0)
    assert a == -1.5 < AtomicFloat(0)
    assert AtomicFloat(NAN) != AtomicFloat(NAN)
    with pytest.raises(TypeError):
        operator.index(a)


@pytest.mark.parametrize(
    "do", [copy.copy, copy.deepcopy, pickle.dumps, hash, lambda a: a + 1, lambda a: type("S", (type(a),), {})]
)
def test_what_no_atomic_allows(do):
    with pytest.raises(TypeError):
        do(AtomicFloat())


@pytest.mark.parametrize(
    "step", [lambda a: a.add(0.5), lambda a: a.fetch_sub(-0.5), lambda a: a.update(lambda v: v + 0.5)]
)
def test_no_update_is_lost(step):
    a = AtomicFloat()
    run_threaded(lambda me: [step(a) for _ in range(3000)], 8)
    assert a == 12_000.0  # halves add up exactly
