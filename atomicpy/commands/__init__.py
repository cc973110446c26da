"""The command line: `demo` and `timeline`. Both use the public names of the package only.

- `terminal`: what both commands print with, how they read a whole number, their exit codes;
- `conditions`: what both commands report about the interpreter and the machine.
"""
