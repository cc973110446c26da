"""What the benchmarks have measured, as tables and a picture: FOLDER/README.md and FOLDER/scaling.svg.

The same picture in one column is for the documentation: docs/pictures/counting.svg.

    python benchmarks/report.py benchmarks/results

It reads the JSON that `make bench` leaves there, one file for each benchmark and interpreter, and needs matplotlib.
"""

import json
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
ACCESSES = ("local", "global", "attribute")
SHOWN = {  # in the picture: the counters, and the colour of each
    "racy": "#999999",
    "threading.Lock": "#d1a000",
    "Mutex": "#c0504d",
    "AtomicInt.inc": "#3b6fb6",
    "ShardedCounter.inc": "#2e8b57",
    "ShardedCounter.local().inc": "#76c893",
}
PEER = "#b07cc6"


def read(folder, kind):
    """{interpreter: report} of that benchmark."""
    reports = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{kind}-*.json"))]
    return {report["conditions"]["interpreter"].removeprefix("CPython "): report for report in reports}


def table(head, rows):
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def described(conditions):
    gil = "with the GIL" if conditions["gil"] else "without the GIL"
    return "{interpreter} {}, {compiler}, {machine}, {cores} cores".format(gil, **conditions)


def figure(point):
    if "ns" not in point:
        return "never parallel"
    return f"{point['ns']:.1f} ({point['cpu_per_wall']:.2f})"


def scaling_tables(reports):
    for interpreter, report in reports.items():
        threads = sorted({point["threads"] for point in report["points"]})
        yield f"\n### CPython {interpreter}\n"
        yield f"{described(report['conditions'])}; median of {report['rounds']} rounds."
        peers = ", ".join(f"{name} {version}" for name, version in report["peers"].items()) or "none"
        yield f"Peers: {peers}. Left out: {', '.join(report['left_out']) or 'none'}.\n"
        rows = {}
        for point in report["points"]:
            key = point["counter"], point["access"], point["contended"]
            rows.setdefault(key, {})[point["threads"]] = point
        yield from table(
            ["counter", "through", "", *(f"{n} thread{'s' * (n > 1)}" for n in threads)],
            (
                [f"`{name}`", access, "contended" if shared else "one each", *(figure(row[n]) for n in threads)]
                for (name, access, shared), row in rows.items()
            ),
        )


def latency_table(reports):
    """Every operation, and for each interpreter its ns and its ratio to the other side."""
    names = list(dict.fromkeys(name for report in reports.values() for name in report["operations"]))
    yield from table(
        ["operation", *(f"{interpreter}: ns (ratio)" for interpreter in reports)],
        (
            [f"`{name}`".replace("|", r"\|")]
            + [
                f"{row['ns']:.1f} ({row['ratio']:.2f})" if (row := report["operations"].get(name)) else "-"
                for report in reports.values()
            ]
            for name in names
        ),
    )


def native_table(reports):
    names = list(dict.fromkeys(name for report in reports.values() for name in report["rows"]))
    yield from table(
        ["loop, threads", *(f"{interpreter}: ns (ratio)" for interpreter in reports)],
        (
            [name]
            + [
                f"{row['ns']:.2f} ({row['ratio']:.2f})" if "ns" in (row := report["rows"].get(name, {})) else "-"
                for report in reports.values()
            ]
            for name in names
        ),
    )


def locks_table(reports):
    """Each row, and for each interpreter our ns, the baseline's and the ratio; or the longest wait."""
    names = list(dict.fromkeys(name for report in reports.values() for name in report["locks"]))

    def shown(row):
        if row is None:
            return "-"
        if "ms" in row:
            return "{ms:.2f} ms ({cpu_per_wall:.2f})".format(**row)
        return "{ns:.1f} ({cpu_per_wall:.2f}) / {baseline_ns:.1f} ({baseline_cpu_per_wall:.2f}): {ratio:.2f}".format(
            **row
        )

    yield from table(
        ["lock", *reports],
        ([name, *(shown(report["locks"].get(name)) for report in reports.values())] for name in names),
    )


def picture(reports, path, columns):
    """A panel for each interpreter: beside each other, or one below the other for the width of a page of text."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "atomicpy"  # the same figures make the same file
    from matplotlib import pyplot

    rows = -(-len(reports) // columns)
    size = (5.5 * columns, 4.6 * rows) if columns > 1 else (4.8, 3.8 * rows)
    figure_, axes = pyplot.subplots(rows, columns, figsize=size, sharex=True, squeeze=False)
    for axis, (interpreter, report) in zip(axes.flat, reports.items(), strict=True):
        points = [p for p in report["points"] if p["access"] == "global" and p["contended"] and "ns" in p]
        most = max((p["threads"] for p in points), default=1)
        bars = sorted((p for p in points if p["threads"] == most), key=lambda p: p["ns"], reverse=True)
        names = [p["counter"] for p in bars]
        colours = [SHOWN.get(name, PEER) for name in names]
        axis.barh(names, [p["ns"] for p in bars], color=colours)
        for i, point in enumerate(bars):
            digits = 0 if point["ns"] >= 20 else 1
            axis.text(point["ns"], i, f" {point['ns']:.{digits}f}", va="center")
        gil = "with the GIL" if report["conditions"]["gil"] else "without the GIL"
        title = f"CPython {interpreter}, {gil}\n{most} threads, one counter, through a global"
        axis.set_title(title, fontsize=10 if columns > 1 else 9)
        axis.set_xlabel("ns for each increment of all threads (less is better)", fontsize=10 if columns > 1 else 8)
        axis.margins(x=0.15)
        axis.tick_params(labelbottom=True)
        axis.spines[["top", "right"]].set_visible(False)
    figure_.tight_layout()
    figure_.savefig(path, metadata={"Date": None})


def main():
    folder = Path(sys.argv[1])
    scaling = read(folder, "scaling")
    if not scaling:
        sys.exit(f"{folder} holds no scaling-*.json: `make bench` writes them")
    lines = [
        "# Results",
        "",
        "By the scripts of `make bench`; [../README.md](../README.md) says how. Believe the ratios within a table.",
        "",
        "![Two threads, one counter](scaling.svg)",
        "",
        "## Scaling",
        "",
        "Wall time by the number of increments of all threads together, in ns, and in brackets CPU time / wall time:",
        "how many cores were at work. Ideal threads halve the time when they are doubled.",
        *scaling_tables(scaling),
    ]
    for title, what, kind, rows in (
        ("In C", "Beside C11's `atomic_fetch_add` on the same number of threads.", "native", native_table),
        ("Locks", "ns (CPU time / wall time) / the same of the baseline: ratio.", "locks", locks_table),
        ("One thread, beside a hand-written extension", "", "latency", latency_table),
        ("One thread, beside other packages", "", "peers", latency_table),
    ):
        if reports := read(folder, kind):
            lines += ["", f"## {title}", "", *([what, ""] if what else []), *rows(reports)]
    (folder / "README.md").write_text("\n".join(lines) + "\n")
    picture(scaling, folder / "scaling.svg", len(scaling))
    picture(scaling, DOCS / "pictures" / "counting.svg", 1)
    print(f"written: {folder / 'README.md'}, {folder / 'scaling.svg'}, docs/pictures/counting.svg")


if __name__ == "__main__":
    main()
