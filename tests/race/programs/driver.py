"""Run all programs of a topic under the detector; print a line of JSON for each: its name, the reports, its error.

python -m atomicpy race driver.py TOPIC ORDER SWITCH_INTERVAL [PROGRAM]
"""

import importlib
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import together

from atomicpy.race import detect


def main(topic, order, interval, only=""):
    sys.setswitchinterval(float(interval))
    together.order = order
    for name, program in list(vars(importlib.import_module(topic)).items()):
        if not name.startswith(("race_", "clean_")) or (only and only != name):
            continue
        error = ""
        with detect() as races:
            try:
                program()
            except Exception:
                error = traceback.format_exc()
        print(json.dumps([name, [[race.location, str(race)] for race in races], error]), flush=True)


main(*sys.argv[1:])
