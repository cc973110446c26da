"""The command line: `python -m atomicpy`, and the script `atomicpy`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import PurePath

from atomicpy.race import cli as race

PIPE_CLOSED = 128 + 13  # as a shell reports SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code. Bad usage raises SystemExit(2)."""
    name = PurePath(sys.argv[0]).name
    prog = "python -m atomicpy" if name == "__main__.py" else name
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["race"]:
        # Not by the parser below: what follows the program is not ours to read, nor is what it raises ours to catch.
        return race.main(words[1:], prog)

    # Here: under the detector these two may be the program, and what is imported already is not watched.
    from atomicpy.demo import cli as demo
    from atomicpy.timeline import cli as timeline

    parser = argparse.ArgumentParser(prog=prog, description="Atomic values and locks for Python threads.")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    demo.add_parser(commands)
    race.add_parser(commands)
    timeline.add_parser(commands)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        # The reader has gone, `| head` say. What is still in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
