"""The files that are generated from templates are those that the templates make (`make templates`)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(".ci/templates.py")
TEMPLATES = sorted(path.relative_to(ROOT) for folder in ("src", "atomicpy") for path in (ROOT / folder).rglob("*.in"))


def templates(root, *arguments):
    return subprocess.run([sys.executable, root / SCRIPT, *arguments], capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    """The script and the templates alone, in a folder of their own, and what they make."""
    for path in (SCRIPT, *TEMPLATES):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    assert templates(tmp_path).returncode == 0
    return tmp_path


def test_no_generated_file_is_stale():
    check = templates(ROOT, "--check")
    assert check.returncode == 0, check.stderr


def test_each_template_is_used_and_each_output_names_it(copy):
    made = [path for path in copy.rglob("*") if path.is_file() and path.suffix not in (".in", ".py")]
    first_lines = [path.read_text("utf-8").splitlines()[0] for path in made]
    for template in TEMPLATES:
        assert any(f"Generated from {template.as_posix()} by .ci/templates.py" in line for line in first_lines), (
            template
        )
    assert all("edit that file" in line for line in first_lines)


def test_a_stale_output_is_reported_and_written_anew(copy):
    output = copy / "src/atomic/ap_u64.h"
    fresh = output.read_text("utf-8")
    output.write_text(fresh.replace("memory_order_release", "memory_order_relaxed"), "utf-8")
    check = templates(copy, "--check")
    assert check.returncode == 1
    assert "src/atomic/ap_u64.h is not what src/atomic/ap_integer.h.in makes" in check.stderr
    assert templates(copy).returncode == 0
    assert output.read_text("utf-8") == fresh
    assert templates(copy, "--check").returncode == 0


def test_a_blank_line_that_the_template_language_would_drop_is_an_error(copy):
    template = copy / "src/atomic/ap_integer.h.in"
    template.write_text(template.read_text("utf-8").replace("{{if signed}}", "\n{{if signed}}", 1), "utf-8")
    check = templates(copy, "--check")
    assert check.returncode == 1
    assert "drops a blank line" in check.stderr
