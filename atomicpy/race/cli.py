"""`python -m atomicpy race`: the command line. Arguments after the program's name belong to the program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

OK, USAGE = 0, 2
NEWEST_WITHOUT = (3, 12)

HELP = "run a program and report its data races"
TAKES_VALUE = ("--json", "--sarif", "--include", "--exclude")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the list of commands. `main` parses its arguments."""
    commands.add_parser("race", help=HELP, add_help=False)


def parser(prog: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} [options] (script.py | -m module | -c code | -) [arguments of the program ...]",
        description="Run a program as python would, and report each data race on standard error: two accesses of two "
        "threads to one location, at least one of them a write, that nothing orders.",
        epilog="Watched are the script and what it imports from its own folder and the working folder. "
        "The accesses of a line with a comment `# race: ignore` are not recorded. "
        "Exit code: 66 if a race was reported, else the program's own; 2 bad usage. Needs CPython 3.13 or later.",
        allow_abbrev=False,
    )
    made.add_argument("--json", metavar="FILE", help="write the races to FILE as JSON")
    made.add_argument("--sarif", metavar="FILE", help="write the races to FILE as SARIF 2.1.0")
    made.add_argument("--halt", action="store_true", help="stop at the first race")
    for name, what in (("--include", "watch also"), ("--exclude", "do not watch")):
        made.add_argument(
            name,
            metavar="PATTERN",
            action="append",
            default=[],
            help=f"{what} modules whose name, package or path matches (`*` and `?` as in a shell); may be repeated",
        )
    return made


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The detector's options, and the rest, which begins with the program: a script, `-m`, `-c` or `-`."""
    at = 0
    while at < len(arguments):
        each = arguments[at]
        if each in TAKES_VALUE:
            at += 2
        elif each == "--":
            return list(arguments[:at]), list(arguments[at + 1 :])
        elif each == "-" or not each.startswith("-") or each.startswith(("-m", "-c")):
            break
        else:
            at += 1
    return list(arguments[:at]), list(arguments[at:])


def main(arguments: Sequence[str], prog: str = "python -m atomicpy") -> int:
    """Run the command; return the exit code. Bad usage raises SystemExit(2)."""
    options = parser(f"{prog} race")
    own, rest = split(arguments)
    chosen = options.parse_args(own)
    if not rest:
        options.error("no program to run: give a script, -m module, -c code, or - for standard input")
    if sys.version_info[:2] <= NEWEST_WITHOUT:
        from atomicpy.race.engine.requirements import NEEDS

        print(f"{prog} race: {NEEDS}", file=sys.stderr)
        return USAGE
    kind, what = "script", rest[0]
    if what[:2] in ("-m", "-c"):
        kind = "module" if what[1] == "m" else "code"
        glued = what[2:]
        if not glued and len(rest) < 2:
            options.error(f"argument expected for {what}")
        what, rest = (glued, rest) if glued else (rest[1], rest[1:])

    from atomicpy.race.run.program import Program, run  # they load the engine, which needs 3.13
    from atomicpy.race.run.session import Session

    session = Session(chosen.json, chosen.sarif, chosen.halt)
    problem = session.cannot_write()
    if problem:
        print(f"{prog} race: {problem}", file=sys.stderr)
        return USAGE
    program = Program(kind, what, tuple(rest[1:]), tuple(chosen.include), tuple(chosen.exclude))
    return run(program, session)
