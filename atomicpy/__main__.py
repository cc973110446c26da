"""The command line: `python -m atomicpy`, and the script `atomicpy`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import PurePath

# `main` imports the modules of atomicpy: the imports take a while, and `main` handles a Ctrl-C that comes meanwhile.

PIPE_CLOSED = 128 + 13  # as a shell reports SIGPIPE
INTERRUPTED = 128 + 2  # as a shell reports SIGINT


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
        # A command handles Ctrl-C itself once it has something to show.
        print("Interrupted.", flush=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe, `| head` for example. Flushing the buffer at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    # `race` does without the parser below and outside the `try`: the arguments after the program's name belong to the
    # program, and so do its exceptions.
    return race.main(words[1:], prog)


def run(words: Sequence[str], prog: str) -> int:
    """Run any command but `race`."""
    # Imported here: under the detector the program may import these modules, and a module that is imported already is
    # not instrumented.
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
