"""The orders in which the programs run under the detector, and what is wrong with a verdict."""

# Order, and seconds between the interpreter's switches of threads.
SCHEDULES = (("free", 0.005), ("forward", 0.00001), ("backward", 0.001))


def wrong(name, named, outcome):
    """What is wrong with the verdict on a program in one order; "" if nothing is."""
    if name not in outcome["programs"]:
        return f"it did not come to its end: {outcome['trouble']}"
    reports, error = outcome["programs"][name]
    if error:
        return error
    choices = [line.removeprefix("? ").split(" | ") for line in named]
    for location, text in reports:
        if not any(wanted in location for line in choices for wanted in line):
            return f"a false report\n{text}"
    missing = [
        line
        for line, choice in zip(named, choices, strict=True)
        if not line.startswith("? ") and not any(wanted in location for wanted in choice for location, _ in reports)
    ]
    return f"nothing reported of {', '.join(missing)}" if missing else ""
