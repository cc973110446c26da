"""Run all programs of each topic under the detector; print a line of JSON for each: topic, name, reports, error.

python -m atomicpy race driver.py ORDER SWITCH_INTERVAL TOPIC...
"""

import importlib
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import together

from atomicpy.race import detect


def main(order, interval, *topics):
    sys.setswitchinterval(float(interval))
    together.order = order
    for topic in topics:
        for name, program in list(vars(importlib.import_module(topic)).items()):
            if name.startswith(("race_", "clean_")):
                print(json.dumps([topic, name, *run(program)]), flush=True)


def run(program):
    """The reports of the program, as [location, text], and the traceback of its exception."""
    error = ""
    with detect() as races:
        try:
            program()
        except Exception:
            error = traceback.format_exc()
    return [[race.location, str(race)] for race in races], error


main(*sys.argv[1:])
