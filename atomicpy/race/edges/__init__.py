"""What happens before what: the interfaces of threads, locks, queues and the rest, replaced while the detector is in.

Each file has one subject. All of it is put in before the program starts, and taken out by uninstall().
"""

from atomicpy.race import engine
from atomicpy.race.edges import aio, atomics, caches, earlier, futures, imports, locks, queues, replaced, threads

_depth = 0


def install() -> None:
    """Before the program is imported, which takes the replacements from a module by name. Once for all calls."""
    global _depth
    _depth += 1
    if _depth > 1:
        return
    engine.set_whose(replaced.whose)
    for part in (locks, threads, queues, futures, aio, imports, caches, atomics, earlier):
        part.install()


def uninstall() -> None:
    """With the last of the calls, put back all that was there. Locks and queues of the program go on to work."""
    global _depth
    if _depth == 1:
        replaced.put_back()
    _depth = max(0, _depth - 1)
