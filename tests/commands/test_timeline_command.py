"""`python -m atomicpy timeline`: which thread ran on which core, as a user sees it; bad usage, Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers import FREE_THREADED, PYTHON, WATCHDOG, wait_until

from atomicpy import __main__ as command
from atomicpy.commands.timeline import chart, cli
from atomicpy.commands.timeline.sampler import core_number

COMMAND = [*PYTHON, "-m", "atomicpy", "timeline"]

needs_core_numbers = pytest.mark.skipif(core_number() < 0, reason="this system does not report the core")


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=WATCHDOG, check=False, **options
    )


def joined(text):
    return " ".join(text.split())


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
    done = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(re.findall(r"^Core +\d+", done.stdout, re.M))) == 1
    assert "; 1 to run on" in joined(done.stdout)
    if FREE_THREADED:
        assert "the threads may run Python at the same time, but there is one core." in joined(done.stdout)
        assert "That is concurrent, and not parallel." in joined(done.stdout)


# ---- bad usage ---------------------------------------------------------------------------------------------


@needs_core_numbers
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--threads", "0"], "at least 1 is needed"),
        (["--threads", "-1"], "at least 1 is needed"),
        (["--threads", "65"], "at most 64: a picture of more cannot be read"),
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
    example = folder / "timeline.svg"
    assert f"{folder} is a folder: name a file, for example {example}" in refused(folder, capsys, monkeypatch)


@needs_core_numbers
@pytest.mark.skipif(sys.platform != "linux", reason="a folder that root cannot write")
def test_a_folder_that_root_cannot_write(capsys, monkeypatch):
    assert "nothing can be written to /proc (" in refused("/proc/a.png", capsys, monkeypatch)


@needs_core_numbers
def test_without_matplotlib_the_extra_is_named(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", "--output", str(tmp_path / "a.svg")])
    assert exit_.value.code == 2
    assert "needs matplotlib, which the extra atomicpy[plot] brings: pip install matplotlib" in capsys.readouterr().err


def test_a_system_that_does_not_report_the_core(monkeypatch, capsys):
    monkeypatch.setattr(cli, "core_number", lambda: -1)
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline"])
    assert exit_.value.code == 2
    assert "does not report which core a thread runs on" in capsys.readouterr().err


@needs_core_numbers
def test_python_is_for_a_build_with_the_gil(capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(["timeline", "--python", sys.executable])
    assert exit_.value.code == 2
    assert (
        f"--python {sys.executable}: this interpreter runs both sides; leave the option out"
        if FREE_THREADED
        else "it has the GIL"
    ) in capsys.readouterr().err


# ---- Ctrl-C ------------------------------------------------------------------------------------------------


@needs_core_numbers
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_ends_it_and_its_child():
    child = subprocess.Popen([*COMMAND, "--seconds", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(WATCHDOG, child.kill)
    watchdog.start()
    assert "4 threads" in child.stdout.readline()
    measuring = wait_for_child(child.pid)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    watchdog.cancel()
    assert (child.returncode, err) == (130, "")
    assert out.rstrip().endswith("Interrupted.")
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
    """The process that measures, if /proc has it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        time.sleep(1)
        return None
    wait_until(lambda: children.read_text().split())
    return children.read_text().split()[0]
