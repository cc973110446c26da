"""What happens before what: the interfaces of threads, locks, queues and the rest, replaced while the detector is in.

Each file has one subject. All of it is put in before the program starts, and taken out by uninstall().
"""

from atomicpy.race.engine import engine
from atomicpy.race.happens_before import (
    asyncio,
    caches,
    earlier,
    futures,
    imports,
    locks,
    own_types,
    patch,
    queues,
    threads,
)

_depth = 0


def install() -> None:
    """Before the program is imported, which takes the replacements from a module by name. Once for all calls."""
    global _depth
    _depth += 1
    if _depth > 1:
        return
    engine.set_whose(patch.whose)
    for part in (locks, threads, queues, futures, asyncio, imports, caches, own_types, earlier):
        part.install()


def uninstall() -> None:
    """With the last of the calls, put back all that was there. Locks and queues of the program go on to work."""
    global _depth
    if _depth == 1:
        patch.put_back()
    _depth = max(0, _depth - 1)
