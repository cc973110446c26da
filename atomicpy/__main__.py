"""The command line: `python -m atomicpy`, and the script `atomicpy`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import PurePath

# Nothing of ours is imported up here: it takes a while, and Ctrl-C is to find somebody who answers it.

PIPE_CLOSED = 128 + 13  # as a shell reports SIGPIPE
INTERRUPTED = 128 + 2  # SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code. Bad usage raises SystemExit(2)."""
    name = PurePath(sys.argv[0]).name
    prog = "python -m atomicpy" if name == "__main__.py" else name
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        if words[:1] != ["race"]:
            return run(words, prog)
        from atomicpy.race import cli as race
    except KeyboardInterrupt:
        # Before a command was at work, or where it has nothing to show; else it has answered itself.
        print("Interrupted.", flush=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, `| head` say. What is still in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    # Not by the parser below: what follows the program is not ours to read, nor is what it raises ours to catch.
    return race.main(words[1:], prog)


def run(words: Sequence[str], prog: str) -> int:
    """All but `race`."""
    # Here: under the detector these may be the program, and what is imported already is not watched.
    from atomicpy.commands.demo import cli as demo
    from atomicpy.commands.timeline import cli as timeline
    from atomicpy.race import cli as race

    parser = argparse.ArgumentParser(prog=prog, description="Atomic values and locks for Python threads.")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    demo.add_parser(commands)
    race.add_parser(commands)
    timeline.add_parser(commands)
    arguments = parser.parse_args(words)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
