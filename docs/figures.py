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
sys.path.append(str(ROOT / "benchmarks"))

import summary  # noqa: E402 -- from the line above
from waiting import WAITING  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
MEASURED = DOCS / "measured"
PLACE = re.compile(r"(<!-- figures ([\w-]+) -->)(.*?)(<!-- end -->)", re.S)


def build(interpreter):
    """3.14.7t -> 3.14t: the heads of the columns are short."""
    major, minor, rest = interpreter.split(".")
    return f"{major}.{minor}{'t' * rest.endswith('t')}"


def ns(value):
    return f"{value:.1f}" if value < 20 else f"{value:.0f}"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def point(section, counter, access="global", threads=2, kind="contended"):
    for *where, figure in summary.points(section):
        if where == [counter, access, kind, threads]:
            return figure["ns"]
    return None


OURS = ("racy", "threading.Lock", "Mutex", "itertools.count", "AtomicInt", "ShardedCounter")


def best_peer(section):
    peers = {counter for counter, *_ in summary.points(section) if not counter.startswith(OURS)}
    measured = [value for peer in peers if (value := point(section, peer)) is not None]
    return min(measured, default=None)


def counting():
    found = summary.load(RESULTS, "scaling")

    def row(label, of):
        values = [of(section) for section in found.values()]
        return [label, *(value if isinstance(value, str) else "-" if value is None else ns(value) for value in values)]

    def handle(section):
        two = point(section, "ShardedCounter.local().inc")
        # With the GIL no round was parallel: the figure of one thread, with a note.
        return two or f"{ns(point(section, 'ShardedCounter.local().inc', threads=1))} (one thread)"

    heads = [build(name) + (", GIL" if section.conditions["gil"] else "") for name, section in found.items()]
    return table(
        ["ns for each increment", *heads],
        [
            row("`ShardedCounter.inc()`", lambda s: point(s, "ShardedCounter.inc")),
            row("`ShardedCounter.local()`, then `inc()`", handle),
            row("`AtomicInt.inc()`", lambda s: point(s, "AtomicInt.inc")),
            row("`AtomicInt += 1`, local variable", lambda s: point(s, "AtomicInt +=", access="local")),
            row("the best of the other packages", best_peer),
            row("`with Mutex(): n += 1`", lambda s: point(s, "Mutex")),
            row("`with threading.Lock(): n += 1`", lambda s: point(s, "threading.Lock")),
            row("`n += 1`, wrong without the GIL", lambda s: point(s, "racy")),
        ],
    )


def alone():
    """One thread alone."""
    latency, locks = summary.load(RESULTS, "latency"), summary.load(RESULTS, "locks")
    rows = [
        [f"`{name}`", *(ns(section.rows[name]["ns"]) for section in latency.values())]
        for name in (
            "AtomicInt.inc()",
            "AtomicInt += 1",
            "AtomicInt.add(1)",
            "AtomicInt.load()",
            "AtomicInt.compare_exchange(1, 1)",
            "AtomicRef.load()",
        )
    ]
    for shown, name, side in (
        ("with Mutex()", "with Mutex / with threading.Lock", "ns"),
        ("with threading.Lock()", "with Mutex / with threading.Lock", "baseline_ns"),
        ("with RWMutex().read()", "with RWMutex.read() / {peer}", "ns"),
        ("Once.do(f), done", "Once.do(fn), done / attribute", "ns"),
        ("once(f)(), done", "once(fn)(), done / attribute", "ns"),
    ):
        rows.append(
            [f"`{shown}`", *(ns(section.rows[name.format(**section.more)][side]) for section in locks.values())]
        )
    return table(["ns", *map(build, latency)], rows)


def both(row, unit=1):
    return f"{row['ns'] / unit:.0f} / {row['baseline_ns'] / unit:.0f}"


def contended(beside=""):
    locks, waits = summary.load(RESULTS, "locks" + beside), summary.load(RESULTS, "waits" + beside)
    rows = [
        [
            f"{threads} threads, {shown}",
            *(both(s.rows[f"{name}, {threads} threads / threading.Lock"]) for s in locks.values()),
        ]
        for shown, name, numbers in (
            ("nothing but the section", "with lock: n += 1", (2, 4, 8)),
            ("work outside as well", "the same, and work outside", (2, 8)),
        )
        for threads in numbers
    ]
    longest = (
        [section.rows[f"longest wait, 8 threads, 3 s: {lock}"]["ms"] for lock in ("Mutex", "threading.Lock")]
        for section in waits.values()
    )
    rows.append(["longest wait of 8 threads in 3 s", *(f"{ours:.0f} / {theirs:.0f} ms" for ours, theirs in longest)])
    return table(["`Mutex` / `threading.Lock`, ns", *map(build, locks)], rows)


def waiting():
    """Time of ours / of the other: on a quiet machine, and beside busy processes."""
    found = [summary.load(RESULTS, "locks" + beside) for beside in ("", " beside 2 busy", " beside 4 busy")]

    def cell(name, interpreter):
        rows = (each[interpreter].rows[name] if interpreter in each else None for each in found)
        return " / ".join("-" if row is None else f"{row['ratio']:.2f}" for row in rows)

    return table(
        ["time of ours / of the other: quiet, 2 busy, 4 busy", *map(build, found[0])],
        [
            [
                name.replace(" / ", ", beside "),
                *(cell(name, interpreter) for interpreter in found[0]),
            ]
            for name in WAITING
        ],
    )


def channels():
    """Each channel beside its baseline: ns of both, and the ratio; Go's figure of the same shape, where it has one."""
    found = summary.load(RESULTS, "channels")
    names = list(dict.fromkeys(name for section in found.values() for name in section.rows))
    go = {}
    for section in found.values():
        go |= section.more["go"]

    def cell(row):
        if row is None or row["ns"] is None:
            return "-"
        ours, theirs = (f"{ns(row[of])}" for of in ("ns", "baseline_ns"))
        return f"{ours} / {theirs}: {row['ratio']:.2f}"

    return table(
        ["ns of a channel / of the other: ratio", *map(build, found), "Go"],
        [
            [
                name.replace(" / ", ", beside "),
                *(cell(section.rows.get(name)) for section in found.values()),
                next((ns(each) for shape, each in go.items() if name.startswith(shape)), "-"),
            ]
            for name in names
        ],
    )


def native():
    found = summary.load(RESULTS, "native")
    names = {
        "C11 `atomic_fetch_add`": "bare C itself",
        "`ap_fetch_add_i64`": "ap_fetch_add_i64",
        "`sharded_counter_add`": "sharded_counter_add",
        "`mutex_lock`, `+= 1`, `mutex_unlock`": "mutex_lock, += 1, unlock",
    }
    rows = found[max(found)].rows
    return table(
        ["ns for each step, 3.14t", "1 thread", "2 threads"],
        [[shown, *(ns(rows[f"{name}, {threads}"]["ns"]) for threads in (1, 2))] for shown, name in names.items()],
    )


def thousand_threads():
    found = summary.load(RESULTS, "locks")
    cells = [
        f"{both(section.rows['1,000 threads, WaitGroup.go / Thread'], unit=1000)} µs" for section in found.values()
    ]
    return table(
        ["start and end of a thread, one of 1,000", *map(build, found)], [["`WaitGroup.go` / `Thread`", *cells]]
    )


def ratio(section, name):
    """The lowest and the highest ratio of all interpreters."""
    found = [each.rows[name]["ratio"] for each in summary.load(RESULTS, section).values()]
    low, high = f"{min(found):.1f}", f"{max(found):.1f}"
    return low if low == high else f"{low} to {high}"


def atomicity():
    files = sorted(MEASURED.glob("atomicity-*.json"))
    found = {report["interpreter"]: report["operations"] for report in map(read, files)}

    def cell(row):
        if "crashed" in row:
            return "**crash**" if row["crashed"] else "`ValueError`"
        most = row["most"]
        if most == 0:
            return "0"
        share = 100 * most / row["of"]
        return f"**{share:.0f} %**" if share >= 1 else f"**{most}**"

    words = {"atomic": "yes", "with the GIL, by accident": "GIL\u00a0only", "not atomic": "no"}
    return table(
        ["operation", *(f"lost: {build(name)}" for name in found), "atomic"],
        [
            [f"`{name}`".replace("|", r"\|"), *(cell(rows[name]) for rows in found.values()), words[row["claim"]]]
            for name, row in next(iter(found.values())).items()
        ],
    )


def race_costs():
    """CPU time and memory with the detector / without it, measured by benchmarks/race_overhead.py."""
    found = summary.load(MEASURED, "race", "race-*.json")

    def row(label, name):
        return [label, *(f"{section.rows[name]['ratio']:.1f}x" for section in found.values())]

    return table(
        ["with the detector / without", *map(build, found)],
        [
            row("time of a loop over attributes", "attributes, cpu"),
            row("time of a loop over items of a list and a dict", "items, cpu"),
            row("time of a loop of calls", "calls, cpu"),
            row("memory of many live objects", "memory, memory"),
        ],
    )


def read(path):
    return json.loads(path.read_text("utf-8"))


def fenced(text):
    return f"\n```text measured\n{text.rstrip()}\n```\n"


def timeline():
    """What `python -m atomicpy timeline` printed of the run that docs/timeline.py has recorded."""
    sys.path.append(str(DOCS))
    from timeline import recorded

    from atomicpy.commands.timeline.cli import print_runs

    os.environ["COLUMNS"] = "80"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print_runs(*recorded())
    return fenced("$ python -m atomicpy timeline\n" + out.getvalue())


def moment():
    """The table of the sample of `demo --explain` without the GIL, and the paragraph below it."""
    page = (DOCS / "atomicity.md").read_text("utf-8")
    sample = re.search(r"^```console sample free-threaded\n\$ [^\n]*--explain\n(.*?)^```$", page, re.M | re.S)[1]
    return fenced(re.search(r"^ +µs .*?\n\n.*?(?=\n\n)", sample, re.M | re.S)[0])


def demo(counter):
    """Millions of increments a second."""
    row = next(row for row in read(MEASURED / "demo.json")["counters"] if row["name"] == counter)
    return f"{row['ops_per_second'] / 1e6:.0f} million"


def conditions():
    found = summary.load(RESULTS, "scaling")
    where = found[max(found)].conditions
    return f"CPython {', '.join(found)}; {where['machine']}, {where['cores']} cores, a virtual machine"


FIGURES = {
    "counting": counting,
    "alone": alone,
    "contended": contended,
    "contended-busy": lambda: contended(" beside 2 busy"),
    "waiting": waiting,
    "channels": channels,
    "native": native,
    "thousand-threads": thousand_threads,
    "atomicity": atomicity,
    "conditions": conditions,
    "race-costs": race_costs,
    "timeline": timeline,
    "moment": moment,
    "demo-atomic": lambda: demo("atomic"),
    "demo-sharded": lambda: demo("sharded"),
    "mutex-ratio": lambda: ratio("locks", "with Mutex / with threading.Lock"),
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
