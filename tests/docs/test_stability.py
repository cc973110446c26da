"""docs/stability.md lists the public names, all of them and no others: those of Python, of Cython and of C."""

import re
from pathlib import Path

import pytest

import atomicpy
from atomicpy import race

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "stability.md"
INSTALLED = Path(atomicpy.__file__).parent

# A wheel is tested with the tests alone beside it; in the project the page must be there.
pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="not in a checkout: no documentation here"
)


def section(title: str) -> str:
    """The text below a heading of the page, up to the next one."""
    [text] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
    return text


def in_lists(text: str) -> list[str]:
    """The names in the items of the lists."""
    items = re.findall(r"^- (`.*)$", text, re.M)
    return [name for item in items for name in re.findall(r"`(\w+)`", item)]


def in_tables(text: str) -> list[str]:
    """The names in the tables of operations: each of the first column, and the same with each suffix of the second."""
    names = []
    for operations, suffixes in re.findall(r"^\| (`ap_[^|]*) \| ([^|]*)\|$", text, re.M):
        for operation in re.findall(r"`(\w+)`", operations):
            names += [operation + suffix for suffix in ["", *re.findall(r"`(_\w+)`", suffixes)]]
    return names


def words(text: str) -> list[str]:
    """The words that the tables of operations are about."""
    return re.findall(r"^`(ap_\w+)`, an? ", text, re.M)


def without_comments(path: Path) -> str:
    return re.sub(r"#[^\n]*", "", path.read_text("utf-8"))


def cimported() -> list[str]:
    """The names that `from atomicpy cimport` gives."""
    lists = re.findall(r"^from [\w.]+ cimport (\([^)]*\)|[^\n]+)$", without_comments(INSTALLED / "__init__.pxd"), re.M)
    return [name for found in lists for name in re.findall(r"[\w*]+", found)]


def declared() -> set[str]:
    """The types and functions of the core that the package declares for Cython."""
    [path] = INSTALLED.rglob("ap_atomic.pxd")
    text = without_comments(path)
    return set(re.findall(r"\b(ap_\w+)\(", text)) | set(re.findall(r"\bctypedef struct (\w+)", text))


def test_the_page_lists_the_names_of_python():
    names, of_race = re.split(r"^`atomicpy\.race\.__all__`:$", section("Python"), flags=re.M)
    assert sorted(in_lists(names)) == sorted(atomicpy.__all__)
    assert sorted(in_lists(of_race)) == sorted(race.__all__)


def test_the_page_lists_the_names_of_cython():
    text = section("Cython")
    assert sorted(in_lists(text) + in_tables(text) + words(text)) == sorted(cimported())


def test_the_cython_interface_names_each_operation_of_the_core_once():
    names = cimported()
    assert "*" not in names, "a `cimport *` makes each new name public"
    assert len(names) == len(set(names))
    assert {name for name in names if name.startswith("ap_")} == declared()


def test_the_public_header_is_in_the_folder_of_get_include():
    assert "`ap_atomic.h` in the folder of `atomicpy.get_include()`" in section("C")
    assert Path(atomicpy.get_include(), "ap_atomic.h").is_file()
