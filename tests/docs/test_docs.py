"""The documentation: each code block runs and prints what it shows, each link has a target, each figure is measured."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import WATCHDOG, run_program
from pages import Block, Runner, blocks, compare

import atomicpy
from atomicpy import race

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

# A wheel is tested with the tests alone; in the project the files must exist.
pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="not in a checkout: no documentation here"
)

PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"] if DOCS.exists() else []
WITH_CODE = [page for page in PAGES if any(blocks(page))]
SLOW = {"cython", "README"}  # the code waits for the compiler, or runs the default demo


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_are_pages():
    assert len(WITH_CODE) > 8


def test_contributing_names_every_folder_and_no_other_path():
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Where things are")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \| ", table, re.M)
    named = {Path(path) for cell in cells for path in re.findall(r"`([^`]+)`", cell)}
    assert [path for path in named if not (ROOT / path).exists()] == []
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    if tracked.returncode:
        pytest.skip("not in a clone: the files of the project are unknown")
    # Each folder of these three has a row of its own.
    whole = named - {Path("src"), Path("atomicpy"), Path("tests")}
    for path in map(Path, tracked.stdout.splitlines()):
        covered = len(path.parts) == 1 or path.parent in named | {Path("tests")} or whole.intersection(path.parents)
        assert covered, f"{path}: its folder is in no row of the table in CONTRIBUTING.md"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands and the compiler's flags are for POSIX")
@pytest.mark.timeout(600)  # the one on Cython waits for the compiler
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if page.stem in SLOW else page for page in WITH_CODE],
    ids=name,
)
def test_code_runs_and_prints_what_is_shown(page, tmp_path, request):
    def default_demo():
        status, out, err = request.getfixturevalue("default_demo")
        return status, out + err

    runner = Runner(tmp_path, timeout=400, shared={"python -m atomicpy demo": default_demo})
    for block in blocks(page):
        if block.language == "sh" and page.parent == ROOT:
            continue  # not run; and not in docs/
        runner.block(block)


def slug(heading: str) -> str:
    """The anchor of a heading, as the forges and MyST make it."""
    text = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_have_a_target(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in map(slug, re.findall(r"^#+ (.*)$", prose(there), re.M)), f"{name(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pictures_exist_and_name_their_command(page):
    text = prose(page)
    for found in re.finditer(r"^!\[([^\]]+)\]\(([^)\s]+)\)[^\n]*\n(.*?)(?=^#|\Z)", text, re.M | re.S):
        alternative, path, below = found.groups()
        assert len(alternative) > 20, f"{name(page)}: {path}: describe the picture for readers who cannot see it"
        assert (page.parent / path).is_file(), path
        paragraph = below.strip().split("\n\n")[0]
        assert re.search(r"`(make|python) [^`]+`|benchmarks/scaling.py", paragraph), (
            f"{name(page)}: {path}: made by what?"
        )


def test_figures_are_the_measured_ones():
    done = subprocess.run(
        [sys.executable, "-P", DOCS / "figures.py", "--check"],
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_design_notes_and_code_name_each_other():
    shown = {
        (page.name, (page.parent / path).resolve())
        for page in (DOCS / "design").glob("*.md")
        for path in re.findall(r"^```\{comment\} (\S+)\n```$", page.read_text("utf-8"), re.M)
    }
    code = [*(ROOT / "src").rglob("*.[ch]"), *(ROOT / "atomicpy").rglob("*.pyx"), *(ROOT / "atomicpy").rglob("*.h")]
    named = {
        (name, path)
        for path in code
        for name in re.findall(r"In the documentation: docs/design/(\S+)$", path.read_text("utf-8"), re.M)
    }
    assert len(shown) > 8
    assert {pair for pair in shown if pair[1].suffix != ".c"} <= named
    assert {name for name, _ in named} <= {page.name for page in (DOCS / "design").glob("*.md")}


def test_the_reference_has_every_public_name_and_member():
    text = "".join(page.read_text("utf-8") for page in (DOCS / "api").glob("*.md"))
    members, cls = {}, ""
    for indent, name in re.findall(r"^( *)\.\. auto\w+:: (?:[\w.]+\.)?(\w+)$", text, re.M):
        if indent:
            members[cls].add(name)
        else:
            cls, members[name] = name, set()
    there = {name: getattr(atomicpy, name, None) for name in [*atomicpy.__all__, "LocalCounter"]}
    there["LocalCounter"] = type(atomicpy.ShardedCounter().local())
    there |= {name: getattr(race, name) for name in race.__all__}
    assert set(members) == set(there)
    members["Race"].add("of")  # the engine makes a Race with it
    for name, thing in there.items():
        documented = {m for m in vars(thing) if not m.startswith("_")} if isinstance(thing, type) else set()
        assert members[name] == documented, name


def test_the_guarantees_have_every_operation():
    tables = re.findall(r"^\| ([^|]*(?:\\\|[^|]*)*) \|", (DOCS / "guarantees.md").read_text("utf-8"), re.M)
    named = set(re.findall(r"\b[a-z]\w+", " ".join(re.findall(r"`([^`]+)`", " ".join(tables)))))
    types = [thing for name in atomicpy.__all__ if isinstance(thing := getattr(atomicpy, name), type)]
    operations = {name for each in types for name in vars(each) if not name.startswith("_")}
    assert len(operations) > 30
    assert operations - named == set()


def test_the_reference_has_every_option_of_the_command_line():
    sections = re.split(r"^## (\w+)$", (DOCS / "api" / "command-line.md").read_text("utf-8"), flags=re.M)
    reference = dict(zip(sections[1::2], sections[2::2], strict=True))

    def options(*command: str) -> set[str]:
        help_ = run_program(f"import atomicpy.__main__ as m; m.main([*{command}, '--help'])")
        return set(re.findall(r"--[a-z]\w[\w-]*", help_.partition("options:")[2])) - {"--help"}

    commands = re.findall(r"^    (\w+) +", run_program("import atomicpy.__main__ as m; m.main(['--help'])"), re.M)
    assert set(reference) == set(commands)
    for command in commands:
        there = options(command)
        named = set(re.findall(r"--[a-z][\w-]*", reference[command]))
        assert there - named == set(), f"{command}: not in the reference"
        assert {option for option in named if f"`{option}" in reference[command]} <= there, f"{command}: no such option"


def test_operations_that_the_documentation_calls_atomic_lose_no_update():
    command = [sys.executable, "-P", DOCS / "atomicity", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("atomic ") > 10


def test_every_page_is_in_the_table_of_contents():
    listed = set()
    for page in DOCS.rglob("*.md"):
        for body in re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            entries = [line for line in body.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{entry}.md").resolve() for entry in entries}
    assert listed == {page.resolve() for page in DOCS.rglob("*.md")} - {(DOCS / "index.md").resolve()}


# ---- the runner itself: it must find errors ----


def block(language: str, text: str, *words: str) -> Block:
    return Block("here:1", (0, 0), language, list(words), text)


def test_a_program_that_fails_is_found(tmp_path):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Runner(tmp_path, 60).block(block("python", "1 / 0\n"))


def test_an_output_that_differs_is_found(tmp_path):
    runner = Runner(tmp_path, 60)
    runner.block(block("python", "print('lost', 17)\n"))
    runner.block(block("text", "lost 17\n", "output"))
    runner.block(block("text", "lost 2,000\n", "sample"))
    runner.block(block("text", "l... 17\n", "output"))
    for text, word in [
        ("lost 18\n", "output"),
        ("found 17\n", "sample"),
        ("lost\n", "sample"),
        ("lost ...8\n", "output"),
    ]:
        with pytest.raises(AssertionError, match="what came is"):
            runner.block(block("text", text, word))


def test_a_status_that_is_not_shown_is_found(tmp_path):
    command = """$ python -c "import sys; print('hi'); sys.exit(3)"\nhi\n"""
    runner = Runner(tmp_path, 60)
    with pytest.raises(AssertionError, match="status 3"):
        runner.block(block("console", command))
    runner.block(block("console", command + "$ echo $?\n3\n"))
    with pytest.raises(AssertionError, match="the status is 3"):
        runner.block(block("console", command + "$ echo $?\n4\n"))
    with pytest.raises(AssertionError, match="no test knows"):
        runner.block(block("console", "$ sing\n"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("", ()), ("text", ()), ("rust", ()), ("cython", ())],
    ids=["none", "text", "rust", "no-name"],
)
def test_a_block_that_no_test_would_run_is_found(tmp_path, language, words):
    with pytest.raises(AssertionError, match="here:1"):
        Runner(tmp_path, 60).block(block(language, "x\n", *words))


def test_numbers_of_a_sample_may_differ_and_nothing_else():
    shown = "racy      250,000    29,578   0.97\nracy lost 88 % of its increments"
    compare("", shown, "racy 1,000 5 1.10\nracy lost 3 % of its increments", True)
    for printed in (
        "racy 1,000 5 1.10 7\nracy lost 3 % of its increments",
        "atomic 1 2 3\nracy lost 3 % of its increments",
    ):
        with pytest.raises(AssertionError):
            compare("", shown, printed, True)


def test_rows_of_a_sample_may_be_more_or_fewer_and_its_prose_may_wrap_elsewhere():
    shown = "One moment:\n\n   µs   A   B\n  1.5   reads 7\n  2.0       reads 7\n\nBoth read 7\nand wrote 8."
    compare("", shown, "One moment:\n\n  µs A B\n  1.5   reads 7\n\nBoth read\n1,234 and wrote 8.", True)
    more = "One moment:\n\n  µs A B\n  1.5   reads 7\n  … 9 more …\n  3   reads 1\n\nBoth read 7 and wrote 8."
    compare("", shown, more, True)
    for printed in (
        "One moment:\n\n  µs A B\n\nBoth read 7 and wrote 8.",
        more.replace("Both", "All"),
        more.replace("\n\nBoth", "\nBoth"),
        more.replace("  3   reads", "  three   reads"),
    ):
        with pytest.raises(AssertionError):
            compare("", shown, printed, True)


def test_measured_text_is_between_the_marks_of_figures(tmp_path, monkeypatch):
    monkeypatch.setattr("pages.ROOT", tmp_path)
    page = tmp_path / "page.md"
    text = "```text measured\nCore 0: [T1]\n```\n"
    page.write_text(f"<!-- figures timeline -->\n{text}<!-- end -->\n")
    assert [each.words for each in blocks(page)] == [["measured"]]
    page.write_text(text)
    with pytest.raises(AssertionError, match="stands between its marks"):
        list(blocks(page))
