"""asyncio: call_soon_threadsafe -> the callback."""

import asyncio

from engine import Clock


def install():
    threadsafe = asyncio.BaseEventLoop.call_soon_threadsafe

    def new_threadsafe(self, callback, *arguments, **named):
        clock = Clock()
        clock.release()

        def call(*given):
            clock.acquire()
            return callback(*given)

        return threadsafe(self, call, *arguments, **named)

    asyncio.BaseEventLoop.call_soon_threadsafe = new_threadsafe
