"""The settings of Sphinx. `make docs` runs Sphinx in an environment that has the package."""

import sys
from importlib import metadata
from pathlib import Path

project = "atomicpy"
version = release = metadata.version("atomicpy")

sys.path.append(str(Path(__file__).parent))  # comments.py
extensions = ["myst_parser", "sphinx.ext.autodoc", "comments"]

# Pages link to headings of other pages. The anchors are the same as on the forges that show the sources.
myst_heading_anchors = 3

# Each reference has a target, in the docstrings too. These two are outside the reference.
nitpicky = True
nitpick_ignore = [("py:class", "collections.abc.Iterator"), ("py:class", "atomicpy.race.report.frames.Access")]

# A single backtick in a docstring is code.
default_role = "code"

html_theme = "furo"
html_title = "atomicpy"
html_static_path = ["_static"]
html_css_files = ["atomicpy.css"]
html_copy_source = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "monokai"

# `make docs ARGS=--external` requests every link to another site, so its result depends on the network.
linkcheck_timeout = 20
linkcheck_retries = 2
