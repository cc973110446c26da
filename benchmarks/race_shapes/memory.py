"""Live objects: a new object in each twentieth step, with three attributes and an item in a list."""

import measure


class Point:
    def __init__(self, x, y):
        self.x, self.y, self.next = x, y, None


def work(steps):
    points = []
    for step in range(steps // 20):
        point = Point(step, -step)
        point.next = points[-1] if points else None
        points.append(point)


measure.run(work)
