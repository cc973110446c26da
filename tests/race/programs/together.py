"""What the programs share: unordered threads, which pauses run in the order that the driver chooses."""

import contextlib
import threading
import time

ORDERS = ("free", "forward", "backward")
PAUSE = 0.01  # seconds between the starts of threads; verdicts do not depend on it
order = "free"  # set by the driver before a program starts


def together(*functions, timeout=60):
    """Run each function in its own thread and wait for all; raise the first exception."""
    errors = []

    def body(function, pause):
        time.sleep(pause)
        try:
            function()
        except BaseException as error:
            errors.append(error)

    last = len(functions) - 1
    threads = []
    for place, function in enumerate(functions):
        turn = {"free": 0, "forward": place, "backward": last - place}[order]
        threads.append(threading.Thread(target=body, args=(function, turn * PAUSE), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def twice(function):
    """Run the function in two threads."""
    together(function, function)


def wait_until(condition, timeout=60):
    """Poll until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.001)


def use(*values):
    """Use values that were read."""
    return values


def each(container):
    """Iterate over the container; a change by another thread may raise an error."""
    with contextlib.suppress(RuntimeError):
        for value in container:
            use(value)


class Box:
    """An object with something in it."""

    def __init__(self, value=0):
        self.value = value
