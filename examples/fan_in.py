"""Fan-in: one loop receives from several channels with `select`, until all of them are closed.

Three services write log lines, each at a pace of its own. Run it with `python examples/fan_in.py`.
"""

import time
from collections.abc import Iterator, Sequence

from atomicpy import Channel, WaitGroup, select

SERVICES = {
    "web": ["GET /", "GET /cart", "POST /order"],
    "database": ["connect", "insert order"],
    "mail": ["order confirmed"],
}


def merged(sources: Sequence[Channel[str]]) -> Iterator[tuple[int, str]]:
    """Each value of the sources when it comes, with the number of its source."""
    cases: list[Channel[str] | None] = list(sources)
    while any(cases):
        index, line, ok = select(*cases)
        if ok:
            yield index, line
        else:
            cases[index] = None  # closed and empty: without this, the case would be ready for ever


def service(lines: list[str], pace: float, out: Channel[str]) -> None:
    with out:
        for line in lines:
            time.sleep(pace)
            out.send(line)


def main() -> None:
    names = list(SERVICES)
    sources: list[Channel[str]] = [Channel() for _ in names]
    received: dict[str, list[str]] = {name: [] for name in names}
    with WaitGroup() as services:
        for number, name in enumerate(names):
            services.go(service, SERVICES[name], 0.01 * (number + 1), sources[number])
        for index, line in merged(sources):
            received[names[index]].append(line)
    print(sum(map(len, received.values())), "lines from", len(names), "services, those of one service in its order:")
    for name, lines in received.items():
        print(f"{name:9}", *lines, sep="  ")


if __name__ == "__main__":
    main()
