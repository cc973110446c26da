"""A module whose globals other modules change."""

hits = 0
setting = "first"
names = {"a": 1}


def hit():
    global hits
    hits += 1
