"""Optional dependencies: a missing one becomes a hint which extra to install."""

from importlib import import_module
from types import ModuleType

from edge.errors import MissingExtra


def need(module: str, extra: str) -> ModuleType:
    """The imported module, which comes with `picanary[extra]`.

    Raises MissingExtra when it, or a module that it needs itself, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name or module} is not installed; get it with: pip install 'picanary[{extra}]'"
        ) from error
