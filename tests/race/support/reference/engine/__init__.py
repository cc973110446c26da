"""The definition of a race as a program: whole vector clocks, every access kept, one lock. Slow, and short.

It has the interface of `atomicpy.race.engine.engine`. From the compiled engine it takes only what computes no order:
the wrapper of a function with hooks, the question whether the program calls, and the patching of types written in C.
"""

# ruff: noqa: F401 (the interface: other modules import these names from here)

from atomicpy.race.engine.engine import (
    Each,
    Hook,
    call_for_new_channels,
    for_the_program,
    name_in_errors,
    set_ownership,
    set_type_attribute,
    set_watch,
    watch_of,
)

from engine.accesses import _race_del_entry__, forget_reported, here, install, installed, uninstall
from engine.clocks import Clock, begin_thread, end_thread, lock
from engine.locks import TracedLock, TracedRLock, traced
from engine.objects import clock_at, clock_of
from engine.rewritten import (
    _race_after__,
    _race_attr__,
    _race_before__,
    _race_del__,
    _race_get__,
    _race_global_read__,
    _race_global_write__,
    _race_item__,
    _race_iter__,
    _race_method__,
    _race_read__,
    _race_scope__,
    _race_set__,
    _race_var_read__,
    _race_var_write__,
    _race_write__,
    _race_wrote__,
)
