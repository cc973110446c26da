"""An exhaustive search: a few threads, each a table of atomic steps, run in every order.

A state is a dict of hashable values with a fixed set of keys. `pc` holds each thread's label. A program maps a label
to a step: a function of (state, me) that changes the state in place, as one atomic step. It returns the next label,
or a list of functions for a choice. A step returns BLOCKED, without a change, if the thread must wait, and DONE at
its end. A step that finds an error raises AssertionError.

`explore` raises InterleavingError, with the steps that led there, if a step fails, or if no thread can go on before all
are done. Otherwise it has visited all states, and returns their number.
"""

from collections.abc import Callable
from operator import itemgetter

BLOCKED, DONE = "blocked", "done"

Program = dict[str, Callable]


class InterleavingError(Exception):
    """The error, and the steps that led there."""


def explore(start: dict, programs: list[Program], entry: str = "start") -> int:
    first = start | {"pc": (entry,) * len(programs)}
    keys = tuple(first)
    values = itemgetter(*keys)
    came_from: dict = {values(first): None}
    waiting = list(came_from)
    while waiting:
        frozen = waiting.pop()  # depth first, which finds the broken variants after a fraction of the states
        now = dict(zip(keys, frozen, strict=True))
        moved = False
        for me, program in enumerate(programs):
            label = now["pc"][me]
            if label == DONE:
                continue
            steps = [program[label]]
            while steps:
                state = now.copy()
                try:
                    to = steps.pop()(state, me)
                except AssertionError as error:
                    raise InterleavingError(f"{error}\n{story(came_from, frozen)}\n  thread {me}: {label}") from None
                if isinstance(to, list):
                    steps += to
                    continue
                if to == BLOCKED:
                    continue
                moved = True
                state["pc"] = (*state["pc"][:me], to, *state["pc"][me + 1 :])
                after = values(state)
                if after not in came_from:
                    came_from[after] = (frozen, me, label)
                    waiting.append(after)
        if not moved and any(label != DONE for label in now["pc"]):
            raise InterleavingError(f"no thread can go on: {now}\n{story(came_from, frozen)}")
    return len(came_from)


def story(came_from: dict, frozen: tuple) -> str:
    lines = []
    while came_from[frozen]:
        frozen, me, label = came_from[frozen]
        lines.append(f"  thread {me}: {label}")
    return "\n".join(reversed(lines))
