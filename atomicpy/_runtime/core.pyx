# SPDX-License-Identifier: MIT
"""The C core: the one extension that links the parking lot and the locks. A process has one parking lot and one handler
of `fork()`.

The other modules call the core through the table of functions in `src/ap_core.h`. `bind_core()` in `core.pxd` fetches
it.
"""

cdef extern from "ap_core.h" nogil:
    bint ap_core_init() noexcept
    void ap_core_describe(ap_core *table) noexcept

if not ap_core_init():
    raise MemoryError("no memory for the handler of os.fork(), or no thread-local key left")

ap_core_describe(&core_table)
