"""An asyncio server whose requests are computed by threads: channels connect the coroutines and the threads.

The event loop serves all connections meanwhile. The clients are in the same program. Run it with
`python examples/asyncio_server.py`.
"""

import asyncio
from typing import NamedTuple

from atomicpy import Channel, WaitGroup

WORKERS = 2


class Request(NamedTuple):
    text: str
    answer: Channel[str]  # of capacity 1, so that a worker never waits for a connection that is gone


def count_primes(below: int) -> int:
    return sum(all(n % divisor for divisor in range(2, int(n**0.5) + 1)) for n in range(2, below))


def work(requests: Channel[Request]) -> None:
    """In a thread: answer requests until the channel is closed and empty."""
    for text, answer in requests:
        try:
            answer.send(f"{count_primes(int(text))} primes below {text}")
        except ValueError as error:
            answer.send(f"error: {error}")


async def serve(requests: Channel[Request], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: a number on each line, answered in order."""
    answer: Channel[str] = Channel(1)
    async for line in reader:
        await requests.asend(Request(line.decode().strip(), answer))  # waits while all workers are busy
        writer.write((await answer.arecv() + "\n").encode())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def ask(port: int, numbers: list[str]) -> list[str]:
    """A client: send each number, and read its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for number in numbers:
        writer.write(f"{number}\n".encode())
        answers.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return answers


async def serve_clients(requests: Channel[Request]) -> None:
    async with asyncio.TaskGroup() as connections:

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.create_task(serve(requests, reader, writer))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            clients = [["10", "10000"], ["100", "20000"], ["seven", "1000"]]
            for answers in await asyncio.gather(*(ask(port, numbers) for numbers in clients)):
                print(*answers, sep=", ")


def main() -> None:
    requests: Channel[Request] = Channel(16)
    with WaitGroup() as workers, requests:  # the end closes the channel, and waits for the workers
        for _ in range(WORKERS):
            workers.go(work, requests)
        asyncio.run(serve_clients(requests))
    print("every worker has ended")


if __name__ == "__main__":
    main()
