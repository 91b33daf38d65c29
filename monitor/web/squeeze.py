"""Comments and indentation stay here: the page's files travel without them, and lose nothing else.

Lines stay lines, so that no semicolon changes its meaning. What could be a comment or a part of a
string is left alone, and so is a whole file in which a template string goes over a line's end.
"""

import re

_BLOCK = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_BEHIND = re.compile(r"(?<=[;,{}]) +// [^\"'`\n]*$", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
OF_JS, OF_CSS = [_BLOCK, _LINE, _BEHIND, _INDENT], [_BLOCK, _INDENT]
_BLANK = re.compile(r"\n{2,}")


def squeeze(text: str, suffix: str) -> str:
    """A file of that suffix, .js or .css, without what only its reader needs; any other as it is."""
    if suffix == ".js":
        if any(line.count("`") % 2 for line in text.splitlines()):
            return text
        patterns = OF_JS
    elif suffix == ".css":
        patterns = OF_CSS
    else:
        return text
    for pattern in patterns:
        text = pattern.sub("", text)
    return _BLANK.sub("\n", text).lstrip("\n")
