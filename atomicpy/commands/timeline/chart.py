"""The time line as a chart in a file, with matplotlib: cores as rows, threads as colours."""

import importlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from atomicpy.commands.timeline.drawing import rows
from atomicpy.commands.timeline.interpreters import Run

ENDINGS = (".svg", ".png")

# The chart has no background. Each colour has a luminance of about 0.2, which contrasts with white and with black.
TEXT = "#767676"
COLOURS = ("#3579c8", "#c8611c", "#2a8f5b", "#a456bd", "#8a7f1e", "#c2476f", "#1b8a9a", "#8c6a55")
WIDTH = 4.8  # inches: the letters are readable on the screen of a phone
LABEL = 0.045  # of the width: longer spans have the name of their thread, so that the colour is not the only mark


def refusal(path: Path) -> str | None:
    """Why no chart can be written there; None if one can. Called before the measuring."""
    if path.suffix.lower() not in ENDINGS:
        return f"a name that ends with {' or '.join(ENDINGS)} is needed, not {path.name!r}"
    if reason := missing():
        return reason
    if path.is_dir():
        return f"{path} is a folder: name a file, for example {path / ('timeline' + path.suffix.lower())}"
    if not path.parent.exists():
        return f"there is no folder {path.parent}: make it first"
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".atomicpy-"):
            pass
    except OSError as error:
        return f"nothing can be written to {path.parent} ({error.strerror or error}): name a folder that can be written"
    return None


def missing() -> str | None:
    """Why matplotlib cannot be imported; None if it can."""
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        return f"a chart needs matplotlib, which the extra atomicpy[plot] brings: pip install matplotlib ({reason})"
    return None


def side(run: Run) -> str:
    return f"{'With' if run.gil else 'Without'} the GIL, CPython {run.version}: {run.parallelism:.2f} cores at work"


def write(runs: Sequence[Run], threads: int, seconds: float, path: Path) -> None:
    """Write one chart for each run, one above the other with the same axes. After an OSError `path` is unchanged."""
    import matplotlib

    matplotlib.use("agg")
    style = {
        "svg.hashsalt": "atomicpy",  # the same figures make the same file
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "axes.edgecolor": TEXT,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "font.size": 11,
    }
    with matplotlib.rc_context(style):
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch

        cores = rows(list(runs))
        height = 0.6 + len(runs) * (0.75 + 0.42 * len(cores)) + 0.5
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
        for axis, run in zip(axes, runs, strict=True):
            draw(axis, run, cores, seconds)
        axes[-1].set_xlabel("ms since the threads were started")
        handles = [
            Patch(color=COLOURS[thread], label=", ".join(f"T{t + 1}" for t in range(thread, threads, len(COLOURS))))
            for thread in range(min(threads, len(COLOURS)))
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(4, len(handles)), frameon=False, fontsize=10
        )
        save(figure, path)


def draw(axis, run: Run, cores: Sequence[int], seconds: float) -> None:  # type: ignore[no-untyped-def]
    row = {core: number for number, core in enumerate(cores)}
    for span in run.spans:
        begin, length = 1000 * span.start, 1000 * (span.end - span.start)
        colour = COLOURS[span.thread % len(COLOURS)]
        # No edge: an edge would make short spans wider than they are.
        axis.broken_barh([(begin, length)], (row[span.core] - 0.38, 0.76), facecolor=colour, linewidth=0)
        if length >= LABEL * 1000 * seconds:
            middle = begin + length / 2
            axis.text(
                middle, row[span.core], f"T{span.thread + 1}", color="white", ha="center", va="center", fontsize=9
            )
    axis.set_yticks(range(len(cores)), [f"Core {core}" for core in cores])
    axis.set_ylim(len(cores) - 0.45, -0.55)
    axis.set_xlim(0, 1000 * seconds)
    axis.set_title(side(run), fontsize=11, loc="left")
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)


def save(figure, path: Path) -> None:  # type: ignore[no-untyped-def]
    kind = path.suffix.lower()[1:]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".atomicpy-", suffix=path.suffix)
    os.close(handle)
    try:
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(name, format=kind, transparent=True, dpi=160, metadata=metadata)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes a file that only its owner can read
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
