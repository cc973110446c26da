"""What happens before what: the interfaces of threads, locks and queues, patched while the detector is installed.

Each file has one subject. install() patches all of them before the program starts, uninstall() undoes it.
"""

from atomicpy.race import ownership
from atomicpy.race.engine import engine
from atomicpy.race.happens_before import (
    asyncio,
    channels,
    functools_caches,
    futures,
    imports,
    locks,
    own_types,
    patch,
    preexisting,
    queues,
    threads,
)

_depth = 0


def install() -> None:
    """Patch before the program is imported, because it may bind the names by `from threading import Lock`.

    Only the first of several calls patches.
    """
    global _depth
    _depth += 1
    if _depth > 1:
        return
    engine.set_ownership(ownership.counts_as_program)
    # preexisting is last: it needs the names that the others have patched.
    for part in (
        locks,
        threads,
        queues,
        futures,
        asyncio,
        imports,
        functools_caches,
        own_types,
        channels,
        preexisting,
    ):
        part.install()


def uninstall() -> None:
    """Undo the patches, with the last of as many calls as there were of install().

    Locks and queues that the program holds still work.
    """
    global _depth
    if _depth == 1:
        channels.uninstall()
        patch.restore()
    _depth = max(0, _depth - 1)
