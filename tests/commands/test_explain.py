"""`python -m atomicpy demo --explain`: what it prints, and the search for a lost update in given traces."""

import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from helpers import PYTHON, WATCHDOG, run_threaded

from atomicpy import __main__ as command
from atomicpy.commands.demo import explain, lost_update, recorded_counters
from atomicpy.commands.demo.recorder import Log, Word
from atomicpy.commands.demo.rounds import Row

GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
COMMAND = [*PYTHON, "-m", "atomicpy", "demo", "--explain"]


def run(*arguments, columns=80):
    environment = {**os.environ, "COLUMNS": str(columns)}
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=WATCHDOG, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= columns
    return done.stdout


def number(text):
    return int(text.replace(",", ""))


def joined(text):
    return " ".join(text.split())


def trace(*steps):
    """Steps as (read, read_at, wrote_at)."""
    return SteppedTrace(
        read=[n for n, _, _ in steps],
        wrote=[n + 1 for n, _, _ in steps],
        read_at=[at for _, at, _ in steps],
        wrote_at=[at for _, _, at in steps],
    )


class SteppedTrace(SimpleNamespace):
    def __len__(self):
        return len(self.read)


# ---- the recording -----------------------------------------------------------------------------------------


def test_log_holds_the_steps_in_order_of_time():
    log = Log()
    log.reserve(3)
    before = time.monotonic_ns()
    for n in (-(2**63), 0, 2**62):
        log.read(n)
        log.wrote(n + 1)
    after = time.monotonic_ns()
    assert len(log) == 3
    assert list(log.column(0)) == [-(2**63), 0, 2**62]
    assert list(log.column(1)) == [-(2**63) + 1, 1, 2**62 + 1]
    times = [at for pair in zip(log.column(2), log.column(3), strict=True) for at in pair]
    assert times == sorted(times)
    if sys.platform == "linux":  # on other systems Python may use another monotonic clock
        assert before <= times[0] <= times[-1] <= after


def test_log_grows_and_keeps_its_steps():
    log = Log()
    for n in range(1_000):
        log.reserve(1)
        log.read(n)
        log.wrote(-n)
    assert list(log.column(0)) == list(range(1_000))
    assert list(log.column(1)) == [-n for n in range(1_000)]


@pytest.mark.parametrize(
    "kind",
    [
        recorded_counters.RACY.python,
        recorded_counters.RACY_CALL.python,
        recorded_counters.RACY.native,
        recorded_counters.ATOMIC.python,
        recorded_counters.ATOMIC.native,
    ],
)
def test_every_increment_is_recorded_and_adds_one(kind):
    counter = kind(0)
    run_threaded(lambda _: counter.increment(1_000), threads=4)
    assert [len(log) for log in counter.logs] == [1_000] * 4
    for log in counter.logs:
        assert all(w == r + 1 for r, w in zip(log.column(0), log.column(1), strict=True))
    assert counter.total() in {log.column(1)[999] for log in counter.logs}


@pytest.mark.parametrize("kind", [recorded_counters.ATOMIC.python, recorded_counters.ATOMIC.native])
def test_atomic_counter_returns_each_number_once(kind):
    counter = kind(0)
    run_threaded(lambda _: counter.increment(5_000), threads=4)
    assert sorted(n for log in counter.logs for n in log.column(0)) == list(range(20_000))
    assert counter.total() == 20_000


def test_word_takes_a_log():
    with pytest.raises(TypeError):
        Word().race(None, 1)


# ---- the search in given traces -------------------------------------------------------------------------


def test_the_example_of_the_documentation():
    a, b = trace((41, 0, 10), (42, 100, 130)), trace((42, 110, 140), (43, 150, 160))
    found = lost_update.find([a, b])
    assert (found.first, found.second, found.same, found.should, found.others) == (0, 1, 42, 44, 0)
    assert [(e.at, e.thread, e.wrote, e.value) for e in found.events] == [
        (100, 0, False, 42),
        (110, 1, False, 42),
        (130, 0, True, 43),
        (140, 1, True, 43),
        (150, 1, False, 43),  # the next read finds 43
    ]
    assert lost_update.read_again([a, b]) == 4 - 44  # 44 values below the highest: the first 41 are not in these traces
    assert explain.conclusion(found).endswith(
        "After the 2 increments of this moment the counter should be at 44, not 43."
    )


def test_the_overlap_is_found_whichever_thread_reads_first():
    a, b = trace((42, 110, 140)), trace((42, 100, 130))
    found = lost_update.find([a, b])
    assert (found.first, found.second, found.same) == (1, 0, 42)


def test_the_simplest_overlap_is_taken():
    a = trace((0, 0, 100), (5, 200, 220))
    b = trace((0, 10, 20), (1, 30, 40), (2, 50, 60), (5, 210, 230))
    assert lost_update.find([a, b]).same == 5


def test_many_increments_within_one():
    a = trace((7, 0, 100))
    b = trace((7, 10, 20), (8, 30, 40), (9, 50, 60))
    found = lost_update.find([a, b])
    assert (found.same, found.steps, found.should) == (7, 4, 11)
    assert "After the 4 increments of this moment the counter should be at 11, not 8." in explain.conclusion(found)


def test_many_increments_are_one_row_in_the_column_of_their_thread(monkeypatch, capsys):
    a = trace((7, 0, 100_000), (8, 100_100, 100_200))
    b = trace(*((n, 100 * n, 100 * n + 50) for n in range(7, 500)))
    found = lost_update.find([a, b])
    monkeypatch.setenv("COLUMNS", "80")
    explain.print_steps(found, 0)
    wide = capsys.readouterr().out.splitlines()
    assert wide[0] == "       µs   A          B"
    assert "                       … 492 increments …" in wide
    monkeypatch.setenv("COLUMNS", "40")
    explain.print_steps(found, 0)
    narrow = capsys.readouterr().out.splitlines()
    assert "        B … 492 increments …" in narrow
    assert max(map(len, narrow)) <= 40


def test_increments_that_are_overwritten_without_the_same_value():
    found = lost_update.find([trace((7, 0, 100), (8, 110, 120)), trace((9, 10, 20), (10, 30, 40))])
    assert (found.same, found.should, found.steps) == (None, None, 3)
    assert (found.events[-1].wrote, found.events[-1].value) == (False, 8)
    assert "B made 2 increments" in explain.conclusion(found)
    assert "Then A writes 8, and what B added is lost." in explain.conclusion(found)


def test_a_write_that_was_recorded_late_overwrites_nothing():
    # A wrote 8 and lost its core before the record; B counted on from 8.
    assert lost_update.find([trace((7, 0, 100), (10, 110, 120)), trace((8, 10, 20), (9, 30, 40))]) is None
    assert lost_update.find([trace((7, 0, 100)), trace((8, 10, 20), (9, 30, 40))]) is None  # no read after it


def test_with_other_threads_the_expected_value_is_unknown():
    found = lost_update.find([trace((7, 0, 100)), trace((7, 10, 90)), trace((7, 20, 30))])
    assert found.others == 1
    assert found.should is None


@pytest.mark.parametrize(
    "traces",
    [
        [],
        [trace()],
        [trace((0, 0, 10), (1, 20, 30))],
        [trace((0, 0, 10), (2, 40, 50)), trace((1, 20, 30))],
        # The same value, one after the other: a third thread had set it back. No two increments overlap.
        [trace((5, 0, 10)), trace((5, 20, 30))],
    ],
)
def test_nothing_is_found_where_no_two_overlap(traces):
    assert lost_update.find(traces) is None


def test_wrong_numbers_are_counted():
    assert lost_update.owners([trace((0, 0, 1), (1, 2, 3)), trace((2, 4, 5))]) == (bytearray([0, 0, 1]), 0)
    assert lost_update.owners([trace((0, 0, 1), (1, 2, 3)), trace((1, 4, 5))])[1] == 1
    assert lost_update.owners([trace((0, 0, 1), (7, 2, 3)), trace((1, 4, 5))])[1] == 1


def test_turns_are_values_in_a_row_and_in_order_of_time():
    a, b = trace((0, 0, 1), (2, 20, 21)), trace((1, 10, 11), (3, 30, 31))
    found = lost_update.turns([a, b], lost_update.owners([a, b])[0])
    assert [(e.value, e.thread, e.at) for e in found] == [(0, 0, 0), (1, 1, 10), (2, 0, 20), (3, 1, 30)]
    late = trace((0, 99, 99))
    assert lost_update.turns([late, trace((1, 10, 11))], bytearray([0, 1])) == []
    assert lost_update.turns([a], bytearray([0, 0])) == []


# ---- what it prints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--native"], ["--threads", "4"]])
def test_what_is_printed_of_the_run_is_consistent(options):
    text = run(*options)
    assert ("plus_one" in text) == (GIL and "--native" not in options)
    again = re.search(r"Of 400,000 increments ([\d,]+) read a number that another had read already", joined(text))
    ended = re.search(r"should be at 400,000 and is at ([\d,]+): ([\d,]+) updates? (?:is|are) lost", joined(text))
    assert number(ended[1]) + number(ended[2]) == 400_000
    assert number(again[1]) <= number(ended[2])
    assert "Every number from 0 to 399,999 was returned exactly once" in joined(text)


def test_an_overlap_is_shown_on_every_build():
    # One run may have none by luck; ten runs in a row do not.
    for _ in range(10):
        text = run("--increments", "200_000")
        if both := re.search(r"Both read ([\d,]+) and both wrote ([\d,]+)", joined(text)):
            break
    n, wrote = map(number, both.groups())
    assert wrote == n + 1
    table = re.findall(r"^ +([\d,.]+) +(reads|writes) ([\d,]+)$", text, re.M)
    times = [float(at.replace(",", "")) for at, _, _ in table]
    assert times == sorted(times)
    did = [(what, number(value)) for _, what, value in table]
    assert did.count(("reads", n)) >= 2
    assert did.count(("writes", n + 1)) >= 2


def test_a_narrow_terminal_has_one_column():
    assert "was returned exactly once" in joined(run(columns=40))
    lines = [explain.Line(1_000_000, 3, "gets 41"), explain.Line(2_000_500, 5, "gets 42")]
    assert list(explain.rendered(lines, ["1,000.000", "2,000.500"], 3, 5, 28)) == [
        "       µs",
        "1,000.000 A gets 41",
        "2,000.500 B gets 42",
    ]


def test_without_an_overlap_it_prints_which_option_to_raise():
    assert "One thread alone cannot lose an update: raise --threads." in run("--threads", "1")
    for _ in range(20):
        text = joined(run("--threads", "2", "--increments", "1"))
        if "One moment" not in text:
            break
    assert "that is luck, not safety. Raise --increments (1 each in this run)" in text


def test_one_lost_update_is_printed_in_the_singular(capsys):
    row = Row("racy", False, 2, 1, 0.1, 1.0)
    explain.print_racy(row, [trace((0, 0, 2)), trace((0, 1, 3))], 2, 1)
    text = joined(capsys.readouterr().out)
    assert "Both read 0 and both wrote 1" in text
    assert "Of 2 increments 1 read a number that another had read already (50 %)." in text
    assert text.endswith("The counter should be at 2 and is at 1: 1 update is lost.")


def test_a_number_returned_twice_is_exit_1_with_a_message(monkeypatch, capsys):
    class Broken(recorded_counters.Racy):
        def increment(self, times):
            log = self.log(times)
            for _ in range(times):
                log.read(0)
                log.wrote(1)

        def total(self):
            return 20

    monkeypatch.setattr(recorded_counters, "ATOMIC", recorded_counters.ATOMIC._replace(python=Broken))
    assert command.main(["demo", "--explain", "--threads", "2", "--increments", "10"]) == 1
    text = joined(capsys.readouterr().out)
    assert "THIS MUST NEVER HAPPEN: of 20 numbers 19 were returned twice or out of range" in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--json"], "leave out --json"),
        (["--only", "racy"], "leave out --only"),
        (["--threads", "17"], "at most 16 threads, not 17"),
        (["--threads", "0"], "at least 1 is needed"),
        (["--increments", "1_000_001"], "at most 2,000,000 by all threads together, not 2,000,002"),
    ],
)
def test_bad_usage_is_exit_2_with_the_reason(arguments, reason, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(["demo", "--explain", *arguments])
    assert exit_.value.code == 2
    assert reason in capsys.readouterr().err


def test_ctrl_c_during_the_search(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "find", interrupted)
    assert command.main(["demo", "--explain", "--increments", "10"]) == 130
    assert capsys.readouterr().out.endswith("\nInterrupted.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_ctrl_c_is_exit_130_without_a_traceback(delay):
    child = subprocess.Popen(
        [*COMMAND, "--increments", "1_000_000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    head = child.stdout.readline()
    time.sleep(delay)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=WATCHDOG)
    assert head
    # Exit code 0: it ended before the signal arrived.
    assert (child.returncode, err) in ((130, ""), (0, ""))
    assert child.returncode == 0 or out.rstrip().splitlines()[-1].startswith("Interrupted")
