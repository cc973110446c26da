"""The receivers of races: the engine passes each race to the receiver that was added last."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from atomicpy.race.engine.requirements import NEEDS
from atomicpy.race.report.race import Race

NOT_RUNNING = (
    "the race detector is not running, so the code is not instrumented: "
    "use `python -m atomicpy race script.py`, or `pytest --race`"
)

# Without a lock: the engine calls on_race() in the middle of any statement, also of a signal handler. Each step on the
# list is atomic.
_receivers: list[Callable[[Race], None]] = []


def on_race(record: Any) -> None:
    """Pass the race to the receiver that was added last, and to no other. The engine calls this for each race."""
    for receive in _receivers[-1:]:
        receive(Race.of(record))


@contextmanager
def receiving(receive: Callable[[Race], None]) -> Iterator[None]:
    """Call `receive` with every race that is found while the block runs."""
    _receivers.append(receive)
    try:
        yield
    finally:
        _receivers.remove(receive)


@contextmanager
def detect() -> Iterator[list[Race]]:
    """Collect the races that are found while the block runs, in any thread, instead of reporting them.

    The code must be instrumented already: by `python -m atomicpy race script.py` or `pytest --race`. The races of an
    inner block are in the list of the inner block alone. Each pair of source lines is in the list once.

    Raises RuntimeError if the detector is not running, or cannot run: it needs CPython 3.13 or later.

    ::

        with detect() as races:
            run_the_threads()
        assert not races, races[0]
    """
    if sys.version_info < (3, 13):
        raise RuntimeError(NEEDS)
    # A program that runs without the detector does not load the engine for this.
    engine = sys.modules.get("atomicpy.race.engine.engine")
    if engine is None or not engine.installed():
        raise RuntimeError(NOT_RUNNING)
    engine.forget_reported()
    races: list[Race] = []
    with receiving(races.append):
        yield races
