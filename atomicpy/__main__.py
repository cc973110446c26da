"""The command line: `python -m atomicpy`, and the script `atomicpy`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import PurePath

from atomicpy.demo import cli as demo
from atomicpy.race import cli as race
from atomicpy.timeline import cli as timeline

PIPE_CLOSED = 128 + 13  # as a shell reports SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code. Bad usage raises SystemExit(2)."""
    name = PurePath(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog="python -m atomicpy" if name == "__main__.py" else name,
        description="Atomic values and locks for Python threads.",
    )
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    demo.add_parser(commands)
    race.add_parser(commands)
    timeline.add_parser(commands)
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["race"]:
        # Not by this parser: what follows the program's name is not ours to read, nor is what it raises ours to catch.
        return race.main(words[1:], parser.prog)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        # The reader has gone, `| head` say. What is still in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
