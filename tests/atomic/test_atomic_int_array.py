"""AtomicIntArray: the elements, the buffer both ways, several processes, what must be refused."""

import copy
import mmap
import pickle
import subprocess
import weakref
from multiprocessing import shared_memory

import pytest
from helpers import PYTHON, WATCHDOG, run_threaded

from atomicpy import AtomicInt, AtomicIntArray

MIN, MAX = -(2**63), 2**63 - 1

# method: its arguments after the index
METHODS = {
    "load": (),
    "store": (3,),
    "exchange": (3,),
    "compare_exchange": (5, 3),
    "inc": (),
    "dec": (),
    "add": (3,),
    "sub": (3,),
    "fetch_add": (3,),
    "fetch_sub": (3,),
    "fetch_and": (3,),
    "fetch_or": (3,),
    "fetch_xor": (3,),
    "fetch_max": (9,),
    "fetch_min": (3,),
    "update": (lambda v: v * 3,),
}


def test_has_every_method_of_atomic_int_but_those_that_sleep():
    def methods(cls):
        return {name for name in vars(cls) if not name.startswith("_")}

    assert methods(AtomicIntArray) - {"from_buffer"} == methods(AtomicInt) - {"wait", "notify", "notify_all"}
    assert methods(AtomicIntArray) - {"from_buffer"} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_method_does_to_an_element_what_atomic_int_does(name):
    for old in [5, 0, -1, MAX, MIN]:
        a, one = AtomicIntArray([1, old, 2]), AtomicInt(old)
        try:
            expected = getattr(one, name)(*METHODS[name])
        except OverflowError:
            with pytest.raises(OverflowError):
                getattr(a, name)(1, *METHODS[name])
        else:
            assert getattr(a, name)(1, *METHODS[name]) == expected
        assert list(a) == [1, one.load(), 2]


def test_made_of_a_length_or_of_values():
    assert list(AtomicIntArray(3)) == [0, 0, 0]
    assert list(AtomicIntArray([1, True, AtomicInt(7)])) == [1, 1, 7]
    assert list(AtomicIntArray(iter(range(3)))) == [0, 1, 2]
    assert list(AtomicIntArray(AtomicIntArray([4, 5]))) == [4, 5]
    assert len(AtomicIntArray(0)) == len(AtomicIntArray([])) == 0


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (-1, ValueError),
        (2**60, MemoryError),
        (2**62, MemoryError),
        (2**70, MemoryError),
        (-(2**70), ValueError),
        (1.5, TypeError),
        (None, TypeError),
        ("12", TypeError),
        ([1, "2"], TypeError),
        ([2**63], OverflowError),
    ],
)
def test_bad_length_or_value_is_an_error(bad, error):
    with pytest.raises(error):
        AtomicIntArray(bad)


def test_a_second_init_is_refused():
    a = AtomicIntArray([1])
    with pytest.raises(TypeError):
        a.__init__(5)
    assert list(a) == [1]


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (3, IndexError),
        (-4, IndexError),
        (2**70, IndexError),
        (-(2**70), IndexError),
        (1 << 100_000, IndexError),
        (slice(0, 2), TypeError),
        (1.0, TypeError),
        ("1", TypeError),
        (None, TypeError),
        ((0, 1), TypeError),
    ],
    ids=lambda x: getattr(x, "__name__", None) or type(x).__name__,
)
def test_bad_index_is_an_error_and_changes_nothing(index, error):
    a = AtomicIntArray([5, 6, 7])
    with pytest.raises(error):
        a[index]
    with pytest.raises(error):
        a[index] = 1
    for name, arguments in METHODS.items():
        with pytest.raises(error):
            getattr(a, name)(index, *arguments)
    assert list(a) == [5, 6, 7]


def test_index_counts_from_the_end_where_negative():
    a = AtomicIntArray([5, 6, 7])
    a[-1] = 8
    a.inc(-3)
    assert list(a) == [6, 6, 8]
    assert a[AtomicInt(2)] == 8
    with pytest.raises(TypeError):
        del a[0]


def test_an_empty_array_has_no_element():
    with pytest.raises(IndexError, match="has 0 elements"):
        AtomicIntArray(0)[0]


@pytest.mark.parametrize("bad", [2**63, "1", 1.5, None])
def test_bad_value_is_an_error_and_changes_nothing(bad):
    a = AtomicIntArray([5])
    for call in [
        a.store,
        a.exchange,
        a.add,
        a.fetch_or,
        a.fetch_min,
        a.__setitem__,
        lambda i, v: a.update(i, lambda _: v),
    ]:
        with pytest.raises((TypeError, OverflowError)):
            call(0, bad)
    assert a[0] == 5


@pytest.mark.parametrize(
    "do", [copy.copy, copy.deepcopy, pickle.dumps, lambda a: a + 1, lambda a: type("S", (type(a),), {})]
)
def test_what_no_atomic_allows(do):
    with pytest.raises(TypeError):
        do(AtomicIntArray(1))


def test_repr_shows_at_most_a_screenful():
    assert repr(AtomicIntArray([1, -2])) == "AtomicIntArray([1, -2])"
    assert repr(AtomicIntArray(1000)).endswith("0, 0, ...], length=1000)")


def test_no_update_is_lost():
    a = AtomicIntArray(4)
    run_threaded(lambda me: [(a.inc(me % 4), a.add(0, 1)) for _ in range(3000)], 8)
    assert list(a) == [24_000 + 6000, 6000, 6000, 6000]


# ---- the buffer it exports --------------------------------------------------------------------------------------


def test_exports_its_words():
    a = AtomicIntArray([1, -2, 3])
    with memoryview(a) as view:
        assert (view.format, view.itemsize, view.shape, view.strides, view.readonly) == ("q", 8, (3,), (8,), False)
        assert view.tolist() == [1, -2, 3]
        view[0] = 10
        assert a[0] == 10
        a.add(1, 5)
        assert view[1] == 3


def test_memory_lives_as_long_as_a_view_of_it():
    a = AtomicIntArray([1, 2])
    ref = weakref.ref(a)
    view = memoryview(a)
    del a
    assert view.tolist() == [1, 2]
    view.release()
    assert ref() is None


def test_shares_its_words_with_numpy_both_ways():
    numpy = pytest.importorskip("numpy")
    a = AtomicIntArray([1, 2, 3])
    view = numpy.asarray(a)
    assert view.dtype == numpy.int64
    view += 10
    assert list(a) == [11, 12, 13]
    a.inc(0)
    assert view.tolist() == [12, 12, 13]

    theirs = numpy.zeros(4, dtype=numpy.int64)
    b = AtomicIntArray.from_buffer(theirs)
    b.add(numpy.int32(1), numpy.uint8(5))
    assert theirs.tolist() == [0, 5, 0, 0]
    assert list(AtomicIntArray(theirs)) == [0, 5, 0, 0]
    with pytest.raises((BufferError, ValueError)):  # which of the two is NumPy's choice
        AtomicIntArray.from_buffer(numpy.zeros((4, 4), dtype=numpy.int64)[:, 1])


# ---- from_buffer ------------------------------------------------------------------------------------------------


def test_from_buffer_shares_the_words():
    memory = bytearray(32)
    a = AtomicIntArray.from_buffer(memory)
    b = AtomicIntArray.from_buffer(memory, offset=8, length=2)
    assert (len(a), len(b)) == (4, 2)
    b.add(0, 7)
    assert list(a) == [0, 7, 0, 0]
    assert memory[8] == 7
    with memoryview(b) as view:
        assert view.tolist() == [7, 0]


def test_from_buffer_takes_as_many_as_there_is_room_for():
    memory = bytearray(31)
    assert len(AtomicIntArray.from_buffer(memory)) == 3
    assert len(AtomicIntArray.from_buffer(memory, 24)) == 0
    assert len(AtomicIntArray.from_buffer(memory, length=0)) == 0


def test_from_buffer_holds_the_buffer_while_it_lives():
    memory = bytearray(16)
    a = AtomicIntArray.from_buffer(memory)
    with pytest.raises(BufferError):
        memory.append(0)
    with pytest.raises(ValueError, match="do not fit"):
        AtomicIntArray.from_buffer(memory, length=3)
    del a
    memory.append(0)  # and after an error nothing is held either


@pytest.mark.parametrize(
    ("buffer", "arguments", "error", "message"),
    [
        (b"12345678", {}, BufferError, None),
        (memoryview(bytearray(64))[::2], {}, BufferError, None),
        ("12345678", {}, TypeError, None),
        (None, {}, TypeError, None),
        (bytearray(16), {"offset": -8}, ValueError, "offset -8 is outside"),
        (bytearray(16), {"offset": 24}, ValueError, "offset 24 is outside the buffer of 16 bytes"),
        (bytearray(16), {"offset": 2**70}, ValueError, "outside"),
        (bytearray(16), {"offset": 4}, ValueError, "multiple of 8"),
        (bytearray(16), {"offset": 0.0}, TypeError, None),
        (bytearray(16), {"length": 3}, ValueError, "3 elements of 8 bytes do not fit"),
        (bytearray(16), {"offset": 8, "length": 2}, ValueError, "after offset 8 the buffer has 8 bytes"),
        (bytearray(16), {"length": -1}, ValueError, "cannot have -1 elements"),
        (bytearray(16), {"length": 2**70}, ValueError, "do not fit"),
        (bytearray(16), {"length": "1"}, TypeError, None),
    ],
)
def test_bad_buffer_is_an_error(buffer, arguments, error, message):
    with pytest.raises(error, match=message):
        AtomicIntArray.from_buffer(buffer, **arguments)


def test_over_mmap():
    with mmap.mmap(-1, 4096) as memory:
        a = AtomicIntArray.from_buffer(memory)
        assert len(a) == 512
        a.inc(511)
        assert memory[4088] == 1
        with pytest.raises(BufferError):
            memory.close()
        del a


def test_closing_shared_memory_under_it_is_an_error():
    memory = shared_memory.SharedMemory(create=True, size=64)
    try:
        a = AtomicIntArray.from_buffer(memory.buf)
        with pytest.raises(BufferError):
            memory.close()
        a.inc(0)
        del a
    finally:
        memory.close()
        memory.unlink()


def test_several_processes_count_into_the_same_words():
    rounds = 50_000
    code = f"""
import sys
from multiprocessing import resource_tracker, shared_memory
from atomicpy import AtomicIntArray
memory = shared_memory.SharedMemory(sys.argv[1])
if sys.platform != "win32":
    resource_tracker.unregister(memory._name, "shared_memory")  # it belongs to the process that made it
a = AtomicIntArray.from_buffer(memory.buf)
sys.stdin.readline()
for _ in range({rounds}):
    a.inc(0)
    a.add(1, 2)
del a
memory.close()
"""
    memory = shared_memory.SharedMemory(create=True, size=64)
    try:
        a = AtomicIntArray.from_buffer(memory.buf)
        processes = [
            subprocess.Popen([*PYTHON, "-c", code, memory.name], stdin=-1, stderr=-1, text=True) for _ in range(3)
        ]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=WATCHDOG)
            assert process.returncode == 0, errors
        assert list(a)[:2] == [3 * rounds, 6 * rounds]
        del a
    finally:
        memory.close()
        memory.unlink()
