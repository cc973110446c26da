"""Replace a method for the program, but not for the library; the types of the package as they were."""

import functools
import os
import sys

from engine import clock_of

import atomicpy

LIBRARY = os.path.dirname(os.__file__) + os.sep
HERE = os.path.dirname(__file__) + os.sep
RAW = dict(vars(atomicpy))


def for_the_program():
    """Whether the caller of our caller is no part of the standard library."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    file = frame.f_code.co_filename
    return not file.startswith((LIBRARY, "<frozen")) or "site-packages" in file


def around(cls, name, before=None, after=None):
    """Call `before(self)` ahead of a method, and `after(self, result)` behind it, where the program calls."""
    original = getattr(cls, name)

    @functools.wraps(original)
    def method(self, *arguments, **named):
        ours = for_the_program()
        if ours and before:
            before(self)
        result = original(self, *arguments, **named)
        if ours and after:
            after(self, result)
        return result

    setattr(cls, name, method)


def acquire_if_true(self, result):
    if result:
        clock_of(self).acquire()


def release(self):
    clock_of(self).release()
