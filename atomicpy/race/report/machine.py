"""The reports for machines. Their shapes are part of the public interface: fields may be added, none changes.

JSON::

    {"version": 1,
     "tool": {"name": "atomicpy", "version": "0.1.0"},
     "races": [{"kind": "attribute" | "global" | "variable" | "item" | "keys",
                "location": "Counter.value of <Counter object>",
                "current": ACCESS, "previous": ACCESS}]}

    ACCESS: {"access": "read" | "write",
             "thread": {"number": 2, "name": "Worker-2", "created": [FRAME] | null},
             "stack": [FRAME]}                         innermost first
    FRAME:  {"file": "app.py", "line": 12, "function": "Counter.inc()", "source": "self.value += 1",
             "column": 9, "end_line": 12, "end_column": 24}         the last three may be null

Files in the working folder are relative to it. Lines and columns count from 1, columns in characters,
and an end column is the one after the last character, as in SARIF.

SARIF is version 2.1.0 of the OASIS standard: one run, one rule "data-race", one result per race. The location of a
result is that of the current access, its related location that of the previous one; both stacks are in `stacks`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from atomicpy.race.report.frames import Access, Frame, path
from atomicpy.race.report.race import Race

RULE = "data-race"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(races: Sequence[Race]) -> dict[str, Any]:
    """The races as a JSON document of the shape above."""
    tool = {"name": "atomicpy", "version": _version()}
    return {"version": 1, "tool": tool, "races": [_race(race) for race in races]}


def write_json(races: Sequence[Race], file: str) -> None:
    """Write the races to the file as JSON. Raises OSError if it cannot be written."""
    _write(as_json(races), file)


def write_sarif(races: Sequence[Race], file: str) -> None:
    """Write the races to the file as SARIF. Raises OSError if it cannot be written."""
    _write(as_sarif(races), file)


def _write(document: dict[str, Any], file: str) -> None:
    # The name of a thread, or a line, may hold a lone surrogate, which only an escape can encode.
    Path(file).write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n", encoding="ascii")


def _version() -> str:
    try:
        return metadata.version("atomicpy")
    except metadata.PackageNotFoundError:
        return "unknown"


def _race(race: Race) -> dict[str, Any]:
    return {
        "kind": race.kind,
        "location": race.location,
        "current": _access(race.current),
        "previous": _access(race.previous),
    }


def _access(access: Access) -> dict[str, Any]:
    created = None if access.created is None else [_frame(frame) for frame in access.created]
    return {
        "access": "write" if access.write else "read",
        "thread": {"number": access.thread_number, "name": access.thread, "created": created},
        "stack": [_frame(frame) for frame in access.stack],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        "file": path(frame.file),
        "line": frame.line,
        "function": frame.function,
        "source": frame.source,
        "column": _from_one(frame.column),
        "end_line": frame.end_line,
        "end_column": _from_one(frame.end_column),
    }


def _from_one(column: int | None) -> int | None:
    return None if column is None else column + 1


# ---- SARIF -------------------------------------------------------------------------------------------------------


def as_sarif(races: Sequence[Race]) -> dict[str, Any]:
    """All races as one run of SARIF 2.1.0."""
    rule = {
        "id": RULE,
        "name": "DataRace",
        "shortDescription": {"text": "Two threads use one location, one of them writes, and nothing orders them."},
        "help": {"text": "Guard both accesses by one lock, use an atomic value, or pass the object through a queue."},
        "defaultConfiguration": {"level": "error"},
    }
    driver = {"name": "atomicpy race", "version": _version(), "rules": [rule]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"WORKING_FOLDER": {"uri": Path.cwd().as_uri().rstrip("/") + "/"}},
        "results": [_result(race) for race in races],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(race: Race) -> dict[str, Any]:
    message = f"data race: {race.location}, {_words(race.current)}, and before it a {_words(race.previous)}"
    digest = hashlib.sha256(repr((race.location, [source for _, source in _tops(race)])).encode()).hexdigest()
    result: dict[str, Any] = {
        "ruleId": RULE,
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": message},
        # The fingerprint is computed from the text of the two lines, because an edit above them changes their numbers.
        "partialFingerprints": {"atomicpy/race/v1": digest},
        "locations": [_location(frame) for frame in race.current.stack[:1]],
        "relatedLocations": [
            {"id": 1, **_location(frame), "message": {"text": f"the {_words(race.previous)}"}}
            for frame in race.previous.stack[:1]
        ],
    }
    stacks = []
    for access in (race.current, race.previous):
        stacks.append(_sarif_stack(_words(access), access.stack))
        if access.created:
            stacks.append(_sarif_stack(f"thread {access.thread} created", access.created))
    result["stacks"] = [stack for stack in stacks if stack["frames"]]
    return result


def _tops(race: Race) -> list[tuple[str, str]]:
    tops = [frame for access in (race.current, race.previous) for frame in access.stack[:1]]
    return sorted((path(frame.file), frame.source) for frame in tops)


def _words(access: Access) -> str:
    return f"{'write' if access.write else 'read'} by thread {access.thread}"


def _sarif_stack(text: str, stack: tuple[Frame, ...]) -> dict[str, Any]:
    return {"message": {"text": text}, "frames": [{"location": _location(frame)} for frame in stack]}


def _location(frame: Frame) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": frame.line}
    if frame.column is not None:
        region["startColumn"] = frame.column + 1
    if frame.end_line is not None and frame.end_column is not None:
        region |= {"endLine": frame.end_line, "endColumn": frame.end_column + 1}
    return {
        "physicalLocation": {"artifactLocation": _artifact(frame.file), "region": region},
        "logicalLocations": [{"fullyQualifiedName": frame.function, "kind": "function"}],
    }


def _artifact(file: str) -> dict[str, Any]:
    shown = path(file)
    if Path(shown).is_absolute():
        return {"uri": Path(shown).as_uri()}
    # "<string>" is not a file, and a URI cannot contain its brackets.
    return {"uri": quote(Path(shown).as_posix()), "uriBaseId": "WORKING_FOLDER"}
