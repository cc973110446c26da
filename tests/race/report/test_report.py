"""The reports: text in Go's form, JSON and SARIF. Made from records with the attributes of the engine's."""

import io
import json
import os
import re
import sys
import sysconfig
import types
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import SimpleNamespace

import pytest

from atomicpy.race import Race, detect
from atomicpy.race.report import machine
from atomicpy.race.report import text as text_report
from atomicpy.race.report.receivers import on_race, receiving

APP = """\
import threading
hits = 0
class Counter:
    def __init__(self):
        self.__value = 0
    def inc(self):
        self.value += 1
def main():
    total = 0
    cache = {}
    def work():
        nonlocal total
        total += 1
        cache["k"] = 1
        cache["ü"], cache["x"] = 1, 2
        for key in cache:
            pass
        for key, value in cache.items():
            pass
        cache.update(a=1)
        return [key for key in cache]
    threading.Thread(target=work).start()
main()
"""


class Counter:
    """An object that must not be touched by a report."""

    def __repr__(self):
        raise AssertionError("a report called __repr__")

    def __getattr__(self, name):
        raise AssertionError(f"a report looked for {name}")

    __str__ = __format__ = __repr__


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The source of a program, in the working folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app.py"
    file.write_text(APP, encoding="utf-8")
    return str(file)


def place(text, *, nth=1, source=APP):
    """Line, column, end line, end column of the nth occurrence of the text, in bytes, as the compiler counts."""
    at = -1
    for _ in range(nth):
        at = source.index(text, at + 1)
    line = source.count("\n", 0, at) + 1
    column = len(source[source.rfind("\n", 0, at) + 1 : at].encode())
    return line, column, line, column + len(text.encode())


def record(
    app, kind="attribute", obj=None, name="value", *, at="self.value += 1", nth=1, function="Counter.inc", **more
):
    library = sysconfig.get_path("stdlib") + os.sep
    stack = [
        (app, function, *place(at, nth=nth)),
        (app, "main.<locals>.work", *place("total += 1")),
        (library + "threading.py", "Thread.run", 990, 8, 990, 40),
        (library + "threading.py", "Thread._bootstrap", 1000, 8, 1000, 40),
    ]
    created = [
        (library + "threading.py", "Thread.start", 960, 8, 960, 40),
        (app, "main", *place("threading.Thread(target=work).start()")),
        (app, "<module>", *place("main()", nth=2)),
        ("<frozen runpy>", "_run_code", 88, 4, 88, 30),
    ]
    current = SimpleNamespace(write=True, thread=(2, "Worker-2", created), stack=stack)
    previous = SimpleNamespace(write=False, thread=(0, "MainThread", None), stack=stack[:1])
    both = {"current": current, "previous": previous} | more
    return SimpleNamespace(kind=kind, obj=Counter() if obj is None else obj, name=name, key=name, **both)


# ---- for people --------------------------------------------------------------------------------------------------


def test_text_is_in_the_form_of_go(app):
    assert (
        str(Race.of(record(app)))
        == """\
==================
WARNING: DATA RACE
Counter.value of <Counter object>
Write by thread Worker-2:
  Counter.inc()
      app.py:7: self.value += 1
  work()
      app.py:13: total += 1

Previous read by the main thread:
  Counter.inc()
      app.py:7: self.value += 1

Thread Worker-2 created at:
  main()
      app.py:22: threading.Thread(target=work).start()
  <module>
      app.py:23: main()

=================="""
    )
    assert text_report.found(3) == "Found 3 data race(s)"


@pytest.mark.parametrize(
    ("kind", "obj", "name", "at", "location"),
    [
        ("attribute", Counter(), "_Counter__value", "self.__value = 0", "Counter.__value of <Counter object>"),
        ("attribute", Counter, "total", "self.value += 1", "Counter.total of class Counter"),
        ("attribute", types.ModuleType("app"), "hits", "hits = 0", "global hits in app"),
        ("global", {"__file__": "/somewhere/app.py"}, "hits", "hits = 0", "global hits in app.py"),
        ("global", None, "hits", "hits = 0", "global hits in app.py"),
        ("variable", object(), "total", "total += 1", "variable total of main()"),
        ("item", {}, "k", 'cache["k"]', "cache['k']"),
        ("item", {}, "k", 'cache["k"] = 1', "cache['k']"),
        ("item", {}, "x", 'cache["x"]', "cache['x']"),
        ("item", {}, (1, "a"), 'cache["k"]', "cache[(1, 'a')]"),
        ("item", {}, Counter(), 'cache["k"]', "cache[<Counter object>]"),
        ("item", {}, "y" * 100, 'cache["k"]', f"cache['{'y' * 39}…]"),
        ("item", [1], 0, "pass", "item 0 of <list object>"),
        ("keys", {}, None, "cache", "keys of cache"),
        ("keys", {}, None, "for key in cache:", "keys of cache"),
        ("keys", {}, None, "cache.items()", "keys of cache"),
        ("keys", {}, None, "cache.update(a=1)", "keys of cache"),
        ("keys", {}, None, "[key for key in cache]", "keys of cache"),
        ("keys", {1}, None, "pass", "keys of <set object>"),
    ],
    ids=lambda value: value if type(value) is str else type(value).__name__,
)
def test_location_is_called_as_the_source_calls_it(app, kind, obj, name, at, location):
    made = record(app, kind, obj, name, at=at, nth=3 if at == "cache" else 1)
    if kind == "global" and obj is None:
        made.obj = None
    assert Race.of(made).location == location


def test_nothing_of_the_program_is_called(app):
    class Meta(type):
        def __getattribute__(cls, name):
            raise AssertionError(f"a report looked for {name}")

    class Odd(metaclass=Meta):
        pass

    assert Race.of(record(app, obj=Odd)).location == "Odd.value of class Odd"
    assert Race.of(record(app, obj=object.__new__(Odd))).location == "Odd.value of <Odd object>"


def test_columns_are_characters(app):
    made = Race.of(record(app, "item", {}, "x", at='cache["x"]'))
    line = APP.splitlines()[made.current.stack[0].line - 1]
    frame = made.current.stack[0]
    assert line[frame.column : frame.end_column] == 'cache["x"]'


def test_source_that_is_gone(tmp_path):
    made = record(str(tmp_path / "none.py"), "item", {}, "k")
    race = Race.of(made)
    assert race.location == "item 'k' of <dict object>"
    assert f"none.py:{race.current.stack[0].line}\n" in str(race)


def test_stack_and_creation_that_are_not_known(app):
    bare = SimpleNamespace(write=True, thread=(7, "Dummy-1", None), stack=[])
    text = str(Race.of(record(app, previous=bare)))
    assert "Previous write by thread Dummy-1:\n  (the stack is not known any more)\n" in text
    assert "Thread Dummy-1 was not created by code that the detector saw" in text


def test_frames_of_the_detector_and_of_pytest_are_left_out(app):
    import atomicpy.race

    ours = os.path.join(os.path.dirname(atomicpy.race.__file__), "run", "program.py")
    frames = [
        (app, "work", *place("total += 1")),
        (ours, "_run_code", 1, 0, 1, 1),
        (
            os.path.join(os.path.dirname(ours), os.pardir, "__main__.py").replace(f"race{os.sep}..{os.sep}", ""),
            "main",
            1,
            0,
            1,
            1,
        ),
        (pytest.__file__.replace("pytest", "_pytest"), "runtest", 5, 0, 5, 1),
        (app, "outermost", *place("hits = 0")),
    ]
    access = SimpleNamespace(write=True, thread=(0, "MainThread", None), stack=frames)
    race = Race.of(record(app, current=access))
    assert [frame.function for frame in race.current.stack] == ["work()"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colour_only_on_a_terminal_and_never_with_no_color(app, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert text_report.coloured(Terminal())
    assert not text_report.coloured(io.StringIO())
    assert not text_report.coloured(None)
    closed = open(app)  # noqa: SIM115
    closed.close()
    assert not text_report.coloured(closed)
    monkeypatch.setenv("TERM", "dumb")
    assert not text_report.coloured(Terminal())
    monkeypatch.delenv("TERM")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not text_report.coloured(Terminal())

    race = Race.of(record(app))
    coloured = text_report.report(race.location, race.current, race.previous, colour=True)
    assert "\x1b[1;31mWARNING: DATA RACE\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == str(race)


def test_race_is_a_value(app):
    race = Race.of(record(app))
    assert race.lines == ((app, 7), (app, 7))
    assert race == Race.of(record(app))
    with pytest.raises(FrozenInstanceError):
        race.kind = "item"


def test_the_block_opened_last_receives_the_race(app):
    outer, inner = [], []
    with receiving(outer.append):
        on_race(record(app))
        with receiving(inner.append):
            on_race(record(app))
            on_race(record(app))
    on_race(record(app))
    assert (len(outer), len(inner)) == (1, 2)


def test_detect_where_nothing_is_instrumented():
    wanted = "not running" if sys.version_info >= (3, 13) else "needs CPython 3.13"
    with pytest.raises(RuntimeError, match=wanted), detect():
        pass


# ---- for machines ------------------------------------------------------------------------------------------------


def test_json_has_the_documented_shape(app, tmp_path):
    machine.write_json([Race.of(record(app))], str(tmp_path / "races.json"))
    document = json.loads((tmp_path / "races.json").read_text())
    assert (document["version"], document["tool"]["name"]) == (1, "atomicpy")
    [race] = document["races"]
    assert list(race) == ["kind", "location", "current", "previous"]
    assert (race["kind"], race["location"]) == ("attribute", "Counter.value of <Counter object>")
    assert (race["current"]["access"], race["previous"]["access"]) == ("write", "read")
    assert race["current"]["stack"][0] == {
        "file": "app.py",
        "line": 7,
        "function": "Counter.inc()",
        "source": "self.value += 1",
        "column": 9,
        "end_line": 7,
        "end_column": 24,
    }
    thread = race["current"]["thread"]
    assert (thread["number"], thread["name"], len(thread["created"])) == (2, "Worker-2", 2)
    assert race["previous"]["thread"] == {"number": 0, "name": "MainThread", "created": None}


def test_reports_of_no_race_are_whole_documents(tmp_path):
    assert machine.as_json([])["races"] == []
    check_sarif(machine.as_sarif([]))


def test_name_that_is_no_text_can_be_written(app, tmp_path):
    made = record(app)
    made.current.thread = (2, "half a pair \ud800", None)
    for write in (machine.write_json, machine.write_sarif):
        write([Race.of(made)], str(tmp_path / "out"))
        json.loads((tmp_path / "out").read_text())


def test_report_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="none"):
        machine.write_sarif([], str(tmp_path / "none" / "out"))


URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def check_sarif(document):
    """What the schema of SARIF 2.1.0 demands of the parts that are used."""
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    for run in document["runs"]:
        assert set(run) <= {"tool", "columnKind", "originalUriBaseIds", "results"}
        assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        driver = run["tool"]["driver"]
        assert isinstance(driver["name"], str)
        assert driver["name"]
        identities = [rule["id"] for rule in driver["rules"]]
        assert len(set(identities)) == len(identities)
        for base in run["originalUriBaseIds"].values():
            assert base["uri"].endswith("/")
        for result in run["results"]:
            assert identities[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in ("none", "note", "warning", "error")
            assert result["message"]["text"]
            assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
            for location in [*result["locations"], *result["relatedLocations"]]:
                check_location(location, run)
            for stack in result["stacks"]:
                assert stack["frames"]
                assert stack["message"]["text"]
                for frame in stack["frames"]:
                    check_location(frame["location"], run)


def check_location(location, run):
    assert set(location) <= {"id", "physicalLocation", "logicalLocations", "message"}
    artifact, region = (location["physicalLocation"][part] for part in ("artifactLocation", "region"))
    assert URI.fullmatch(artifact["uri"])
    if "uriBaseId" in artifact:
        assert artifact["uriBaseId"] in run["originalUriBaseIds"]
        assert not artifact["uri"].startswith("/")
    else:
        assert artifact["uri"].startswith("file:///")
    assert set(region) <= {"startLine", "startColumn", "endLine", "endColumn"}
    assert all(type(number) is int and number >= 1 for number in region.values())
    assert region.get("endLine", region["startLine"]) >= region["startLine"]


def test_sarif_is_well_formed(app, tmp_path):
    races = [
        Race.of(record(app)),
        Race.of(record(app, "item", {}, "x", at='cache["x"]')),
        Race.of(record("<string>", "item", {}, "x", at='cache["x"]')),
        Race.of(record(str(Path(app).parent.parent / "elsewhere ü.py"))),
    ]
    document = json.loads(json.dumps(machine.as_sarif(races)))
    check_sarif(document)
    results = document["runs"][0]["results"]
    region = results[0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 7, "startColumn": 9, "endLine": 7, "endColumn": 24}
    assert results[0]["message"]["text"].startswith(
        "data race: Counter.value of <Counter object>, write by thread Worker-2"
    )
    assert [stack["message"]["text"] for stack in results[0]["stacks"]] == [
        "write by thread Worker-2",
        "thread Worker-2 created",
        "read by thread MainThread",
    ]


def test_fingerprint_outlives_an_edit_above(app):
    def fingerprint():
        [result] = machine.as_sarif([Race.of(made)])["runs"][0]["results"]
        return result["partialFingerprints"]

    import linecache

    made = record(app)
    before = fingerprint()
    Path(app).write_text("# a new line\n" + APP, encoding="utf-8")
    linecache.checkcache()
    made.current.stack = made.previous.stack = [(app, "Counter.inc", 8, 8, 8, 23)]
    assert fingerprint() == before
