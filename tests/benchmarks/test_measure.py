"""The measuring loop of the benchmarks: order, discarded rounds, ratios, summaries, busy processes."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import measure  # noqa: E402 -- from the line above
import summary  # noqa: E402
from together import Span, parallel, together  # noqa: E402


def side(name, order, ns, counts=lambda n: True):
    """A side with made-up samples that notes when the loop calls it."""

    def sample():
        order.append(name)
        return measure.Sample(ns[order.count(name) - 1], 1.0, counts(order.count(name)))

    return sample


def test_sides_take_turns_and_the_order_reverses():
    order = []
    measure.Loop(4).samples(side("a", order, [1] * 4), side("b", order, [1] * 4), side("c", order, [1] * 4))
    assert "".join(order) == "cbaabccbaabc"


def test_ratio_is_of_the_samples_of_one_round():
    # The machine slows down: the ratio of the medians is far from 2, each ratio of neighbours is 2.
    order, slow = [], [1, 1, 1, 10, 10]
    row = measure.Loop(5).compare(side("a", order, [2 * ns for ns in slow]), side("b", order, slow))
    assert (row.ns, row.baseline_ns, row.ratio, row.low, row.high, row.discarded) == (2, 1, 2, 2, 2, 0)
    row = measure.Loop(3).compare(side("a", [], [1, 4, 9]), side("b", [], [1, 2, 3]))
    assert (row.ratio, row.low, row.high) == (2, 1.5, 2.5)


def test_discarded_sample_is_taken_again_and_not_in_the_figures():
    order = []
    a, b = side("a", order, [1] * 9), side("b", order, [5, 9, 9, 5, 5], lambda n: n not in (2, 3))
    row = measure.Loop(3).compare(a, b)
    assert (row.baseline_ns, row.ratio, row.low, row.high, row.discarded) == (5, 0.2, 0.2, 0.2, 2)
    assert "".join(order) == "baabbbba"


def test_no_figure_where_the_patience_ends_with_one_sample():
    row = measure.Loop(3, patience=-1).compare(side("a", [], [1] * 3), side("b", [], [1] * 3, lambda n: n == 2))
    assert (row.ns, row.ratio, row.discarded) == (None, None, 2)


def test_discarded_side_does_not_take_the_figure_of_the_other():
    one, two = measure.Loop(3, patience=-1).figures(side("a", [], [1] * 3), side("b", [], [1] * 3, lambda n: False))
    assert (one.ns, one.discarded, two.ns, two.discarded) == (1, 0, None, 3)


def test_beside_busy_processes_nothing_is_discarded():
    args = measure.parser("What.", rounds=3).parse_args(["--busy", "2"])
    row = measure.loop_of(args).compare(side("a", [], [1] * 3), side("b", [], [2] * 3, lambda n: False))
    assert (row.ratio, row.discarded) == (0.5, 0)


def test_threads_below_the_limit_do_not_count():
    def take(cpu):
        job = lambda times: lambda me: lambda: Span(0.0, times / 100, cpu * times / 100)  # noqa: E731
        return measure.on_threads(2, job, 10, 0.1, at_least=parallel(2, nogil=True))()

    assert take(0.86) == (0.5e6, pytest.approx(1.72), True)
    assert not take(0.84).counts


def test_a_thread_that_lost_its_core_does_not_shorten_the_samples():
    repetitions = []

    def job(times):
        repetitions.append(times)
        lost = 1.0 if len(repetitions) == 1 else 0.0  # another process had the core for a second
        return lambda me: lambda: Span(0.0, times / 1000 + lost, times / 1000)

    measure.on_threads(1, job, 1, 0.1)()
    assert repetitions[-1] == 100


def test_threads_start_together():
    prepared, started = [], []

    def prepare(me):
        prepared.append(me)

        def run():
            started.append(len(prepared))
            return Span(10.0 + me, 14.0, 1.0)

        return run

    stop = threading.Event()
    assert together(3, prepare, meanwhile=stop.set) == (4.0, 0.75)
    assert started == [3, 3, 3]
    assert stop.is_set()


def test_an_error_in_a_thread_is_raised_and_ends_all_threads():
    def prepare(me):
        if me == 1:
            raise ZeroDivisionError
        return int

    with pytest.raises(ZeroDivisionError):
        together(3, prepare)


def test_busy_processes_run_and_end():
    with contextlib.ExitStack() as stack:
        started = []
        original = subprocess.Popen

        def popen(*args, **kwargs):
            started.append(original(*args, **kwargs))
            return started[-1]

        stack.callback(setattr, subprocess, "Popen", original)
        subprocess.Popen = popen
        with measure.busy(2):
            assert [process.poll() for process in started] == [None, None]
        assert [process.poll() for process in started] == [0, 0]


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_busy_processes_end_with_a_killed_benchmark():
    code = f"""
import sys, time
sys.path.append({str(BENCHMARKS)!r})
import measure
with measure.busy(1):
    print("started", flush=True)
    time.sleep(600)
"""
    # The busy process inherits standard error, so its end closes the pipe.
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline()
    process.kill()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_summary_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "cp313.json"
    seen = measure.conditions()
    row = measure.Comparison(123.456, 0.999, 7.0, 1.0, 0.98765, 0.9, 1.0, 3)
    figures = [measure.Figure(1.23456, 1.1, 1.3, 1.0, 0), measure.Figure(None, None, None, None, 9)]
    rows = {f"row {i}": row for i in range(40)}
    summary.save(path, "locks", seen, 15, measure.Comparison._fields, rows, peer="none")
    summary.save(path, "scaling", seen, 15, measure.Figure._fields, {"racy, local, contended": figures}, threads=[1, 2])
    summary.save(path, "locks", seen | {"busy": 2}, 15, ("ns",), {"row": row})
    summary.save(path, "waits", seen, 5, ("ns",), {})
    ((interpreter, locks),) = summary.load(tmp_path, "locks").items()
    assert (interpreter, locks.conditions, locks.rounds) == (seen["interpreter"].removeprefix("CPython "), seen, 15)
    assert (len(locks.rows), locks.more) == (40, {"peer": "none"})
    assert locks.rows["row 7"] == dict(zip(row._fields, (123.5, 1, 7, 1, 0.988, 0.9, 1, 3), strict=True))
    (scaling,) = summary.load(tmp_path, "scaling").values()
    points = list(summary.points(scaling))
    assert [point[:4] for point in points] == [("racy", "local", "contended", n) for n in (1, 2)]
    assert [point[4]["ns"] for point in points] == [1.235, None]
    assert list(json.loads(path.read_text())) == ["locks", "scaling", "locks beside 2 busy"]
    assert max(map(len, path.read_text().splitlines())) <= summary.WIDTH


def test_a_benchmark_writes_its_section(tmp_path):
    command = [sys.executable, "-P", "-c", "import locks; locks.main()"]
    command += ["--quick", "--only", "Once.do(fn)", "--busy", "1", "--json", str(tmp_path / "cp.json")]
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    (section,) = summary.load(tmp_path, "locks beside 1 busy").values()
    assert list(section.rows) == ["Once.do(fn), done / attribute"]
    assert section.conditions["busy"] == 1
    assert "beside 1 busy process (" in done.stdout
