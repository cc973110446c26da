"""The race detector: finds what threads do to the same place with nothing to order them, as `go run -race` does.

It works on code that is instrumented as it is imported: by `python -m atomicpy race script.py` or `pytest --race`.
"""

from atomicpy.race.report.found import Race, detect

__all__ = ["Race", "detect"]
