"""No operation leaks a block of memory or a reference to an argument, whether it succeeds or raises.

The tests call each operation of models.py with each kind of argument in it, valid and invalid.
ATOMICPY_LEAK_CALLS=1000000 calls each operation a million times.
"""

import contextlib
import gc
import os
import sys

import pytest
from modelling import Model
from models import TYPES

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


def test_check_finds_a_leak():
    kept: list = []
    thing = object()
    assert leaks(added(lambda: kept.append(object()), (), []))
    assert leaks(added(kept.append, (thing,), [thing]))
    assert not leaks(added(kept.count, (thing,), [thing]))
