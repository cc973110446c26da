#!/usr/bin/env python3
"""Refuse a release tag that differs from `version` in pyproject.toml or that CHANGELOG.md does not date.

.ci/release_version.py v0.2.0
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def mistakes(tag: str, root: Path) -> list[str]:
    """What keeps this tag from being released; nothing where it may be."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag!r}, and the version in pyproject.toml asks for 'v{version}'")
    headings = re.findall(r"^## (.*)$", (root / "CHANGELOG.md").read_text("utf-8"), re.M)
    newest = headings[0] if headings else "(none)"
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", newest):
        found.append(f"the newest heading of CHANGELOG.md is '{newest}', not '{version} (YYYY-MM-DD)'")
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    found = mistakes(sys.argv[1], ROOT)
    for mistake in found:
        print(mistake, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
