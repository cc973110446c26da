"""What happens before what: the interfaces of threads, locks, queues and the rest, replaced while the detector is in.

Each file has one subject. All of it is put in before the program starts, and taken out by uninstall().
"""

from atomicpy.race import engine
from atomicpy.race.edges import aio, atomics, caches, futures, imports, locks, queues, replaced, threads


def install() -> None:
    """Before the program is imported: what it takes from a module by name must be the replacement."""
    engine.set_whose(replaced.whose)
    for part in (locks, threads, queues, futures, aio, imports, caches, atomics):
        part.install()


def uninstall() -> None:
    """Put back all that was there. Locks and queues that the program has made go on to work."""
    replaced.put_back()
