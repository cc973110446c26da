"""What a report shows of texts that are long, or hold what a terminal would act upon."""

from dataclasses import replace

import pytest

from atomicpy.race.report import text as text_report
from atomicpy.race.report.frames import Access, Frame
from atomicpy.race.report.race import Race


def shown(source="box.x += 1", column=0, thread="worker", location="Box.x of <Box object>", file="app.py"):
    frame = Frame(file, 3, "work()", column, 3, column + 5, source)
    current = Access(True, thread, 1, (frame,), (frame,))
    return str(Race("attribute", location, current, replace(current, thread_number=2))).split("\n")


def test_a_long_line_of_source_is_cut_around_the_access():
    long = "a" * 3000
    for source, column, part in (
        ("box.x += 1; " + long, 0, "box.x += 1; " + "a" * 148 + "…"),
        (long + "; box.x += 1", 3002, "…" + "a" * 148 + "; box.x += 1"),
        (long + "; box.x += 1; " + long, 3002, "…" + "a" * 78 + "; box.x += 1; " + "a" * 68 + "…"),
        ("b" * text_report.LONGEST, 100, "b" * text_report.LONGEST),
    ):
        assert shown(source, column)[5] == f"      app.py:3: {part}"


@pytest.mark.parametrize(("text", "instead"), [
    ("two\nlines", "two\\nlines"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x9b31m", "\\x9b31m"),
    ("line\u2028separated", "line\\u2028separated"),
    ("über\t\u3000日本 👩‍🔧", "über\t\u3000日本 👩‍🔧"),
])  # fmt: skip
def test_nothing_that_a_terminal_acts_upon(text, instead):
    lines = shown(source=text, thread=text, location=text, file=text)
    assert lines[2:4] == [instead, f"Write by thread {instead}:"]
    assert lines[5] == f"      {instead}:3: {instead}"
    assert lines[11] == f"Thread {instead} created at:"
    assert len(lines) == 20
