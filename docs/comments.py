"""A directive that shows a comment of a source file on a page, so that the argument is written once, beside the code.

    ```{comment} ../../src/sync/ap_mutex.h
    ```

It shows the first comment of a C file, or the docstring of a module. With `:with: some words` it shows the first
comment of the C file that contains these words. Paragraphs become paragraphs. Text that is indented by four columns,
such as a table of states, is shown literally.
"""

import ast
import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)
# Lines at the start of a comment: the licence, and the name of the page that shows it.
NOT_SHOWN = re.compile(r"^(SPDX-License-Identifier: .*|In the documentation: .*)$")


def comments(text):
    for found in COMMENT.finditer(text):
        yield [re.sub(r"^ ?\* ?", "", line).rstrip() for line in found[1].strip().splitlines()]


def docstring(text):
    """The docstring of a .pyx file, which Python cannot parse: the first string at the start of a line."""
    found = re.search(r'^"""(.*?)"""', text, re.M | re.S)
    return ast.literal_eval(f'"""{found[1]}"""').splitlines()


def as_markdown(lines):
    for line in lines:
        if NOT_SHOWN.match(line):
            continue
        if line.startswith("    ") or "`" in line:
            yield line
        else:
            # A comment is plain text: names such as *a, <op> or _acquire are no markup.
            yield re.sub(r"([\\*_<>\[\]])", r"\\\1", re.sub("::$", ":", line))


class Comment(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"with": directives.unchanged_required}

    def run(self):
        relative, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        text = Path(path).read_text("utf-8")
        words = self.options.get("with")
        if path.endswith((".h", ".c")):
            wanted = (lines for lines in comments(text) if not words or words in " ".join(lines))
            lines = next(wanted, None)
        else:
            lines = docstring(text)
        if not lines:
            raise self.error(f"no comment with {words!r} in {path}")
        # "ap_mutex.h: a fair mutex" repeats the name of the file.
        lines = [
            re.sub(rf"^{re.escape(Path(path).name)}: (\w)", lambda found: found[1].upper(), line) for line in lines
        ]
        node = nodes.container()
        markdown = [f"From `{Path(path).parent.name}/{Path(path).name}`:", "", *as_markdown(lines)]
        self.state.nested_parse(StringList(markdown, path), self.content_offset, node)
        return [node]


def setup(app):
    app.add_directive("comment", Comment)
    return {"parallel_read_safe": True}
