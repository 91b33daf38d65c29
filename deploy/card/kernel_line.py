"""cmdline.txt: the kernel's command line, words on one line, of which none of the user's is lost."""

from collections.abc import Iterable

from edge.errors import ConfigError


def words(text: str) -> list[str]:
    """The words of the line. Raises ConfigError when there is more than one line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        raise ConfigError(
            "cmdline.txt has more than one line, and the kernel reads only the first: join them"
        )
    return lines[0].split() if lines else []


def value(text: str, key: str) -> str | None:
    """What follows `KEY=`, in the last word that has it."""
    found = [word.split("=", 1)[1] for word in words(text) if word.startswith(f"{key}=")]
    return found[-1] if found else None


def with_words(text: str, wanted: Iterable[str]) -> str:
    """The line with these words at its end, unless they stand there already."""
    known = words(text)
    new = [word for word in dict.fromkeys(wanted) if word not in known]
    if not new:
        return text
    # the line's own ending stays: Imager writes none, pi-gen a newline
    body = text.rstrip()
    return " ".join([body, *new] if body else new) + text[len(body) :]
