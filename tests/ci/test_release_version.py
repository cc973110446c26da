"""`.ci/release_version.py`: a tag is released only where pyproject.toml and CHANGELOG.md agree with it."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "release_version.py"

# A wheel is tested with the tests alone beside it; in the project the script must be there.
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not in a checkout: no .ci here")


@pytest.mark.parametrize(
    ("tag", "heading", "mistake"),
    [
        ("v0.2.0", "0.2.0 (2027-01-31)", None),
        ("0.2.0", "0.2.0 (2027-01-31)", "the tag is '0.2.0'"),
        ("v0.2.1", "0.2.0 (2027-01-31)", "the tag is 'v0.2.1'"),
        ("v0.2.0", "0.2.0 (unreleased)", "the newest heading of CHANGELOG.md is '0.2.0 (unreleased)'"),
        ("v0.2.0", "0.1.0 (2027-01-31)", "the newest heading of CHANGELOG.md is '0.1.0 (2027-01-31)'"),
        ("v0.2.0", "0x2.0 (2027-01-31)", "the newest heading of CHANGELOG.md is '0x2.0 (2027-01-31)'"),
    ],
)
def test_the_tag_the_version_and_the_changelog_agree(tag, heading, mistake, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n', encoding="utf-8")
    older = "## 0.2.0 (2026-01-31)\n"
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n- Add x.\n\n{older}", encoding="utf-8")
    found = runpy.run_path(str(SCRIPT))["mistakes"](tag, tmp_path)
    assert len(found) == (mistake is not None)
    assert mistake is None or mistake in found[0]


def test_the_script_fails_for_a_wrong_tag_of_this_project():
    done = subprocess.run(
        [sys.executable, SCRIPT, "v999"], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 1
    assert "the tag is 'v999'" in done.stderr
