"""No operation leaves anything behind, whether it succeeds or raises: no block of memory, no reference to an argument.

Every operation of models.py with every kind of argument that it knows, good and bad. ATOMICPY_LEAK_CALLS=1000000 calls
each operation a million times.
"""

import contextlib
import gc
import os
import sys

import pytest
from modelling import Model
from models import TYPES

CALLS = int(os.environ.get("ATOMICPY_LEAK_CALLS") or 5000)  # of each operation, over all its kinds of arguments
LEAST = 200  # with each: fewer would drown in what the interpreter itself keeps

pytestmark = pytest.mark.timeout(max(300, CALLS // 1000))


def attempts(model: Model, name: str) -> list[tuple]:
    """Arguments that differ in kind: each operand, function and index once, beside good ones in the other places."""
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
    """(references to these objects, allocated blocks)."""
    return sum(map(sys.getrefcount, objects)), sys.getallocatedblocks()


def left_behind(call, arguments: tuple, objects: list, calls: int = LEAST) -> tuple[int, int]:
    """(blocks, references) that so many calls add: the least of a few tries.

    The interpreter has caches, and the threads of earlier tests may still end. The first try runs no collection, which
    costs more than all the calls. A leak adds blocks without a collection too, and nothing frees others meanwhile.
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
    """One for each call would be `calls`; the interpreter itself keeps some more or less."""
    return max(map(abs, left)) > calls // 2


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TYPES for name in TYPES[kind].operations])
def test_operation_leaves_nothing_behind(kind, name):
    model = TYPES[kind]
    start, _ = next(iter(model.scenes.values()))
    atomic = model.make(start)
    tries = attempts(model, name)
    calls = max(CALLS // len(tries), LEAST)
    for arguments in tries:
        objects = [each for each in (atomic, *arguments) if each is not None and not isinstance(each, bool)]
        left = left_behind(model.operations[name].apply, (atomic, *arguments), objects, calls)
        assert not leaks(left, calls), f"{name}{arguments}: {left[0]} blocks, {left[1]} references"


@pytest.mark.parametrize("kind", TYPES)
def test_making_and_dropping_leaves_nothing_behind(kind):
    model = TYPES[kind]
    for start in (*(scene[0] for scene in model.scenes.values()), *(model.starts or model.operands)):
        left = left_behind(model.make, (start,), [start])
        assert not leaks(left), f"{kind}({start!r}): {left[0]} blocks, {left[1]} references"


def test_a_leak_is_found():
    kept: list = []
    thing = object()
    assert leaks(left_behind(lambda: kept.append(object()), (), []))
    assert leaks(left_behind(kept.append, (thing,), [thing]))
    assert not leaks(left_behind(kept.count, (thing,), [thing]))
