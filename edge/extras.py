"""Optional dependencies: a missing one becomes a hint which extra to install."""

from importlib import import_module
from types import ModuleType

from edge.errors import MissingExtra


def need(module: str, extra: str, by: str = "picanary") -> ModuleType:
    """The imported module, which comes with `picanary[extra]` and which `by` cannot do without.

    Raises MissingExtra when it, or a module that it needs itself, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{by} needs {error.name or module}; install it with: pip install 'picanary[{extra}]'"
        ) from error
