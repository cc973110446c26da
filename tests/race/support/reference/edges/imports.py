"""A module's body -> an import statement or import_module that finds the module."""

import builtins
import importlib
import sys
from importlib.machinery import SourceFileLoader

from edges import queues
from engine import clock_of


def install():
    execute, find, module_of = SourceFileLoader.exec_module, builtins.__import__, importlib.import_module

    def new_execute(self, module):
        execute(self, module)
        clock_of(module).release()
        if module.__name__ == "queue":  # the library's, once more
            queues.install(module)

    def seen(name):
        parts = name.split(".")
        for count in range(len(parts)):
            module = sys.modules.get(".".join(parts[: count + 1]))
            if module is not None:
                clock_of(module).acquire()

    def new_import(name, globals=None, locals=None, fromlist=(), level=0):
        found = find(name, globals, locals, fromlist, level)
        if not level:
            seen(name)
        for each in fromlist or ():
            seen(f"{found.__name__}.{each}")
        return found

    def new_module_of(name, package=None):
        found = module_of(name, package)
        seen(found.__name__)
        return found

    SourceFileLoader.exec_module, builtins.__import__, importlib.import_module = new_execute, new_import, new_module_of
