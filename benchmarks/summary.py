"""The summaries in benchmarks/results, one file an interpreter: `cp314t.json` has the figures of all benchmarks on it.

    {"locks": {"conditions": {...}, "rounds": 15, "columns": ["ns", "ratio", ...], "rows": {NAME: [1.5, 0.9, ...]}}}

A benchmark writes its own section and leaves the others as they are. report.py and docs/figures.py read the sections.
Figures have four significant digits. Ratios have three decimals, their quartiles and CPU time / wall time two.
"""

import json
from pathlib import Path
from typing import NamedTuple

WIDTH = 200  # columns of a line
DECIMALS = {"ratio": 3, "cores": 2, "baseline_cores": 2}


class Section(NamedTuple):
    conditions: dict
    rounds: int
    rows: dict  # {name: {column: value}}, or a list of such dicts for each name
    more: dict  # what only this section has


def save(path, name, conditions, rounds, columns, rows, **more):
    """Put the section into the file, unless it has no rows. `rows` is {name: object with an attribute a column}."""
    if not rows:
        return
    path = Path(path)
    sections = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if conditions.get("busy"):
        name = f"{name} beside {conditions['busy']} busy"
    sections[name] = {
        "conditions": conditions,
        "rounds": rounds,
        **more,
        "columns": list(columns),
        "rows": {key: written(columns, row) for key, row in rows.items()},
    }
    path.write_text(text_of(sections), "utf-8")


def written(columns, row):
    if isinstance(row, list):
        return [written(columns, each) for each in row]
    decimals = DECIMALS | ({"low": 2, "high": 2} if "ratio" in columns else {})
    return [rounded(getattr(row, column), decimals.get(column)) for column in columns]


def rounded(value, decimals=None):
    if not isinstance(value, float):
        return value
    short = round(value, decimals) if decimals is not None else float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def text_of(sections):
    """JSON that fills its lines with rows."""
    parts = []
    for name, section in sections.items():
        rows = filled(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in section["rows"].items())
        head = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in section.items() if key != "rows"]
        parts.append("\n".join([f" {json.dumps(name)}: {{", *head, '  "rows": {', *rows, "  }", " }"]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def filled(items):
    items, line = list(items), ""
    for i, item in enumerate(items):
        item += "," * (i < len(items) - 1)
        if line and len(line) + 1 + len(item) > WIDTH - 3:
            yield "   " + line
            line = item
        else:
            line += " " * bool(line) + item
    if line:
        yield "   " + line


def load(folder, name, files="cp*.json"):
    """{interpreter: Section} of those files that have the section, in the order of the versions."""
    found = {}
    for path in sorted(Path(folder).glob(files)):
        section = json.loads(path.read_text("utf-8")).get(name)
        if section:
            more = {k: v for k, v in section.items() if k not in ("conditions", "rounds", "columns", "rows")}
            rows = {key: read(section["columns"], row) for key, row in section["rows"].items()}
            interpreter = section["conditions"]["interpreter"].removeprefix("CPython ")
            found[interpreter] = Section(section["conditions"], section["rounds"], rows, more)
    return found


def read(columns, row):
    if row and isinstance(row[0], list):
        return [read(columns, each) for each in row]
    return dict(zip(columns, row, strict=True))


def points(section):
    """(counter, access, contended or uncontended, number of threads, figure) of each point of `scaling`."""
    for name, row in section.rows.items():
        for threads, figure in zip(section.more["threads"], row, strict=True):
            yield *name.split(", "), threads, figure
