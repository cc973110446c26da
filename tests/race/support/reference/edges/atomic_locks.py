"""atomicpy's locks, wait groups and once: release -> a later acquire, done -> wait, the function -> every do."""

import contextlib
import functools

from edges.locks import Lock
from edges.replaced import RAW
from engine import Clock

import atomicpy


class Mutex(Lock):
    make = staticmethod(atomicpy.Mutex)


class RWMutex:
    def __init__(self):
        self.raw, self.writers, self.readers = RAW["RWMutex"](), Clock(), Clock()

    def acquire_read(self, *arguments):
        if got := self.raw.acquire_read(*arguments):
            self.writers.acquire()
        return got

    def acquire_write(self, *arguments):
        if got := self.raw.acquire_write(*arguments):
            self.writers.acquire()
            self.readers.acquire()
        return got

    def release_read(self):
        self.readers.release()
        self.raw.release_read()

    def release_write(self):
        self.writers.release()
        self.raw.release_write()

    @contextlib.contextmanager
    def read(self):
        self.acquire_read()
        try:
            yield
        finally:
            self.release_read()

    @contextlib.contextmanager
    def write(self):
        self.acquire_write()
        try:
            yield
        finally:
            self.release_write()


class WaitGroup:
    def __init__(self):
        self.raw, self.clock = RAW["WaitGroup"](), Clock()

    def add(self, n=1):
        self.raw.add(n)

    def done(self):
        self.clock.release()
        self.raw.done()

    def go(self, function, *arguments, **named):
        def body():
            try:
                function(*arguments, **named)
            finally:
                self.clock.release()

        return self.raw.go(body)

    def wait(self, timeout=None):
        try:
            if not self.raw.wait(timeout):
                return False
        except ExceptionGroup:
            self.clock.acquire()
            raise
        self.clock.acquire()
        return True

    def __enter__(self):
        self.raw.__enter__()
        return self

    def __exit__(self, *error):
        try:
            return self.raw.__exit__(*error)
        finally:
            self.clock.acquire()


class Once:
    def __init__(self):
        self.raw, self.clock = RAW["Once"](), Clock()

    def do(self, function, *arguments, **named):
        def body():
            try:
                return function(*arguments, **named)
            finally:
                self.clock.release()

        try:
            return self.raw.do(body)
        finally:
            self.clock.acquire()


def once(function):
    guard = Once()
    return functools.wraps(function)(lambda: guard.do(function))


def install():
    atomicpy.Mutex, atomicpy.RWMutex, atomicpy.WaitGroup, atomicpy.Once, atomicpy.once = (
        Mutex,
        RWMutex,
        WaitGroup,
        Once,
        once,
    )
