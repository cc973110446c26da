from typing import Any

from atomicpy.channel.channel import Channel

__all__ = ["after", "select", "tick"]

# A send is `(channel, value)`, of a Channel[T] and a T. A tuple of another length is TypeError at runtime.
def select(
    *cases: Channel[Any] | tuple[Channel[Any], Any] | None, timeout: float | None = None
) -> tuple[int, Any, bool]: ...
def after(seconds: float, /) -> Channel[float]: ...
def tick(seconds: float, /) -> Channel[float]: ...
