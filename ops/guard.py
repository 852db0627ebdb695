"""The guard around every action (stub)."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from ops.actor import Actor

P = ParamSpec("P")
R = TypeVar("R")
Run = Callable[Concatenate[Actor, P], Awaitable[R]]


def action(name: str, *, permission: str, audit: bool = False) -> Callable[[Run[P, R]], Run[P, R]]:
    return lambda function: function
