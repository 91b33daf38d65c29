"""Modules that come into memory when they are first used: what an agent of years never asks for stays out."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands where a module will be. importlib.util.LazyLoader would load it at the very next import."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), attribute)


def import_later(name: str) -> None:
    """From now on `import NAME` gives a module that is loaded when something of it is first used.

    For what a library imports at its head and our way through it does not need. A module that is
    there already stays as it is.
    """
    if name in sys.modules:
        return
    sys.modules[name] = module = _Later(name)
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(import_module(parent), leaf, module)  # as the import of a submodule does
