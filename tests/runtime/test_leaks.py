"""No operation leaks a block of memory or a reference to an argument, whether it succeeds or raises.

The tests call each operation of models.py with each kind of argument in it, valid and invalid.
ATOMICPY_LEAK_CALLS=1000000 calls each operation a million times.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import sys

import pytest
from modelling import Model
from models import TYPES

from atomicpy import Channel, after, select, tick

CALLS = int(os.environ.get("ATOMICPY_LEAK_CALLS") or 5000)  # calls of each operation, over all kinds of arguments
LEAST = 200  # calls with each kind: the interpreter's own allocations would hide the leak of fewer calls

pytestmark = pytest.mark.timeout(max(300, CALLS // 1000))


def attempts(model: Model, name: str) -> list[tuple]:
    """Return arguments of each kind: each operand, function and index once, with valid ones at the other positions."""
    operation = model.operations[name]
    _, good = next(iter(model.scenes.values()))
    pools = {"n": model.operands, "?": model.operands, "f": model.functions, "i": model.indices}
    plain = {"n": good[0], "?": good[0], "f": model.functions and model.functions[0], "i": 0}
    usual = tuple(plain[kind] for kind in operation.takes)
    result = [usual]
    for at, kind in enumerate(operation.takes):
        result += [(*usual[:at], each, *usual[at + 1 :]) for each in pools[kind]]
    if operation.takes.endswith("?"):
        result.append(usual[:-1])
    return result


def counted(objects: list) -> tuple[int, int]:
    """Return (references to these objects, allocated blocks)."""
    return sum(map(sys.getrefcount, objects)), sys.getallocatedblocks()


def added(call, arguments: tuple, objects: list, calls: int = LEAST) -> tuple[int, int]:
    """Return the (blocks, references) that so many calls add: the smallest result of a few tries.

    Caches of the interpreter and threads of earlier tests can add blocks. The first try runs no collection, because one
    costs more than all the calls. A leak shows without a collection too, because nothing frees other blocks then.
    """
    best = (sys.maxsize, sys.maxsize)
    for collects in (False, *[True] * 10):
        gc.disable()  # a collection during the calls could free as many old blocks as they leak
        try:
            if collects:
                gc.collect()
            before = counted(objects)
            for _ in range(calls):
                with contextlib.suppress(Exception):
                    call(*arguments)
            if collects:
                gc.collect()
            after = counted(objects)
        finally:
            gc.enable()
        best = min(best, (after[1] - before[1], after[0] - before[0]), key=lambda pair: max(map(abs, pair)))
        if not leaks(best, calls):
            break
    return best


def leaks(left: tuple[int, int], calls: int = LEAST) -> bool:
    """Whether the calls leak. A leak in each call adds `calls`; the interpreter itself adds or removes a few."""
    return max(map(abs, left)) > calls // 2


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TYPES for name in TYPES[kind].operations])
def test_operation_leaks_no_memory_and_no_reference(kind, name):
    model = TYPES[kind]
    start, _ = next(iter(model.scenes.values()))
    atomic = model.make(start)
    tries = attempts(model, name)
    calls = max(CALLS // len(tries), LEAST)
    for arguments in tries:
        objects = [each for each in (atomic, *arguments) if each is not None and not isinstance(each, bool)]
        left = added(model.operations[name].apply, (atomic, *arguments), objects, calls)
        assert not leaks(left, calls), f"{name}{arguments}: {left[0]} blocks, {left[1]} references"


@pytest.mark.parametrize("kind", TYPES)
def test_creation_and_deallocation_leak_no_memory_and_no_reference(kind):
    model = TYPES[kind]
    for start in (*(scene[0] for scene in model.scenes.values()), *(model.starts or model.operands)):
        left = added(model.make, (start,), [start])
        assert not leaks(left), f"{kind}({start!r}): {left[0]} blocks, {left[1]} references"


def closed() -> Channel:
    ch = Channel()
    ch.close()
    return ch


def full() -> Channel:
    ch = Channel(1)
    ch.send(None)
    return ch


def moved(value: object) -> object:
    ch = Channel(1)
    ch.send(value)
    return ch.recv()


def cancelled(operation) -> None:
    """The operation waits, and is cancelled. The coroutine runs without a task, and its loop does not run."""
    with contextlib.closing(operation) as coroutine:
        coroutine.send(None)


# What a channel does with a value, and how an operation fails. The value is the argument.
CHANNELS = {
    "send and recv": moved,
    "try_send and try_recv": lambda value: (lambda ch: (ch.try_send(value), ch.try_recv()))(Channel(1)),
    "left in the buffer": lambda value: Channel(1).send(value),
    "left in an unbounded buffer": lambda value: [ch.send(value) for ch in [Channel(None)] for _ in range(70)],
    "send, timeout": lambda value: full().send(value, timeout=1e-9),
    "send, closed": lambda value: closed().send(value),
    "try_send, full": lambda value: full().try_send(value),
    "try_send, closed": lambda value: closed().try_send(value),
    "send to the clock": lambda value: after(1).send(value),
    "send, invalid timeout": lambda value: Channel(1).send(value, timeout="1"),
    "recv, timeout": lambda value: Channel().recv(1e-9),
    "recv, closed": lambda value: closed().recv(),
    "iteration": lambda value: list(closed()),
    "select, sent": lambda value: select(Channel(), (Channel(1), value)),
    "select, received": lambda value: (lambda ch: (ch.send(value), select(ch, (full(), value))))(Channel(1)),
    "select, timeout": lambda value: select((full(), value), (Channel(), value), Channel(), timeout=1e-9),
    "select, nothing ready": lambda value: select((full(), value), (Channel(), value), timeout=0),
    "select, closed": lambda value: select((full(), value), (closed(), value)),
    "select, refused": lambda value: select((full(), value), (Channel(), value), 1),
    "select of many": lambda value: select(*[(full(), value)] * 20, closed()),
    "select of many, timeout": lambda value: select(*[(full(), value)] * 20, timeout=1e-9),
    "after and tick": lambda value: select(after(0), tick(1), (full(), value)),
    "asend without a loop": lambda value: full().asend(value).send(None),
    "asend to the clock": lambda value: tick(1).asend(value),
}

# The same within a running event loop.
COROUTINES = {
    "asend, done": lambda value: Channel(1).asend(value).send(None),
    "arecv, done": lambda value: (lambda ch: (ch.send(value), ch.arecv().send(None)))(Channel(1)),
    "asend, closed": lambda value: closed().asend(value).send(None),
    "arecv, closed": lambda value: closed().arecv().send(None),
    "asend, ended": lambda value: cancelled(full().asend(value)),
    "arecv, ended": lambda value: cancelled(Channel().arecv()),
}


class Thing:
    """A value of a channel."""


def core_bytes() -> int:
    """The bytes that the C library has allocated: the core's memory, which the interpreter does not count."""

    class Info(ctypes.Structure):
        _fields_ = tuple((f"field{n}", ctypes.c_size_t) for n in range(10))

    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Info
    return mallinfo2().field7  # uordblks, which malloc has allocated


@pytest.mark.parametrize("name", CHANNELS)
def test_channel_leaks_no_memory_and_no_reference(name):
    thing = Thing()
    left = added(CHANNELS[name], (thing,), [thing])
    assert not leaks(left), f"{left[0]} blocks, {left[1]} references"


@pytest.mark.parametrize("name", COROUTINES)
def test_channel_leaks_no_memory_and_no_reference_in_a_coroutine(name):
    async def main():
        return added(COROUTINES[name], (thing,), [thing])

    thing = Thing()
    left = asyncio.run(main())
    assert not leaks(left), f"{left[0]} blocks, {left[1]} references"


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs mallinfo2 of the GNU C library 2.33")
@pytest.mark.parametrize("name", CHANNELS)
def test_channel_leaks_no_memory_of_the_core(name):
    thing, grown = Thing(), []
    for _ in range(5):
        before = core_bytes()
        for _ in range(LEAST):
            with contextlib.suppress(Exception):
                CHANNELS[name](thing)
        gc.collect()
        grown.append(core_bytes() - before)
    assert min(grown) < LEAST * 8, f"{grown} bytes in {LEAST} calls each"


def test_check_finds_a_leak():
    kept: list = []
    thing = object()
    assert leaks(added(lambda: kept.append(object()), (), []))
    assert leaks(added(kept.append, (thing,), [thing]))
    assert not leaks(added(kept.count, (thing,), [thing]))
