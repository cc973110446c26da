"""The race detector: it finds two accesses of threads to one location that nothing orders, as `go run -race` does.

It works on code that is instrumented when it is imported: by `python -m atomicpy race script.py` or `pytest --race`.
"""

from atomicpy.race.report.race import Race
from atomicpy.race.report.receivers import detect

__all__ = ["Race", "detect"]
