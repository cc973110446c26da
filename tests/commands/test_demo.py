"""The command line and its demo: `python -m atomicpy demo`, as a user runs it."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG, wait_until

from atomicpy import __main__ as command
from atomicpy.commands import conditions
from atomicpy.commands.demo import counters, report
from atomicpy.commands.demo.rounds import Row

GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
COMMAND = [*PYTHON, "-m", "atomicpy"]
EXACT = {"atomic", "sharded", "mutex"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, terminals, limits")


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=WATCHDOG, check=False, **options
    )


def demo_json(*arguments):
    done = run("demo", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def table(text):
    """The rows of the table as {name: (expected, got, lost)}."""
    found = re.findall(r"^(racy|racy-call|atomic|sharded|mutex) +([\d,]+) +([\d,]+) +(-?[\d,]+) +[\d.]+ ", text, re.M)
    return {name: tuple(int(n.replace(",", "")) for n in numbers) for name, *numbers in found}


# ---- what it shows -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_default_run_reports_each_counter(default_demo):
    status, out, err = default_demo
    assert (status, err) == (0, "")
    rows = table(out)
    assert list(rows) == [name for name in counters.COUNTERS if GIL or name != "racy-call"]
    assert len(rows) == 4 + GIL
    for name, (expected, got, lost) in rows.items():
        assert expected % 1_000 == 0
        assert 0 < got <= expected
        assert lost == expected - got
        assert name not in EXACT or lost == 0
    assert f"the GIL is {'on' if GIL else 'off'}" in out
    assert "1,000 threads" in out
    if GIL:
        assert "the backward jump of a loop" in out
    assert max(map(len, out.splitlines())) <= 80
    # The last line has one part for each counter that lost updates, and one for the exact counters.
    parts = " ".join(out.rpartition("\n\n")[2].split()).rstrip(".").split("; ")
    losers = {re.match(r"([\w-]+) lost [\w. ]+% of its increments$", part)[1] for part in parts if "%" in part}
    assert losers == {name for name, (_, _, lost) in rows.items() if lost}
    assert parts[-1].startswith("atomic, sharded and mutex lost nothing")


@pytest.mark.parametrize("native", [[], ["--native"]], ids=["python", "native"])
def test_atomic_sharded_and_mutex_are_exact(native):
    result = demo_json("--threads", "64", "--increments", "2000", "--only", "atomic,sharded,mutex", *native)
    assert [(row["name"], row["expected"], row["got"], row["lost"]) for row in result["counters"]] == [
        (name, 128_000, 128_000, 0) for name in ("atomic", "sharded", "mutex")
    ]


def test_json_holds_the_conditions_and_the_rows():
    result = demo_json("--threads", "3", "--increments", "1_000")
    conditions = {
        "interpreter": "CPython",
        "version": platform.python_version(),
        "gil": GIL,
        "threads": 3,
        "increments": 1000,
        "native": False,
        "interrupted": False,
    }
    assert conditions.items() <= result.items()
    for row in result["counters"]:
        assert set(row) == {"name", "expected", "got", "lost", "seconds", "ops_per_second", "cores"}
        assert row["expected"] == 3000
        assert row["seconds"] > 0
        assert row["ops_per_second"] == pytest.approx(3000 / row["seconds"])


@pytest.mark.skipif(not GIL, reason="the loss of racy-call with the GIL on")
def test_racy_call_loses_on_a_gil_build():
    # One run may lose nothing by luck; ten runs in a row do not.
    assert any(demo_json("--only", "racy-call")["counters"][0]["lost"] for _ in range(10))


@pytest.mark.skipif(conditions.usable_cores() < 2, reason="needs two cores")
def test_native_race_shows_on_every_build():
    options = ["--native", "--only", "racy", "--threads", "8", "--increments", "5_000_000"]
    assert any(demo_json(*options)["counters"][0]["lost"] for _ in range(10))


def test_only_takes_lists_and_repetitions_in_the_order_of_the_table():
    result = demo_json("--threads", "2", "--increments", "9", "--only", "mutex, racy", "--only", "racy")
    assert [row["name"] for row in result["counters"]] == ["racy", "mutex"]


def test_one_thread_and_one_increment():
    done = run("demo", "--threads", "1", "--increments", "1")
    assert done.returncode == 0
    assert set(table(done.stdout).values()) == {(1, 1, 0)}
    assert "with one thread alone" in done.stdout


def test_the_script_is_the_module():
    script = Path(sys.executable).with_name("atomicpy")
    if not script.exists():
        pytest.skip("the console script is not beside this interpreter")
    done = subprocess.run(
        [script, "demo", "--threads", "0"], capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: atomicpy demo")


@pytest.mark.parametrize("columns", [80, 40])
def test_the_output_is_as_wide_as_the_terminal(columns):
    options = ["--threads", "2", "--increments", "1000"]
    environment = {**os.environ, "COLUMNS": str(columns)}
    command = [*PYTHON, "-m", "atomicpy", "demo", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= columns
    assert re.search(
        r"^counter +expected +got +lost" + (r" +time s +ops/s +cores$" if columns == 80 else "$"), done.stdout, re.M
    )
    assert re.search(r"^atomic +2,000 +2,000 +0\b", done.stdout, re.M)


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("gil", [True, False])
@pytest.mark.parametrize("native", [True, False])
def test_one_core_is_reported_where_threads_would_run_at_the_same_time(cores, gil, native):
    heading = report.heading(report.Run(["racy"], 2, 9, native, gil, cores))
    assert ("take turns on it" in heading) == (cores == 1 and (native or not gil))
    assert max(map(len, heading.splitlines())) <= 80


def test_table_fits_80_columns_at_the_bounds():
    everything = 10_000 * 10**9
    names = list(counters.COUNTERS)
    table = report.Table(report.Run(names, 10_000, 10**9, False, True, 2))
    worst = Row("racy-call", False, everything, 1, 499_999.0, 1.999)
    assert len(table.head()) == len(table.row(worst)) <= 80
    assert "10000000000000" in table.row(worst)


# ---- bad usage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "required: command"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["demo", "--threads", "0"], "at least 1 is needed"),
        (["demo", "--threads", "-3"], "at least 1 is needed"),
        (["demo", "--threads", "many"], "a whole number is needed, not 'many'"),
        (["demo", "--threads", "1.5"], "a whole number is needed, not '1.5'"),
        (["demo", "--threads", ""], "a whole number is needed, not ''"),
        (["demo", "--threads", "1000000000"], "at most 10,000: each needs a stack"),
        (["demo", "--threads", "9" * 5000], "--threads: "),
        (["demo", "--increments", "0"], "at least 1 is needed"),
        (["demo", "--increments", "-1"], "at least 1 is needed"),
        (["demo", "--increments", "x"], "a whole number is needed"),
        (["demo", "--increments", str(2**63)], "at most 1,000,000,000: the demo would run for days"),
        (
            ["demo", "--only", "lockfree"],
            "no counter 'lockfree'; the counters are racy, racy-call, atomic, sharded, mutex",
        ),
        (["demo", "--only", ""], "no counter ''"),
        (["demo", "--only", "atomic,"], "no counter ''"),
        (["demo", "--native", "--only", "racy-call"], "racy-call has no native version"),
        (["demo", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_usage_is_exit_2_with_the_reason(arguments, reason, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: ")
    assert reason in err
    assert len(err) < 1500


def test_without_a_command_the_usage_is_printed():
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m atomicpy")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments)
    assert exit_.value.code == 0
    assert "demo" in capsys.readouterr().out


@posix
def test_too_many_threads_for_the_system_is_exit_2_and_leaves_none():
    # 2 GB of addresses hold a dozen stacks of 128 MB, and the error handling needs the rest.
    script = (
        "import resource, sys, threading, time; from atomicpy.__main__ import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); threading.stack_size(128 << 20)\n"
        "try: main(['demo', '--threads', '500'])\n"
        "except SystemExit as end:\n"
        "    late = time.monotonic() + 200\n"  # a thread that has finished still counts for a moment
        "    while threading.active_count() > 1 and time.monotonic() < late: time.sleep(0.01)\n"
        "    assert threading.active_count() == 1; sys.exit(end.code)"
    )
    done = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert done.returncode == 2, done.stderr
    assert re.search(r"started only \d+ of 500 threads; use fewer with --threads", done.stderr)
    assert "Traceback" not in done.stderr


# ---- an exact counter that is wrong ----------------------------------------------------------------------------------


class Leaky(counters.Atomic):
    def total(self):
        return super().total() - 7


def test_a_lost_update_of_an_exact_counter_is_exit_1_with_a_message(monkeypatch, capsys):
    monkeypatch.setitem(counters.COUNTERS, "atomic", counters.COUNTERS["atomic"]._replace(python=Leaky))
    assert command.main(["demo", "--threads", "4", "--increments", "10", "--only", "atomic,mutex"]) == 1
    assert "THIS MUST NEVER HAPPEN: atomic lost 7 of its increments" in capsys.readouterr().out


def test_a_gained_update_is_exit_1_too(monkeypatch, capsys):
    kind = counters.COUNTERS["mutex"]._replace(python=lambda n: counters.Locked(n + 1))
    monkeypatch.setitem(counters.COUNTERS, "mutex", kind)
    assert command.main(["demo", "--threads", "4", "--increments", "10", "--json"]) == 1
    assert "mutex gained 1" in json.loads(capsys.readouterr().out)["summary"]


def test_an_error_in_a_thread_is_raised_and_leaves_none(monkeypatch):
    def fail(_n):
        raise MemoryError("in the thread")

    made = []
    kind = counters.COUNTERS["atomic"]._replace(python=lambda n: made.append(n) or (fail(n) if n else Leaky(n)))
    monkeypatch.setitem(counters.COUNTERS, "atomic", kind)
    with pytest.raises(ExceptionGroup) as raised:
        command.main(["demo", "--threads", "3", "--only", "atomic"])
    assert len(raised.value.exceptions) == 3


# ---- Ctrl-C and the terminal -------------------------------------------------------------------------------


def wait_for_threads(child, number):
    """Wait until the process has `threads` threads; where the system does not report them, wait a fixed time."""
    tasks = Path(f"/proc/{child.pid}/task")
    if tasks.exists():
        wait_until(lambda: child.poll() is not None or len(os.listdir(tasks)) >= number)
    else:
        time.sleep(5)


def interrupted(delay, threads, *arguments):
    """The output of a demo that gets Ctrl-C twice, the first one `delay` seconds after the start of its threads."""
    command = [*COMMAND, "demo", "--threads", str(threads), *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_threads(child, threads)
    time.sleep(delay)
    child.send_signal(signal.SIGINT)
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=WATCHDOG)
    assert (child.returncode, err) == (130, "")
    return out


# A thousand threads, the default, take longer to start and to end; one counter has so many.
@posix
@pytest.mark.parametrize(
    ("options", "threads"),
    [
        ("racy", 8),
        ("mutex", 8),
        pytest.param("sharded", 1_000, marks=pytest.mark.slow),
        ("sharded", 8),
        ("atomic --native", 8),
        ("mutex --native --json", 8),
    ],
)
def test_ctrl_c_ends_the_run_and_prints_its_rows(options, threads):
    name = options.split()[0]

    def made(out):
        """The increments of the row and its losses; (0, 0) if the demo ended before the row."""
        if out.startswith("Interrupted."):
            return 0, 0
        if "--json" in options:
            result = json.loads(out)
            assert result["interrupted"] is True
            assert result["summary"].startswith("Interrupted: ")
            return next(((row["expected"], row["lost"]) for row in result["counters"]), (0, 0))
        last = out.rpartition("\n\n")[2]
        assert last.startswith("Interrupted: ")
        if name not in last:
            return 0, 0
        expected, _, lost = table(out)[name]
        return expected, lost

    for delay in (0.2, 1, 4, 15, 60):
        expected, lost = made(interrupted(delay, threads, "--increments", "1_000_000_000", "--only", *options.split()))
        # Otherwise no thread had finished its first chunk, because the machine was busy.
        if expected:
            break
    # The demo ended early, because the whole run would take hours.
    assert 0 < expected < threads * 10**9
    assert name not in EXACT or lost == 0


@posix
def test_ctrl_c_while_the_threads_start():
    child = subprocess.Popen(
        [*COMMAND, "demo", "--threads", "10000", "--only", "atomic"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child.stdout.readline()  # the heading: the handler is installed, and the threads are being started
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=WATCHDOG)
    assert (child.returncode, err) == (130, "")
    assert "Interrupted: no counter was measured yet." in out


@posix
@pytest.mark.parametrize(
    "where", ["atomicpy.commands.demo.native", "atomicpy.race.cli", "atomicpy.commands.timeline.sampler"]
)
def test_ctrl_c_while_the_modules_are_imported(where):
    # Ctrl-C during the import of that module.
    script = (
        "import os, signal, sys\n"
        "from atomicpy.__main__ import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {where!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        f"sys.exit(main({['race'] if 'race' in where else ['timeline', '--help']!r}))\n"
    )
    done = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "Interrupted.\n", "")


@posix
def test_progress_on_a_terminal_is_one_line_and_is_removed():
    import pty  # not on Windows

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*COMMAND, "demo", "--threads", "50", "--increments", "1_000_000_000", "--only", "racy"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
            if re.search(rb"\rracy +\d+%", seen) and child.poll() is None:
                child.send_signal(signal.SIGINT)
    except OSError:  # on Linux: the other end is closed
        pass
    child.communicate(timeout=WATCHDOG)
    os.close(ours)
    assert re.search(rb"\rracy +\d+%", seen)
    assert b"\n" not in seen
    assert re.search(rb"\r +\r$", seen)


def test_a_closed_pipe_is_no_traceback():
    child = subprocess.Popen(
        [*COMMAND, "demo", "--threads", "2", "--increments", "9"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child.stdout.close()
    err = child.stderr.read()
    assert child.wait(timeout=WATCHDOG) == command.PIPE_CLOSED
    assert err == ""
    child.stderr.close()
