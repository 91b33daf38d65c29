"""A report's page from its template: strict, so that what is missing is an error and never a blank."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: Path, /, **parts: Any) -> str:
    """The page as HTML, every part escaped but for Markup.

    Raises jinja2.UndefinedError when the template names a part that is not given.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**parts)
