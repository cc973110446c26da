"""What the race detector needs of the interpreter."""

from __future__ import annotations

import sys

NEEDS = (
    "the race detector needs CPython 3.13 or later: it asks the interpreter when an object is created and freed; "
    f"this is {sys.version.split()[0]}"
)
