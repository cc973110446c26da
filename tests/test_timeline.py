"""`python -m atomicpy timeline`: which thread ran on which core, as a user sees it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers import FREE_THREADED, PYTHON, run_threaded, wait_until

from atomicpy import __main__ as command
from atomicpy.timeline import chart, cli, drawing, interpreters
from atomicpy.timeline.interpreters import Interpreter, Run, Span, measured, with_and_without
from atomicpy.timeline.measure import GAP, measure, work
from atomicpy.timeline.sampler import Sampler, core_number, now

COMMAND = [*PYTHON, "-m", "atomicpy", "timeline"]
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

needs_core_numbers = pytest.mark.skipif(core_number() < 0, reason="this system does not tell the core")


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=100, check=False, **options)


def joined(text):
    return " ".join(text.split())


def made(spans, cores=(0, 1), gil=False):
    return Run("3.14.0", gil, 0.005, list(cores), 0.1, 0.15, [Span(*span) for span in spans])


def overlap(spans):
    """Seconds in which two threads ran at once."""
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
            os.sched_setaffinity(0, {core})  # this thread's alone, on Linux
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


def test_after_the_deadline_nothing_is_noted():
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
    # Samples are taken with the GIL held; only while the threads come in may turns be shorter than the gap.
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
        # Bound: on a busy machine the system may leave both on one core for long.
        os.sched_setaffinity(0, {cores[me]})
        sampler = Sampler(GAP)
        sampler.begin(now() + 300_000_000)
        work(sampler)
        return [Span(me, core, start / 1e9, end / 1e9) for start, end, core in sampler.spans()]

    # By luck other programs have one of the cores at any time; not in ten runs.
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


def test_refusal_says_why(tmp_path):
    assert interpreters.refusal(str(tmp_path / "none")) == "there is no such program; give its path"
    said = interpreters.refusal(sys.executable)
    assert said is None if FREE_THREADED else said == "it has the GIL"
    if FREE_THREADED and os.name == "posix":
        without = tmp_path / "without"  # the same interpreter, isolated from where atomicpy is
        without.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        without.chmod(0o755)
        said = interpreters.refusal(str(without))
        assert said == "atomicpy is to be installed there (No module named 'atomicpy')"
    no_python = tmp_path / "other"
    no_python.write_text("#!/bin/sh\nexit 3\n")
    no_python.chmod(0o755)
    if os.name == "posix":
        assert interpreters.refusal(str(no_python)) == "it is no CPython 3.11 or later"


def test_an_interpreter_that_fails_is_told_with_its_reason():
    broken = Interpreter((sys.executable, "-c", "import sys; sys.exit('out of order')"), True, True)
    with pytest.raises(interpreters.MeasuringFailedError, match="could not measure: out of order"):
        measured(broken, 1, 0.01)


# ---- the drawing -------------------------------------------------------------------------------------------


def test_boxes_are_those_of_the_article():
    run_ = made([(0, 0, 0.0, 0.010), (1, 0, 0.010, 0.015), (1, 1, 0.0, 0.005)])
    lines = list(drawing.drawn(run_, 2, [0, 1], 0.015, 20, False))
    assert lines == ["Core 0: [T1][T1][T2]", "Core 1: [T2][  ][  ]"]


def test_a_box_is_whose_it_was_longest_and_empty_where_the_core_was_at_work_for_less_than_half():
    run_ = made([(0, 0, 0.0, 0.003), (1, 0, 0.003, 0.005), (2, 0, 0.005, 0.007), (1, 1, 0.0, 0.0024)])
    assert drawing.occupants(run_, 0, 0.0, 0.005, 2) == [0, None]
    assert drawing.occupants(run_, 1, 0.0, 0.005, 2) == [None, None]


def test_turns_never_seem_to_overlap_wherever_the_boxes_begin():
    # One at a time on two cores, 5 ms each, as with the GIL.
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


# ---- what it prints ----------------------------------------------------------------------------------------


@needs_core_numbers
@pytest.mark.parametrize("columns", [80, 40])
def test_what_is_printed(columns):
    done = run("--seconds", "0.05", env={**os.environ, "COLUMNS": str(columns)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= columns
    text = joined(done.stdout)
    assert text.startswith("4 threads at work for 0.05 s. With the GIL (CPython")
    boxes = re.findall(r"^Core +\d+: ((?:\[(?:T[1-4]|  )\])+)$", done.stdout, re.M)
    assert len(boxes) >= 1
    for cores, cpu, wall in re.findall(r"([\d.]+) cores at work: ([\d.]+) s of processor time in ([\d.]+) s", text):
        assert float(cores) == pytest.approx(float(cpu) / float(wall), rel=0.05, abs=0.02)
    if FREE_THREADED:
        assert "Without the GIL (CPython" in text
    elif "Without the GIL" not in text:
        assert "name one with --python" in text


@needs_core_numbers
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot choose the core")
def test_one_core_only():
    core = min(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, {{{core}}}); from atomicpy.__main__ import main; main(['timeline'])"
    done = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(re.findall(r"^Core +\d+", done.stdout, re.M))) == 1
    assert "; 1 to run on" in joined(done.stdout)
    if FREE_THREADED:
        assert "the threads may run Python at the same time, but there is one core." in joined(done.stdout)
        assert "That is concurrent, and not parallel." in joined(done.stdout)


def test_the_verdict_is_that_of_the_run():
    gil, free = made([], gil=True), made([])
    assert "Without it they are both: 1.50" in cli.verdict(gil, free, 4)
    slow = Run("3.14.0", False, 0.005, [0, 1], 0.1, 0.09, [])
    assert "in this run they got 0.90 cores" in cli.verdict(gil, slow, 4)
    assert "nobody to overlap with" in cli.verdict(gil, free, 1)
    assert "one core to run on" in cli.verdict(gil, made([], cores=[3]), 4)


# ---- the chart ---------------------------------------------------------------------------------------------


def draw(path, **options):
    runs = [made([(0, 0, 0.0, 0.05), (1, 1, 0.05, 0.1)], gil=True), made([(0, 0, 0.0, 0.1), (1, 1, 0.0, 0.1)])]
    chart.write(runs, options.get("threads", 2), 0.1, path)


@pytest.mark.filterwarnings("default")  # what matplotlib imports may not be made for this build
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


def test_a_folder_that_goes_away_leaves_nothing(tmp_path):
    class Figure:
        def savefig(self, name, **_):
            Path(name).write_text("half")
            raise OSError(28, "No space left on device")

    (tmp_path / "a.svg").write_text("before")
    with pytest.raises(OSError, match="No space"):
        chart.save(Figure(), tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    assert (tmp_path / "a.svg").read_text() == "before"


# ---- bad usage ---------------------------------------------------------------------------------------------


@needs_core_numbers
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--threads", "0"], "at least 1 is needed"),
        (["--threads", "-1"], "at least 1 is needed"),
        (["--threads", "65"], "at most 64: nobody could tell them apart"),
        (["--threads", "2.5"], "a whole number is needed"),
        (["--seconds", "0"], "at least 0.001 s is needed, not '0'"),
        (["--seconds", "-1"], "at least 0.001 s is needed, not '-1'"),
        (["--seconds", "nan"], "at least 0.001 s is needed, not 'nan'"),
        (["--seconds", "1e9"], "'1e9' is too long, at most 60 s"),
        (["--seconds", "inf"], "'inf' is too long, at most 60 s"),
        (["--seconds", "soon"], "a number of seconds is needed, not 'soon'"),
        (["--output", "a.pdf"], "a name that ends with .svg or .png is needed, not 'a.pdf'"),
        (["--output", "svg"], "a name that ends with .svg or .png is needed, not 'svg'"),
        (["--output", ""], "a name that ends with .svg or .png is needed"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_usage_is_exit_2_before_anything_is_measured(arguments, reason, capsys, monkeypatch):
    monkeypatch.setattr(cli, "measured", lambda *_: pytest.fail("it measured"))
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", *arguments])
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err


def refused(path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "measured", lambda *_: pytest.fail("it measured"))
    monkeypatch.setattr(chart, "missing", lambda: None)
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", "--output", str(path)])
    assert exit_.value.code == 2
    return capsys.readouterr().err


@needs_core_numbers
def test_a_folder_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    err = refused(tmp_path / "none" / "a.svg", capsys, monkeypatch)
    assert f"--output: there is no folder {tmp_path / 'none'}: make it first" in err
    (tmp_path / "file").write_text("")
    assert f"nothing can be written to {tmp_path / 'file'} (" in refused(
        tmp_path / "file" / "a.svg", capsys, monkeypatch
    )
    folder = tmp_path / "b.SVG"
    folder.mkdir()
    assert f"{folder} is a folder: name a file, {folder / 'timeline.svg'} say" in refused(folder, capsys, monkeypatch)


@needs_core_numbers
@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root can write to")
def test_a_folder_that_not_even_root_can_write(capsys, monkeypatch):
    assert "nothing can be written to /proc (" in refused("/proc/a.png", capsys, monkeypatch)


@needs_core_numbers
def test_without_matplotlib_the_extra_is_named(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # how Python says that there is none
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", "--output", str(tmp_path / "a.svg")])
    assert exit_.value.code == 2
    assert "needs matplotlib, which the extra atomicpy[plot] brings: pip install matplotlib" in capsys.readouterr().err


def test_a_system_that_does_not_tell_the_core(monkeypatch, capsys):
    monkeypatch.setattr(cli, "core_number", lambda: -1)
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline"])
    assert exit_.value.code == 2
    assert "does not tell which core a thread runs on" in capsys.readouterr().err


@needs_core_numbers
def test_python_is_for_a_build_with_the_gil(capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", "--python", sys.executable])
    assert exit_.value.code == 2
    assert (
        f"--python {sys.executable}: this interpreter does both sides itself; leave it out"
        if FREE_THREADED
        else "it has the GIL"
    ) in capsys.readouterr().err


# ---- Ctrl-C ------------------------------------------------------------------------------------------------


@needs_core_numbers
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_ends_it_and_its_child():
    child = subprocess.Popen([*COMMAND, "--seconds", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    assert "4 threads" in child.stdout.readline()
    measuring = wait_for_child(child.pid)
    child.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, err = child.communicate()
    watchdog.cancel()
    assert (child.returncode, err) == (130, "")
    assert out.rstrip().endswith("Interrupted.")
    assert time.monotonic() - sent < 30
    if measuring:
        assert not Path(f"/proc/{measuring}").exists()


@needs_core_numbers
def test_ctrl_c_while_matplotlib_is_imported(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(chart, "missing", interrupted)
    assert command.main(["timeline", "--output", "a.svg"]) == 130
    assert capsys.readouterr() == ("Interrupted.\n", "")


def wait_for_child(pid):
    """The process that measures, where /proc shows it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        time.sleep(1)
        return None
    wait_until(lambda: children.read_text().split())
    return children.read_text().split()[0]
