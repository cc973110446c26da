"""The time line in its parts: the samples, the two interpreters, the drawing, the chart."""

import os
import re
import sys
import time
from pathlib import Path

import pytest
from helpers import FREE_THREADED, run_threaded

from atomicpy.commands.timeline import chart, cli, drawing, interpreters
from atomicpy.commands.timeline.interpreters import Interpreter, Run, Span, measured, with_and_without
from atomicpy.commands.timeline.measure import GAP, measure, work
from atomicpy.commands.timeline.sampler import Sampler, core_number, now

GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

needs_core_numbers = pytest.mark.skipif(core_number() < 0, reason="this system does not report the core")


def made(spans, cores=(0, 1), gil=False):
    return Run("3.14.0", gil, 0.005, list(cores), 0.1, 0.15, [Span(*span) for span in spans])


def overlap(spans):
    """How many seconds two threads ran at the same time."""
    total, until = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, min(until, span.end) - span.start)
        until = max(until, span.end)
    return total


# ---- the samples -------------------------------------------------------------------------------------------


@needs_core_numbers
def test_core_number_is_one_that_may_be_used():
    if hasattr(os, "sched_getaffinity"):
        assert core_number() in os.sched_getaffinity(0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot choose the core")
def test_a_thread_is_seen_on_the_core_that_it_is_bound_to():
    def body(_):
        seen = []
        for core in sorted(os.sched_getaffinity(0)):
            os.sched_setaffinity(0, {core})  # of this thread only, on Linux
            sampler = Sampler(10**9)
            sampler.begin(now() + 10**10)
            assert sampler.sample()
            seen.append(([core], [core for _, _, core in sampler.spans()]))
        return seen

    for seen in run_threaded(body, threads=2):
        assert all(bound == sampled for bound, sampled in seen)


def test_a_gap_begins_another_span():
    sampler = Sampler(20_000_000)
    sampler.begin(now() + 10**12)
    sampler.sample()
    time.sleep(0.05)
    sampler.sample()
    spans = sampler.spans()
    assert len(spans) == 2
    assert spans[1][0] - spans[0][1] >= 20_000_000


def test_many_spans_are_kept():
    sampler = Sampler(-1)  # each sample is a span of its own
    sampler.begin(now() + 10**12)
    for _ in range(10_000):
        assert sampler.sample()
    spans = sampler.spans()
    assert len(spans) == 10_000
    assert spans == sorted(spans)


def test_after_the_deadline_nothing_is_recorded():
    sampler = Sampler(10)
    sampler.begin(now())
    assert sampler.sample() is False
    assert sampler.spans() == []


@needs_core_numbers
def test_measured_threads_are_within_the_time_and_in_order():
    result = measure(3, 0.05)
    assert len(result["spans"]) == 3
    for spans in result["spans"]:
        assert spans == sorted(spans)
        assert all(0 <= a <= b <= 0.05e9 for a, b, _ in spans)
    assert result["wall"] >= 0.05
    assert result["gil"] is GIL


@needs_core_numbers
def test_with_the_gil_one_thread_at_a_time_runs():
    interpreter = next(iter(with_and_without(None)))
    assert interpreter.gil
    result = measured(interpreter, 4, 0.2)
    assert result.gil
    # A thread takes a sample with the GIL held. Only at the start may turns be shorter than the gap.
    assert overlap(result.spans) < 0.01 * result.wall + 0.002
    assert result.parallelism < 1.15


@needs_core_numbers
@pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build")
def test_the_other_side_is_without_the_gil():
    _, without = with_and_without(None)
    assert measured(without, 2, 0.01).gil is False


@pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build")
@pytest.mark.skipif(CORES < 2 or not hasattr(os, "sched_setaffinity"), reason="needs two cores to bind threads to")
def test_without_the_gil_threads_overlap():
    cores = sorted(os.sched_getaffinity(0))[:2]

    def body(me):
        # Bound to cores: on a busy machine the system may run both on one core for long.
        os.sched_setaffinity(0, {cores[me]})
        sampler = Sampler(GAP)
        sampler.begin(now() + 300_000_000)
        work(sampler)
        return [Span(me, core, start / 1e9, end / 1e9) for start, end, core in sampler.spans()]

    # Other programs may use one of the cores during one run, but not during ten runs.
    assert any(overlap([span for spans in run_threaded(body, threads=2) for span in spans]) > 0.01 for _ in range(10))


# ---- the interpreters --------------------------------------------------------------------------------------


def test_a_free_threaded_build_is_both_sides():
    sides = list(with_and_without(None))
    assert sides[0].gil
    assert sides[0].command[0] == sys.executable
    if FREE_THREADED:
        assert [side.command[1:] for side in sides] == [("-X", "gil=1"), ("-X", "gil=0")]


def test_a_gil_build_looks_for_another_on_path(monkeypatch, tmp_path):
    monkeypatch.setattr(interpreters, "free_threaded", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [side.gil for side in with_and_without(None)] == [True]
    monkeypatch.setattr(interpreters, "refusal", lambda name: None if name == "python3.14t" else "no")
    assert [side.command for side in with_and_without(None)][1] == ("python3.14t", "-X", "gil=0")
    assert [side.command for side in with_and_without("/the/other")][1] == ("/the/other", "-X", "gil=0")


def test_refusal_has_the_reason(tmp_path):
    assert interpreters.refusal(str(tmp_path / "none")) == "there is no such program; give its path"
    answer = interpreters.refusal(sys.executable)
    assert answer is None if FREE_THREADED else answer == "it has the GIL"
    if FREE_THREADED and os.name == "posix":
        without = tmp_path / "without"  # the same interpreter, without the folder of atomicpy
        without.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        without.chmod(0o755)
        answer = interpreters.refusal(str(without))
        assert answer == "atomicpy is not installed there (No module named 'atomicpy')"
    no_python = tmp_path / "other"
    no_python.write_text("#!/bin/sh\nexit 3\n")
    no_python.chmod(0o755)
    if os.name == "posix":
        assert interpreters.refusal(str(no_python)) == "it is no CPython 3.11 or later"


def test_an_interpreter_that_fails_is_reported_with_its_reason():
    broken = Interpreter((sys.executable, "-c", "import sys; sys.exit('out of order')"), True, True)
    with pytest.raises(interpreters.MeasuringFailedError, match="could not measure: out of order"):
        measured(broken, 1, 0.01)


# ---- the drawing -------------------------------------------------------------------------------------------


def test_boxes_are_those_of_the_documentation():
    run_ = made([(0, 0, 0.0, 0.010), (1, 0, 0.010, 0.015), (1, 1, 0.0, 0.005)])
    lines = list(drawing.drawn(run_, 2, [0, 1], 0.015, 20, False))
    assert lines == ["Core 0: [T1][T1][T2]", "Core 1: [T2][  ][  ]"]


def test_a_box_has_the_thread_that_used_the_core_longest_and_is_empty_if_the_core_was_mostly_idle():
    run_ = made([(0, 0, 0.0, 0.003), (1, 0, 0.003, 0.005), (2, 0, 0.005, 0.007), (1, 1, 0.0, 0.0024)])
    assert drawing.occupants(run_, 0, 0.0, 0.005, 2) == [0, None]
    assert drawing.occupants(run_, 1, 0.0, 0.005, 2) == [None, None]


def test_turns_never_seem_to_overlap_wherever_the_boxes_begin():
    # One thread at a time on two cores, 5 ms each, as with the GIL.
    run_ = made([(k % 2, k % 2, 0.005 * k, 0.005 * (k + 1)) for k in range(20)])
    for shift in range(50):
        a, b = (drawing.occupants(run_, core, 0.0001 * shift + 1e-7, 0.005, 18) for core in (0, 1))
        assert not any(x is not None and y is not None for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("seconds", "columns", "expected"),
    [
        (0.09, 80, (0.0, 0.005, 18)),
        (0.018, 80, (0.0, 0.001, 18)),  # a short run in shorter boxes
        (1.0, 80, (0.455, 0.005, 18)),  # the middle of a long one
        (0.1, 40, (0.03, 0.005, 8)),
        (0.1, 5, (0.0475, 0.005, 1)),
    ],
)
def test_window(seconds, columns, expected):
    assert drawing.window(seconds, 4, [0, 1], columns) == pytest.approx(expected)


def test_names_have_one_width():
    run_ = made([(0, 0, 0.0, 0.005), (11, 0, 0.005, 0.010)], cores=(0, 10))
    assert list(drawing.drawn(run_, 12, [0, 10], 0.01, 19, False)) == ["Core  0: [T1 ][T12]", "Core 10: [   ][   ]"]


def test_only_used_cores_of_many():
    assert drawing.rows([made([(0, 7, 0.0, 0.1)], cores=range(128))]) == [7]
    assert drawing.rows([made([(0, 1, 0.0, 0.1)], cores=(0, 1))]) == [0, 1]


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch):
    class Stream:
        tty = True

        def isatty(self):
            return self.tty

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert drawing.colourful(Stream())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not drawing.colourful(Stream())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not drawing.colourful(Stream())
    monkeypatch.setenv("TERM", "xterm")
    Stream.tty = False
    assert not drawing.colourful(Stream())
    [line] = drawing.drawn(made([(0, 0, 0.0, 0.005)]), 1, [0], 0.005, 12, True)
    assert re.fullmatch(r"Core 0: \x1b\[36m\[T1\]\x1b\[0m", line)


def test_the_verdict_is_that_of_the_run():
    gil, free = made([], gil=True), made([])
    assert "Without it they are both: 1.50" in cli.verdict(gil, free, 4)
    slow = Run("3.14.0", False, 0.005, [0, 1], 0.1, 0.09, [])
    assert "in this run they got 0.90 cores" in cli.verdict(gil, slow, 4)
    assert "One thread alone overlaps with no other" in cli.verdict(gil, free, 1)
    assert "one core to run on" in cli.verdict(gil, made([], cores=[3]), 4)


# ---- the chart ---------------------------------------------------------------------------------------------


def draw(path, **options):
    runs = [made([(0, 0, 0.0, 0.05), (1, 1, 0.05, 0.1)], gil=True), made([(0, 0, 0.0, 0.1), (1, 1, 0.0, 0.1)])]
    chart.write(runs, options.get("threads", 2), 0.1, path)


@pytest.mark.slow  # the import of matplotlib takes seconds
@pytest.mark.filterwarnings("default")  # a module that matplotlib imports may not support this build
def test_charts(tmp_path):
    if reason := chart.missing():
        pytest.skip(reason)
    svg, png = tmp_path / "a.svg", tmp_path / "b.PNG"
    draw(svg)
    draw(png, threads=20)
    text = svg.read_text()
    assert text.startswith("<?xml")
    assert {chart.COLOURS[0], chart.COLOURS[1], chart.TEXT} <= set(re.findall(r"#[0-9a-f]{6}", text))
    assert chart.COLOURS[2] not in text
    assert png.read_bytes().startswith(b"\x89PNG")
    draw(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "again.svg", "b.PNG"]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [chart.TEXT, *chart.COLOURS])
def test_colours_stand_out_from_light_and_dark(colour):
    least = 4 if colour == chart.TEXT else 3  # WCAG 2.2, 1.4.11: 3 for graphics
    for page in ("#ffffff", "#131416"):
        light, dark = sorted((luminance(colour), luminance(page)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least


def test_a_failed_write_leaves_no_file(tmp_path):
    class Figure:
        def savefig(self, name, **_):
            Path(name).write_text("half")
            raise OSError(28, "No space left on device")

    (tmp_path / "a.svg").write_text("before")
    with pytest.raises(OSError, match="No space"):
        chart.save(Figure(), tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    assert (tmp_path / "a.svg").read_text() == "before"
