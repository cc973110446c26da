"""Write what is generated from templates (`make templates`), or with --check compare it: 1 where something is stale.

What differs by little more than a type is written once, in a Tempita template (it comes with Cython). The output is
committed, because a C program takes src/ as it is and a reader searches in it. So a build needs no template.
"""

import re
import sys
from itertools import pairwise
from pathlib import Path

from Cython import Tempita

ROOT = Path(__file__).resolve().parent.parent

# output: its template, and the values of the names that the template leaves open
OUTPUTS = {
    "src/atomic/ap_i64.h": ("src/atomic/ap_integer.h.in", {"signed": True}),
    "src/atomic/ap_u64.h": ("src/atomic/ap_integer.h.in", {"signed": False}),
    "atomicpy/atomic/atomic_int_array.pyx": ("atomicpy/atomic/atomic_int_array.pyx.in", {}),
    "atomicpy/atomic/ap_atomic.pxd": ("atomicpy/atomic/ap_atomic.pxd.in", {}),
    **{
        f"atomicpy/atomic/{module}.{suffix}": (f"atomicpy/atomic/atomic_integer.{suffix}.in", {"signed": signed})
        for module, signed in (("atomic_int", True), ("atomic_uint", False))
        for suffix in ("pyx", "pxd", "pyi")
    },
}

# For the templates of AtomicInt, AtomicUInt and AtomicIntArray. Each operation has its example last.
OPERATIONS = {
    # These take n=1. The verb, the sign, and whether they return the new value or the old one.
    "STEPS": [
        ("add", "add", "+", "new", "(8, 10)"),
        ("sub", "subtract", "-", "new", "(6, 4)"),
        ("fetch_add", "add", "+", "old", "(7, 10)"),
        ("fetch_sub", "subtract", "-", "old", "(7, 4)"),
    ],
    "BITS": [
        ("and", "&", "keep the bits that `n` has too,", "(6, 2)"),
        ("or", "|", "set the bits that `n` has,", "(6, 7)"),
        ("xor", "^", "flip the bits that `n` has,", "(6, 5)"),
    ],
    "EXTREMES": [
        ("max", "raise", "less", (9, 8), "(7, 9, 9)"),
        ("min", "lower", "more", (5, 6), "(7, 5, 5)"),
    ],
    # These return the old value.
    "SWAPS": ["exchange", "fetch_and", "fetch_or", "fetch_xor", "fetch_max", "fetch_min"],
}


def rendered(template, names):
    lines = (ROOT / template).read_text("utf-8").splitlines()
    for number, (line, following) in enumerate(pairwise(lines), 1):
        if not line and re.match(r"\{\{(if|elif|else|endif|for|endfor|py:)", following):
            sys.exit(f"{template}:{number}: Tempita drops a blank line before a statement; put it after the statement")
    return Tempita.Template.from_filename(str(ROOT / template), encoding="utf-8").substitute({**OPERATIONS, **names})


def main(check):
    stale = []
    for output, (template, names) in OUTPUTS.items():
        path, text = ROOT / output, rendered(template, names)
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(f"{output} is not what {template} makes: edit the template, then `make templates`")
        if not check:
            path.write_text(text, "utf-8")
    if check and stale:
        sys.exit("\n".join(stale))


if __name__ == "__main__":
    main(check="--check" in sys.argv[1:])
