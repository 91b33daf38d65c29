"""Optional dependencies: a missing one becomes a hint which extra to install."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from edge.errors import MissingExtra


def need(module: str, extra: str) -> ModuleType:
    """The imported module, which comes with `picanary[extra]`.

    Raises MissingExtra when it, or a module that it needs itself, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise _missing(error.name or module, extra) from error


def expect(module: str, extra: str) -> None:
    """Raises MissingExtra where it is not installed; without the seconds that its import may take."""
    if find_spec(module) is None:
        raise _missing(module, extra)


def _missing(module: str, extra: str) -> MissingExtra:
    return MissingExtra(f"{module} is not installed; get it with: pip install 'picanary[{extra}]'")
