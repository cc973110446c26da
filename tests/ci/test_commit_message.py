"""`.ci/commit-message`, on messages and in a repository of its own."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "commit-message"

# A wheel is tested with the tests alone beside it; in the project the script must be there.
pytestmark = [
    pytest.mark.skipif(not (SCRIPT.parent.parent / "pyproject.toml").exists(), reason="not in a checkout: no .ci here"),
    pytest.mark.skipif(not shutil.which("git"), reason="git is missing: the script calls it"),
]

GOOD = [
    "mutex: hand the lock off to the first waiter",
    "race/report: print the thread's name",
    "atomic_int, atomic_uint: generate both from one template\n\nOne source of truth.\n\nNo operation is slower.",
    "docs: discuss why a spinner gives up",
    "tests: speed up the leak tests",
    ".ci: bring the interpreter with uv",
    "x: " + "a" * 69,
    "Merge branch 'split' into main",
    "Merge pull request #12 from somewhere/with-a-long-name-of-a-branch-that-takes-more-than-72-characters",
    'Revert "mutex: hand the lock off to the first waiter"\n\nThis reverts commit 0123456789.',
]

BAD = [
    ("A line's length", "is not `component: imperative summary`"),
    ("mutex:hand the lock off", "is not `component: imperative summary`"),
    ("mutex: ", "is not `component: imperative summary`"),
    (": hand the lock off", "is not `component: imperative summary`"),
    ("the mutex: hand the lock off", "is not `component: imperative summary`"),
    ("mutex: handed the lock off", "'handed' is not the imperative"),
    ("mutex: handing the lock off", "'handing' is not the imperative"),
    ("mutex: hands the lock off", "'hands' is not the imperative"),
    ("mutex: the lock is handed off", "begins with 'the', which is no verb"),
    ("mutex: Hand the lock off", "begins with 'Hand', which is no verb in lower case"),
    ("mutex: `acquire` raises", "begins with '`acquire`', which is no verb"),
    ("mutex: hand the lock off.", "ends with a full stop"),
    ("x: " + "a" * 70, "has 73 characters, the limit is 72"),
    ("mutex: hand the lock off\nand more", "the second line is not blank"),
]


def run(script: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


def check(message: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    return run(SCRIPT, file, cwd=folder)


@pytest.fixture(scope="module")
def mistakes() -> Callable[[str], list[str]]:
    """The function of the script that finds the mistakes: a process for each message would take seconds."""
    return runpy.run_path(str(SCRIPT))["mistakes"]


@pytest.mark.parametrize("message", GOOD)
def test_a_good_message_passes(message, mistakes):
    assert mistakes(message + "\n") == []


@pytest.mark.parametrize(("message", "mistake"), BAD)
def test_a_bad_message_fails_with_its_mistake(message, mistake, mistakes):
    [found] = mistakes(message + "\n")
    assert mistake in found


def test_the_hook_prints_the_message_and_its_mistakes(tmp_path):
    done = check("mutex: hand the lock off\n", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = check("mutex: handed the lock off.\nand more\n", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "commit message: mutex: handed the lock off."
    assert len(done.stderr.splitlines()) == 4, "a line for each mistake"


def test_comments_and_the_diff_of_a_verbose_commit_are_no_part_of_the_message(tmp_path):
    scissors = "# ------------------------ >8 ------------------------\n"
    diff = "# Do not modify or remove the line above.\ndiff --git a/x b/x\n"
    message = "\n# Please enter the commit message.\nmutex: hand the lock off\n# On branch main\n" + scissors + diff
    assert check(message, tmp_path).returncode == 0
    assert check(message.replace("hand", "handed"), tmp_path).returncode == 1
    assert check("# A comment alone is an empty message, which git refuses.\n", tmp_path).returncode == 0


def test_a_commit_to_be_squashed_passes_in_the_hook(tmp_path):
    assert check("fixup! mutex: hand the lock off\n", tmp_path).returncode == 0


class Repository:
    """A repository of its own, with commits that have messages and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # No setting and no hook of the machine: a commit there may need a signature.
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        for who in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@example.invalid"}
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
            encoding="utf-8",
            timeout=240,
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path)


def test_a_range_is_checked_commit_by_commit(repository):
    start = repository.commit("no message of ours")
    repository.commit("mutex: hand the lock off")
    good = repository.commit("docs: define the designated waker")
    done = run(SCRIPT, "--range", f"{start}..{good}", cwd=repository.folder)
    assert (done.returncode, done.stdout) == (0, "2 of 2 commit messages are right\n")

    bad = repository.commit("The documentation of the Mutex within the line")
    repository.commit("fixup! mutex: hand the lock off")
    done = run(SCRIPT, "--range", f"{start}..HEAD", cwd=repository.folder)
    assert (done.returncode, done.stdout) == (1, "2 of 4 commit messages are right\n")
    assert f"{bad[:12]}: The documentation of the Mutex within the line" in done.stderr
    assert "to be squashed" in done.stderr


def test_a_merge_is_let_through_and_what_it_merges_is_checked(repository):
    start = repository.commit("docs: begin")
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit("Side work")
    repository.git("checkout", "--quiet", "main")
    repository.commit("docs: go on")
    repository.git("merge", "--quiet", "--no-ff", "--message", "Two lines meet", "side")
    done = run(SCRIPT, "--range", f"{start}..HEAD", cwd=repository.folder)
    assert done.returncode == 1
    assert "Side work" in done.stderr
    assert "Two lines meet" not in done.stderr


def test_what_is_older_than_the_check_is_not_checked(repository):
    repository.commit("Older than the check")
    last = repository.commit("Older, too")
    repository.commit("mutex: hand the lock off")
    text = SCRIPT.read_text(encoding="utf-8")
    name = next(line for line in text.splitlines() if line.startswith("LAST_UNCHECKED = "))
    script = repository.folder / "commit-message"
    script.write_text(text.replace(name, f'LAST_UNCHECKED = "{last}"'), encoding="utf-8")
    for arguments in ((), ("--range", "HEAD")):
        done = run(script, *arguments, cwd=repository.folder)
        assert (done.returncode, done.stdout) == (0, "1 of 1 commit messages are right\n")


def test_a_range_that_git_does_not_know_is_an_error(repository):
    repository.commit("docs: begin")
    for arguments in (("--range", "nosuch..HEAD"), ()):  # this repository lacks the first checked commit
        done = run(SCRIPT, *arguments, cwd=repository.folder)
        assert done.returncode == 2
        assert "git fetch --unshallow" in done.stderr
