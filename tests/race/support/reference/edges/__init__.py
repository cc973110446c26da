"""What happens before what, for the reference engine: interfaces replaced for the program, plain Python throughout."""

from edges import aio, atomic_locks, atomics, caches, futures, imports, locks, queues, threads


def install():
    for part in (locks, threads, queues, futures, aio, imports, caches, atomics, atomic_locks):
        part.install()


def uninstall():
    """Not at all: a process is one run."""
