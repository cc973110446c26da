"""Channels: values handed from one thread or coroutine to another. The algorithm is in `src/channel/`."""
