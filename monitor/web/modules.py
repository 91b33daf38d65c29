"""Which modules the page will import, told in its head: else a browser learns of each from the one before.

The list is read from the files when the page is first asked for: a new module needs no line anywhere.
"""

import posixpath
import re
from collections.abc import Callable, Iterable

PLACE = "<!-- modules -->"  # in the page, where they are told
# The page itself, and the view that nearly every visit opens; the code of others is fetched with them.
ENTRIES = ("main.js", "device/device.js")
_IMPORT = re.compile(r'^\s*(?:import|export)\b[^"\'`;]*?["\'](\.[^"\']+)["\'];', re.MULTILINE)


def imported(read: Callable[[str], str], entries: Iterable[str]) -> list[str]:
    """Names of all modules that `entries` lead to, themselves first; `read` gives the text of one."""
    found = dict.fromkeys(entries)
    waiting = list(found)
    for name in waiting:  # which grows meanwhile
        for match in _IMPORT.finditer(read(name)):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[1]))
            if other not in found:
                found[other] = None
                waiting.append(other)
    return waiting


def with_modules(page: str, read: Callable[[str], str]) -> str:
    """The page's HTML with a line for each module in its place."""
    if PLACE not in page:
        return page
    lines = (f'<link rel="modulepreload" href="/static/{name}">' for name in imported(read, ENTRIES))
    return page.replace(PLACE, "\n  ".join(lines))
