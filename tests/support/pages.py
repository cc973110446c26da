"""Runs the code of a page of the documentation, as CONTRIBUTING.md ("Code in the documentation") describes it.

    python tests/support/pages.py PAGE...    puts what comes now in the place of each sample for this build

A page is one folder and its blocks run there in their order, each a program of its own:

    python           a program. One that begins with `# name.py` is that file: it is written, and not run by itself
    cython, toml     a file, named in the same way
    console          commands after `$ `, and below each what it prints. `$ echo $?` is the status; without it that is 0
    text output      what the program above prints
    text sample      what it printed once, and console sample: the same for its commands. Numbers and the spaces
                     around them may differ, and so where a line of prose ends and how many rows begin with a number
    text measured    what docs/figures.py has put there, between its two marks: not compared here
    … gil, free-threaded, 3.13+    after these: only compared on that build (and, for console, only run there)

In an output `...` stands for anything.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from helpers import FREE_THREADED, PYTHON

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```([\w{}-]*)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")
BUILDS = {"gil": not FREE_THREADED, "free-threaded": FREE_THREADED, "3.13+": sys.version_info >= (3, 13)}
# A busy machine may run the threads of a sample one after the other, and the program reports that nothing happened.
SAMPLE_TRIES = 5
FILES, OUTPUTS = {"cython", "toml"}, {"output", "sample", "measured"}
# A row of a table that begins with a number, of which another run may have more or fewer.
ROW = r" +(?:\d[\d,.]* |… )[^\n]*"
# The end of a line and the beginning of the next, in prose: the next word may have been too long by a digit.
WRAP = re.compile(r"(?<=\S)\n(?=\S)")


class Block(NamedTuple):
    where: str  # page:line
    at: tuple[int, int]  # its text, from where to where
    language: str
    words: list[str]
    text: str

    @property
    def name(self):
        """The file that it is."""
        found = NAMED.match(self.text)
        return found[1] if found and self.language in {"python", *FILES} else None

    @property
    def for_this_build(self):
        return all(BUILDS[word] for word in self.words if word in BUILDS)


def blocks(page):
    """The blocks of code of a page, without the directives of Sphinx such as `{literalinclude}`."""
    text = page.read_text("utf-8")
    for found in BLOCK.finditer(text):
        language, words, body = found.groups()
        if not language.startswith("{"):
            line = text.count("\n", 0, found.start()) + 1
            where = f"{page.relative_to(ROOT)}:{line}"
            words = words.split()
            if "measured" in words:
                marked = re.search(r"<!-- figures [\w-]+ -->\n+$", text[: found.start()])
                assert marked, f"{where}: `measured` is for what docs/figures.py writes, and stands between its marks"
            yield Block(where, found.span(3), language, words, body)


def pattern(shown, sample):
    """A regular expression for what is shown."""
    if not sample:
        return re.compile(masked(shown.strip(), False), re.S)
    lines = WRAP.sub(" ", shown.strip()).split("\n")
    groups = groupby(lines, lambda line: bool(re.fullmatch(ROW, line)))
    pieces = [rf"{ROW}(?:\n{ROW})*" if rows else masked("\n".join(group), True) for rows, group in groups]
    return re.compile("\n".join(pieces), re.S)


def masked(shown, sample):
    """What is shown as a regular expression; of a sample, with any numbers in the place of its own."""
    parts = []
    for part in re.split(r"\s*\.\.\.\s*", shown):
        escaped = re.escape(part)
        if sample:
            escaped = re.sub(r"CPython\\ [\w.\\]+", r"CPython\\ \\S+?", escaped)
            # 1,000 or 13.7 M; the columns of a table move with the numbers in them.
            escaped = re.sub(r"\d[\d,]*(?:\\\.\d+)?(?:(?:\\ )+(?:k|M|G)\b)?", r"\\d[\\d,.]*(?: +[kMG]\\b)?", escaped)
            escaped = re.sub(r"(?:\\ )+", r" +", escaped)
        parts.append(escaped)
    return ".*?".join(parts)


def compare(where, shown, printed, sample):
    printed = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    compared = WRAP.sub(" ", printed) if sample else printed
    assert pattern(shown, sample).fullmatch(compared), f"{where}: it shows\n{shown}\nand what came is\n{printed}"


class Runner:
    """Runs the blocks of one page in a folder."""

    def __init__(self, folder, timeout, refresh=False, shared=()):
        self.folder = folder
        self.timeout = timeout
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "PYTEST"))
        } | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        self.printed = None  # by the last program
        self.shared = dict(shared)  # command: a function that returns the status and the output of a run made elsewhere
        self.refresh = refresh  # take what comes for what is to be shown
        self.fresh = []  # what a block should be

    def run(self, command, cwd=None):
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=self.timeout,
            check=False,
        )
        return done.returncode, done.stdout

    def block(self, block):
        handle = getattr(self, "on_" + block.language, None)
        assert handle, (
            f"{block.where}: blocks of this kind ({block.language or 'none'}) are not tested; see CONTRIBUTING.md"
        )
        handle(block)

    def write(self, block):
        assert block.name, f"{block.where}: begin it with a comment that names the file: # name.pyx"
        (self.folder / block.name).write_text(block.text, "utf-8")

    on_cython = on_toml = write

    def on_python(self, block):
        if block.name:
            self.write(block)
            return
        program = self.folder / "block.py"
        program.write_text(block.text, "utf-8")
        status, self.printed = self.run([sys.executable, "-W", "error", program])
        assert status == 0, f"{block.where}: it ended with status {status}\n{self.printed}"

    def on_text(self, block):
        assert OUTPUTS & set(block.words), f"{block.where}: write what it is, `text output` or `text sample`"
        if "measured" in block.words:
            return  # docs/figures.py --check is what compares it
        assert self.printed is not None, f"{block.where}: no program above it"
        if self.refresh and "sample" in block.words and block.for_this_build:
            self.fresh.append((block.at, self.printed.rstrip() + "\n"))
        elif block.for_this_build:
            compare(block.where, block.text, self.printed, "sample" in block.words)

    def on_console(self, block):
        assert block.text.startswith("$ "), f"{block.where}: begin a command with `$ `"
        if not block.for_this_build:
            return
        if self.refresh and "sample" in block.words:
            text, status = "", 0
            for line in re.findall(r"^\$ (.*)$", block.text, re.M):
                if line == "echo $?":
                    text += f"$ {line}\n{status}\n"
                    continue
                status, printed = self.command(block, line)
                text += f"$ {line}\n" + (printed.rstrip() + "\n" if printed else "")
            self.fresh.append((block.at, text))
            return
        status, unexplained = 0, ""
        for step in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
            line, _, shown = step.partition("\n")
            if line == "echo $?":
                assert shown.strip() == str(status), f"{block.where}: the status is {status}"
                unexplained = ""
                continue
            assert not unexplained, unexplained
            for tries_left in reversed(range(SAMPLE_TRIES if "sample" in block.words else 1)):
                status, printed = self.command(block, line)
                try:
                    if printed is not None:
                        compare(f"{block.where}: {line}", shown, printed, "sample" in block.words)
                    break
                except AssertionError:
                    if not tries_left:
                        raise
            if printed is not None:
                unexplained = f"{block.where}: {line}: it ended with status {status}\n{printed}" if status else ""
        assert not unexplained, unexplained

    def command(self, block, line):
        """The status and the output; None for what is not run here."""
        if line in self.shared:
            return self.shared.pop(line)()  # another try runs the command
        match shlex.split(line):
            case ["make", *targets]:
                # What they do is what runs this. That they would run is what can be asked.
                command = ["make", "--dry-run", *targets]
                subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
                return 0, None
            case ["python", "-m", "pip", "install", *_]:
                return 0, None  # what has brought the package here
            case ["uv", "python", "install", wanted]:
                assert re.fullmatch(r"3\.1[3-9]t", wanted)
                return 0, None
            case ["python", script, *rest] if (ROOT / script).is_file() and not (self.folder / script).exists():
                return self.run([*PYTHON, script, *rest], cwd=ROOT)
            case ["python", *rest]:
                return self.run([sys.executable, *rest])
            case _:
                raise AssertionError(f"{block.where}: a command that no test knows: {line}")


def refresh(page):
    """Put what comes now in the place of the samples of a page."""
    with tempfile.TemporaryDirectory(prefix="atomicpy-") as folder:
        runner = Runner(Path(folder), timeout=400, refresh=True)
        for block in blocks(page):
            runner.block(block)
    text = page.read_text("utf-8")
    for (start, end), new in reversed(runner.fresh):
        text = text[:start] + new + text[end:]
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        refresh(Path(argument).resolve())
