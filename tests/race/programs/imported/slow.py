"""A module whose import takes a moment."""

import time


class Registry:
    entries = 0


ready = False
time.sleep(0.01)
Registry.entries = 5
table = {"k": 1}
ready = True
