__all__ = ["ChannelClosed"]

class ChannelClosed(Exception): ...  # noqa: N818 - as EOFError or StopIteration, no error by itself
