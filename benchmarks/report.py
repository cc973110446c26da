"""The figures of the benchmarks as tables and a picture: FOLDER/README.md and docs/pictures/counting.svg.

    python benchmarks/report.py benchmarks/results [PICTURE]

It reads the summaries there, one for each interpreter, and needs matplotlib. `make bench` writes the summaries.
"""

import sys
from pathlib import Path

import summary
from measure import heading

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "counting.svg"
SHOWN = {  # in the picture: the counters, and the colour of each
    "racy": "#999999",
    "threading.Lock": "#d1a000",
    "Mutex": "#c0504d",
    "AtomicInt.inc": "#3b6fb6",
    "ShardedCounter.inc": "#2e8b57",
    "ShardedCounter.local().inc": "#76c893",
}
PEER = "#b07cc6"


def table(head, rows):
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def by_row(found, first, cell):
    """A table with a line for each row of any interpreter, and a column for each interpreter."""
    names = list(dict.fromkeys(name for section in found.values() for name in section.rows))
    code = "`" if first == "operation" else ""
    yield from table(
        [first, *found],
        (
            [code + name.replace("|", r"\|") + code, *(cell(section.rows.get(name)) for section in found.values())]
            for name in names
        ),
    )


def number(value, digits=1):
    return f"{value:.{0 if value >= 1000 else digits}f}"


def scaling_tables(found):
    for interpreter, section in found.items():
        yield f"\n### CPython {interpreter}\n"
        yield f"{heading(section.conditions)}; median of {section.rounds} rounds."
        peers = ", ".join(f"{name} {version}" for name, version in section.more["peers"].items()) or "none"
        yield f"Peers: {peers}. Left out: {', '.join(section.more['left_out']) or 'none'}.\n"
        rows = {}
        for name, access, kind, _, figure in summary.points(section):
            cell = "never parallel" if figure["ns"] is None else f"{number(figure['ns'])} ({figure['cores']:.2f})"
            key = f"`{name}`", access, "one each" if kind == "uncontended" else kind
            rows.setdefault(key, []).append(cell)
        head = ["counter", "through", "", *(f"{n} thread{'s' * (n > 1)}" for n in section.more["threads"])]
        yield from table(head, ([*key, *cells] for key, cells in rows.items()))


def ratio_cell(digits):
    def cell(row):
        return "-" if row is None or row["ns"] is None else f"{number(row['ns'], digits)} ({row['ratio']:.2f})"

    return cell


def lock_cell(row):
    if row is None or row["ns"] is None:
        return "-"
    ours, baseline = (f"{number(row[ns])} ({row[cores]:.2f})" for ns, cores in SIDES)
    return f"{ours} / {baseline}: {row['ratio']:.2f}"


SIDES = ("ns", "cores"), ("baseline_ns", "baseline_cores")


def wait_cell(row):
    return "-" if row is None else f"{row['ms']:.2f} ms ({row['cores']:.2f})"


TABLES = (  # title, section, what a cell is, the head of the first column, the cell
    ("In C", "native", "ns, and in brackets the ratio to C11's `atomic_fetch_add` on the same number of threads.",
     "loop, threads", ratio_cell(2)),
    ("Locks", "locks", "ns (CPU time / wall time) / the same of the baseline: ratio.", "lock", lock_cell),
    ("Locks beside two busy processes", "locks beside 2 busy", "The same.", "lock", lock_cell),
    ("Locks beside four busy processes", "locks beside 4 busy", "The same.", "lock", lock_cell),
    ("The longest wait", "waits", "ms (CPU time / wall time).", "lock", wait_cell),
    ("The longest wait beside two busy processes", "waits beside 2 busy", "The same.", "lock", wait_cell),
    ("The longest wait beside four busy processes", "waits beside 4 busy", "The same.", "lock", wait_cell),
    ("Channels", "channels", "ns (CPU time / wall time) / the same of the baseline: ratio.", "channel", lock_cell),
    ("One thread, beside a hand-written extension", "latency", "ns (ratio).", "operation", ratio_cell(1)),
    ("One thread, beside other packages", "peers", "ns (ratio).", "operation", ratio_cell(1)),
)  # fmt: skip


def picture(found, path):
    """A panel for each interpreter, in one column for the width of a page of text."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "atomicpy"  # the same figures make the same file
    from matplotlib import pyplot

    size = 4.8, 3.8 * len(found)
    drawing, axes = pyplot.subplots(len(found), 1, figsize=size, sharex=True, squeeze=False)
    for axis, (interpreter, section) in zip(axes.flat, found.items(), strict=True):
        points = [
            (threads, name, figure["ns"])
            for name, access, kind, threads, figure in summary.points(section)
            if (access, kind) == ("global", "contended") and figure["ns"] is not None
        ]
        most = max((threads for threads, _, _ in points), default=1)
        bars = [(name, ns) for threads, name, ns in points if threads == most]
        bars.sort(key=lambda bar: bar[1], reverse=True)
        axis.barh([name for name, _ in bars], [ns for _, ns in bars], color=[SHOWN.get(name, PEER) for name, _ in bars])
        for i, (_, ns) in enumerate(bars):
            axis.text(ns, i, f" {ns:.{0 if ns >= 20 else 1}f}", va="center")
        gil = "with the GIL" if section.conditions["gil"] else "without the GIL"
        axis.set_title(f"CPython {interpreter}, {gil}\n{most} threads, one counter, through a global", fontsize=9)
        axis.set_xlabel("ns for each increment of all threads (less is better)", fontsize=8)
        axis.margins(x=0.15)
        axis.tick_params(labelbottom=True)
        axis.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Date": None})


def main():
    folder = Path(sys.argv[1])
    scaling = summary.load(folder, "scaling")
    if not scaling:
        sys.exit(f"{folder} holds no summary with a section `scaling`: `make bench` writes them")
    lines = [
        "# Results",
        "",
        "`make bench` made these tables; [../README.md](../README.md) describes the benchmarks. Believe the ratios",
        "within a table. The summaries of this folder have the quartiles too.",
        "",
        "![Two threads, one counter](../../docs/pictures/counting.svg)",
        "",
        "## Scaling",
        "",
        "Wall time by the number of increments of all threads together, in ns, and in brackets CPU time / wall time:",
        "how many cores were at work. Ideal threads halve the time when their number doubles.",
        *scaling_tables(scaling),
    ]
    for title, name, what, first, cell in TABLES:
        # A section of a run with `--busy N` has a table of its own.
        for section in (name, *(f"{name} beside {n} busy" for n in range(1, 9))):
            if found := summary.load(folder, section):
                beside = section.removeprefix(name).replace("busy", "busy processes")
                lines += ["", f"## {title}{beside}", "", what, "", *by_row(found, first, cell)]
    (folder / "README.md").write_text("\n".join(lines) + "\n")
    drawn = Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE
    picture(scaling, drawn)
    print(f"written: {folder / 'README.md'}, {drawn}")


if __name__ == "__main__":
    main()
