from collections.abc import Callable
from typing import Any, Generic, Never, ParamSpec, TypeVar, final

__all__ = ["Once", "once"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

@final
class Once:
    def __init__(self) -> None: ...
    def do(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...

@final
class once(Generic[_T_co]):  # noqa: N801 - a decorator, as functools.cached_property
    __name__: str
    __qualname__: str
    __wrapped__: Callable[[], Any]
    def __init__(self, fn: Callable[[], _T_co], /) -> None: ...
    # It takes none; every __call__ of a built-in type looks like this at runtime.
    def __call__(self, /, *args: Never, **kwargs: Never) -> _T_co: ...
