"""Channels: values handed from one thread or coroutine to another. The algorithm is in `src/channel/`."""

from types import ModuleType

from atomicpy.channel.channel import on_first_coroutine


def _coroutines() -> ModuleType:
    """The module `coroutines`, loaded by its first use: `import atomicpy` does not load asyncio."""
    from atomicpy.channel import coroutines

    return coroutines


on_first_coroutine(_coroutines)
