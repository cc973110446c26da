"""AtomicUInt: what differs from AtomicInt. Results wrap modulo 2**64; arguments are 0 to 2**64 - 1."""

import copy
import operator
import pickle

import pytest
from helpers import run_threaded

from atomicpy import AtomicUInt

TOP = 2**64

MODEL = {
    "store": lambda old, n: (None, n),
    "exchange": lambda old, n: (old, n),
    "add": lambda old, n: ((old + n) % TOP, (old + n) % TOP),
    "sub": lambda old, n: ((old - n) % TOP, (old - n) % TOP),
    "fetch_add": lambda old, n: (old, (old + n) % TOP),
    "fetch_sub": lambda old, n: (old, (old - n) % TOP),
    "fetch_and": lambda old, n: (old, old & n),
    "fetch_or": lambda old, n: (old, old | n),
    "fetch_xor": lambda old, n: (old, old ^ n),
    "fetch_max": lambda old, n: (old, max(old, n)),
    "fetch_min": lambda old, n: (old, min(old, n)),
}
INPLACE = {
    operator.iadd: lambda old, n: (old + n) % TOP,
    operator.isub: lambda old, n: (old - n) % TOP,
    operator.iand: operator.and_,
    operator.ior: operator.or_,
    operator.ixor: operator.xor,
}
EDGES = [0, 1, 2, 255, 2**31, 2**63 - 1, 2**63, TOP - 2, TOP - 1]


@pytest.mark.parametrize("name", MODEL)
def test_operation_agrees_with_int_modulo_two_to_the_64(name):
    for old in EDGES:
        for n in EDGES:
            a = AtomicUInt(old)
            returned, left = MODEL[name](old, n)
            assert (getattr(a, name)(n), a.load()) == (returned, left), (old, n)


@pytest.mark.parametrize("inplace", INPLACE, ids=lambda f: f.__name__)
def test_inplace_operator_is_the_same_object_and_wraps(inplace):
    for old in EDGES:
        for n in EDGES:
            a = b = AtomicUInt(old)
            a = inplace(a, n)
            assert a is b
            assert a.load() == INPLACE[inplace](old, n)


def test_inc_and_dec_wrap():
    a = AtomicUInt(TOP - 1)
    assert a.inc() is None
    assert a.load() == 0
    assert a.dec() is None
    assert a.load() == TOP - 1


@pytest.mark.parametrize("name", [*MODEL, "__iadd__", "__isub__", "__iand__", "__ior__", "__ixor__"])
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (-1, OverflowError),
        (TOP, OverflowError),
        (-(2**63), OverflowError),
        (1.0, TypeError),
        ("1", TypeError),
        (None, TypeError),
    ],
)
def test_bad_argument_is_an_error_and_leaves_the_value(name, bad, error):
    a = AtomicUInt(5)
    with pytest.raises(error):
        getattr(a, name)(bad)
    with pytest.raises(error):
        AtomicUInt(bad)
    with pytest.raises(error):
        a.compare_exchange(5, bad)
    with pytest.raises(error):
        a.compare_exchange(bad, 5)
    with pytest.raises(error):
        a.update(lambda v: bad)
    assert a.load() == 5


def test_errors_name_the_value_and_the_range():
    with pytest.raises(OverflowError, match=r"-1 is outside the range of AtomicUInt, 0 to 2\*\*64 - 1"):
        AtomicUInt().add(-1)


def test_compare_exchange_and_update():
    a = AtomicUInt(TOP - 1)
    assert a.compare_exchange(1, 2) is False
    assert a.compare_exchange(TOP - 1, 2) is True
    assert a.update(lambda v: v + 2**63) == 2**63 + 2


def test_reads_and_compares_like_an_int():
    a = AtomicUInt(2**63)
    assert (int(a), float(a), bool(a), operator.index(a), str(a)) == (2**63, 2.0**63, True, 2**63, str(2**63))
    assert repr(a) == f"AtomicUInt({2**63})"
    assert f"{a:x}" == "8000000000000000"
    assert a == 2**63 > AtomicUInt(1)
    assert a != -1
    assert -1 < a


@pytest.mark.parametrize(
    "do", [copy.copy, copy.deepcopy, pickle.dumps, hash, lambda a: a + 1, lambda a: type("S", (type(a),), {})]
)
def test_what_no_atomic_allows(do):
    with pytest.raises(TypeError):
        do(AtomicUInt(5))


@pytest.mark.parametrize(
    "step", [lambda a: a.inc(), lambda a: a.add(1), lambda a: a.sub(TOP - 1), lambda a: a.update(lambda v: v + 1)]
)
def test_no_update_is_lost(step):
    a = AtomicUInt()
    run_threaded(lambda me: [step(a) for _ in range(3000)], 8)
    assert a == 24_000
