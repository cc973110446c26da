"""Write the measured figures into the pages, from benchmarks/results and docs/measured.

    python docs/figures.py            writes them between `<!-- figures NAME -->` and `<!-- end -->`, in place
    python docs/figures.py --check    exits with 1 if a page would change, and changes none

So no figure is typed by hand, and a forge that shows the sources shows the figures too.
"""

import contextlib
import io
import json
import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PLACE = re.compile(r"(<!-- figures ([\w-]+) -->)(.*?)(<!-- end -->)", re.S)


def reports(folder, kind):
    """{interpreter: report} of a benchmark, in the order of the versions."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / folder).glob(f"{kind}-*.json"))]
    names = [
        report["interpreter"] if "interpreter" in report else report["conditions"]["interpreter"] for report in found
    ]
    return dict(zip((name.removeprefix("CPython ") for name in names), found, strict=True))


def build(interpreter):
    """3.14.7t -> 3.14t: the heads of the columns are short."""
    major, minor, rest = interpreter.split(".")
    return f"{major}.{minor}{'t' * rest.endswith('t')}"


def ns(value):
    return f"{value:.1f}" if value < 20 else f"{value:.0f}"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def point(report, counter, access="global", threads=2, contended=True):
    wanted = (counter, access, threads, contended)
    for row in report["points"]:
        if (row["counter"], row["access"], row["threads"], row["contended"]) == wanted:
            return row.get("ns")
    return None


OURS = ("racy", "threading.Lock", "Mutex", "itertools.count", "AtomicInt", "ShardedCounter")


def best_peer(report, **where):
    peers = {row["counter"] for row in report["points"] if not row["counter"].startswith(OURS)}
    measured = [value for peer in peers if (value := point(report, peer, **where)) is not None]
    return min(measured) if measured else None


def counting():
    found = reports("benchmarks/results", "scaling")

    def row(label, of):
        values = [of(report) for report in found.values()]
        return [label, *(value if isinstance(value, str) else "-" if value is None else ns(value) for value in values)]

    def handle(report):
        both = point(report, "ShardedCounter.local().inc")
        # With the GIL no round was parallel: the figure of one thread, with a note.
        return both or f"{ns(point(report, 'ShardedCounter.local().inc', threads=1))} (one thread)"

    heads = [build(name) + (", GIL" if report["conditions"]["gil"] else "") for name, report in found.items()]
    return table(
        ["ns for each increment", *heads],
        [
            row("`ShardedCounter.inc()`", lambda r: point(r, "ShardedCounter.inc")),
            row("`ShardedCounter.local()`, then `inc()`", handle),
            row("`AtomicInt.inc()`", lambda r: point(r, "AtomicInt.inc")),
            row("`AtomicInt += 1`, local variable", lambda r: point(r, "AtomicInt +=", access="local")),
            row("the best of the other packages", best_peer),
            row("`with Mutex(): n += 1`", lambda r: point(r, "Mutex")),
            row("`with threading.Lock(): n += 1`", lambda r: point(r, "threading.Lock")),
            row("`n += 1`, wrong without the GIL", lambda r: point(r, "racy")),
        ],
    )


def alone():
    """One thread alone."""
    latency, locks = reports("benchmarks/results", "latency"), reports("benchmarks/results", "locks")
    rows = [
        [f"`{shown}`", *(ns(report["operations"][name]["ns"]) for report in latency.values())]
        for shown, name in (
            ("AtomicInt.inc()", "AtomicInt.inc()"),
            ("AtomicInt += 1", "AtomicInt += 1"),
            ("AtomicInt.add(1)", "AtomicInt.add(1)"),
            ("AtomicInt.load()", "AtomicInt.load()"),
            ("AtomicInt.compare_exchange(1, 1)", "AtomicInt.compare_exchange(1, 1)"),
            ("AtomicRef.load()", "AtomicRef.load()"),
        )
    ]
    for shown, name, side in (
        ("with Mutex()", "with Mutex / with threading.Lock", "ns"),
        ("with threading.Lock()", "with Mutex / with threading.Lock", "baseline_ns"),
        ("with RWMutex().read()", None, "ns"),
        ("Once.do(f), done", "Once.do(fn), done / attribute", "ns"),
        ("once(f)(), done", "once(fn)(), done / attribute", "ns"),
    ):
        cells = []
        for report in locks.values():
            key = name or next(key for key in report["locks"] if key.startswith("with RWMutex.read() /"))
            cells.append(ns(report["locks"][key][side]))
        rows.append([f"`{shown}`", *cells])
    return table(["ns", *map(build, latency)], rows)


def contended():
    found = reports("benchmarks/results", "locks")
    rows = []
    for threads in (2, 4, 8):
        cells = []
        for report in found.values():
            row = report["locks"][f"with lock: n += 1, {threads} threads / threading.Lock"]
            cells.append(f"{row['ns']:.0f} / {row['baseline_ns']:.0f}")
        rows.append([f"{threads} threads, nothing but the section", *cells])
    for threads in (2, 8):
        cells = []
        for report in found.values():
            row = report["locks"][f"the same, and work outside, {threads} threads / threading.Lock"]
            cells.append(f"{row['ns']:.0f} / {row['baseline_ns']:.0f}")
        rows.append([f"{threads} threads, work outside as well", *cells])
    longest = []
    for report in found.values():
        ours, theirs = (
            report["locks"][f"longest wait, 8 threads, 3 s: {lock}"]["ms"] for lock in ("Mutex", "threading.Lock")
        )
        longest.append(f"{ours:.0f} / {theirs:.0f} ms")
    rows.append(["longest wait of 8 threads in 3 s", *longest])
    return table(["`Mutex` / `threading.Lock`, ns", *map(build, found)], rows)


def native():
    found = reports("benchmarks/results", "native")
    names = {
        "C11 `atomic_fetch_add`": ("bare C itself", "ns"),
        "`ap_fetch_add_i64`": ("ap_fetch_add_i64", "ns"),
        "`sharded_counter_add`": ("sharded_counter_add", "ns"),
        "`mutex_lock`, `+= 1`, `mutex_unlock`": ("mutex_lock, += 1, unlock", "ns"),
    }
    report = found[max(found)]
    return table(
        ["ns for each step, 3.14t", "1 thread", "2 threads"],
        [
            [shown, *(ns(report["rows"][f"{key}, {threads}"][side]) for threads in (1, 2))]
            for shown, (key, side) in names.items()
        ],
    )


def thousand_threads():
    found = reports("benchmarks/results", "locks")
    cells = []
    for report in found.values():
        row = report["locks"]["1,000 threads, WaitGroup.go / Thread"]
        cells.append(f"{row['ns'] / 1000:.0f} / {row['baseline_ns'] / 1000:.0f} µs")
    return table(
        ["start and end of a thread, one of 1,000", *map(build, found)], [["`WaitGroup.go` / `Thread`", *cells]]
    )


def ratio(kind, group, name):
    """The lowest and the highest ratio of all interpreters."""
    found = [report[group][name]["ratio"] for report in reports("benchmarks/results", kind).values()]
    low, high = f"{min(found):.1f}", f"{max(found):.1f}"
    return low if low == high else f"{low} to {high}"


def atomicity():
    found = reports("docs/measured", "atomicity")
    names = next(iter(found.values()))["operations"]

    def cell(row):
        if "crashed" in row:
            return "**crash**" if row["crashed"] else "`ValueError`"
        worst = max(row["lost"])
        if worst == 0:
            return "0"
        share = 100 * worst / row["of"]
        return f"**{share:.0f} %**" if share >= 1 else f"**{worst}**"

    words = {"atomic": "yes", "with the GIL, by accident": "GIL\u00a0only", "not atomic": "no"}
    return table(
        ["operation", *(f"lost: {build(name)}" for name in found), "atomic"],
        [
            [
                f"`{name}`".replace("|", r"\|"),
                *(cell(r["operations"][name]) for r in found.values()),
                words[row["claim"]],
            ]
            for name, row in names.items()
        ],
    )


def race_costs():
    """CPU time with the detector / without it, measured by benchmarks/race_overhead.py."""
    found = reports("docs/measured", "race")

    def row(label, shape, what):
        ratios = (report["shapes"][shape]["python"][what]["ratio"] for report in found.values())
        return [label, *(f"{ratio:.1f}x" for ratio in ratios)]

    return table(
        ["with the detector / without", *map(build, found)],
        [
            row("time of a loop over attributes", "attributes", "cpu"),
            row("time of a loop over items of a list and a dict", "items", "cpu"),
            row("time of a loop of calls", "calls", "cpu"),
            row("memory of many live objects", "memory", "memory"),
        ],
    )


def fenced(text):
    return f"\n```text measured\n{text.rstrip()}\n```\n"


def timeline():
    """The output of `python -m atomicpy timeline` for the run that docs/timeline.py has recorded."""
    sys.path.append(str(DOCS))
    from timeline import recorded

    from atomicpy.commands.timeline.cli import print_runs

    os.environ["COLUMNS"] = "80"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print_runs(*recorded())
    return fenced("$ python -m atomicpy timeline\n" + out.getvalue())


def moment():
    """The table in the sample of `demo --explain` without the GIL, and the paragraph below it."""
    page = (DOCS / "atomicity.md").read_text("utf-8")
    sample = re.search(r"^```console sample free-threaded\n\$ [^\n]*--explain\n(.*?)^```$", page, re.M | re.S)[1]
    return fenced(re.search(r"^ +µs .*?\n\n.*?(?=\n\n)", sample, re.M | re.S)[0])


def demo(counter):
    """Millions of increments a second."""
    report = json.loads((DOCS / "measured" / "demo.json").read_text("utf-8"))
    row = next(row for row in report["counters"] if row["name"] == counter)
    return f"{row['ops_per_second'] / 1e6:.0f} million"


def conditions():
    report = max(reports("benchmarks/results", "scaling").items())[1]
    names = ", ".join(reports("benchmarks/results", "scaling"))
    where = report["conditions"]
    return f"CPython {names}; {where['machine']}, {where['cores']} cores, a virtual machine"


FIGURES = {
    "counting": counting,
    "alone": alone,
    "contended": contended,
    "native": native,
    "thousand-threads": thousand_threads,
    "atomicity": atomicity,
    "conditions": conditions,
    "race-costs": race_costs,
    "timeline": timeline,
    "moment": moment,
    "demo-atomic": lambda: demo("atomic"),
    "demo-sharded": lambda: demo("sharded"),
    "mutex-ratio": lambda: ratio("locks", "locks", "with Mutex / with threading.Lock"),
}


def filled(text, page):
    def fill(found):
        start, name, old, end = found.groups()
        if not old.startswith("\n") and text[found.start() - 1] == "\n":
            sys.exit(f"{page}: figures {name!r} inside a sentence must not begin a line: they would begin a paragraph")
        if name not in FIGURES:
            sys.exit(f"{page}: no figures {name!r}; the names are {', '.join(FIGURES)}")
        return f"{start}{FIGURES[name]()}{end}"

    return PLACE.sub(fill, text)


def main():
    check, stale = "--check" in sys.argv[1:], []
    for page in [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]:
        text = page.read_text("utf-8")
        now = filled(text, page)
        if now != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(now, "utf-8")
    for page in stale:
        print(f"{page}: {'the figures are not the measured ones: run python docs/figures.py' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
