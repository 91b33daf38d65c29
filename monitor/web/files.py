"""The page's files: compressed once and kept in memory, asked for anew each time, sent when they changed."""

import gzip
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response

from monitor.web.answers import refusal
from monitor.web.modules import with_modules
from monitor.web.squeeze import squeeze

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_IMPORT = re.compile(r'^@import "([^"]+)";$', re.MULTILINE)
VENDOR = "vendor"  # whose files come as they are
# no dot begins a part of it, so it leads nowhere else
_NAME = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*", re.ASCII)
LONGEST_NAME = 200  # a part beyond 255 is an error to the file system, not a file that is missing


@dataclass(frozen=True, slots=True)
class _File:
    parts: tuple[Path, ...]  # itself, and the files that went into it
    stamp: list[tuple[int, int]]  # of them when they were read
    plain: bytes
    packed: bytes
    headers: dict[str, str]


class Files:
    """All files below one folder. Used from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, _File] = {}
        self._lock = Lock()

    async def route(self, request: Request) -> Response:
        """The file that the path names."""
        return self.answer(request, request.path_params["name"])

    def answer(self, request: Request, name: str) -> Response:
        """That file, or 304 when the asker has it already, or 404."""
        found = self._find(name)
        if found is None:
            return refusal("there is no such file", 404)
        if _has(request.headers.get("if-none-match", ""), found.headers["etag"]):
            return Response(None, 304, found.headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, 200, {**found.headers, "content-encoding": "gzip"})
        return Response(found.plain, 200, found.headers)

    def text(self, name: str) -> str:
        """One that must be there, as text."""
        found = self._find(name)
        if found is None:
            raise FileNotFoundError(self._folder / name)
        return found.plain.decode()

    def _find(self, name: str) -> _File | None:
        path = self._folder / name
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or not path.is_file():
            return None
        with self._lock:
            known = self._known.get(name)
            if known is None or known.stamp != _stamp(known.parts):
                known = self._known[name] = self._read(path)
        return known

    def _read(self, path: Path) -> _File:
        parts = {path: _stamp([path])[0]}

        def part(name: str) -> str:
            other = self._folder / name
            parts[other] = _stamp([other])[0]
            return other.read_text()

        plain = path.read_bytes()
        if path.parent.name != VENDOR:
            text = squeeze(plain.decode(), path.suffix)
            if path.suffix == ".html":
                text = with_modules(text, part)
            elif path.suffix == ".css":
                text = _IMPORT.sub(lambda match: squeeze(part(match[1]), ".css"), text)
            plain = text.encode()
        headers = {
            "content-type": TYPES.get(path.suffix, "application/octet-stream"),
            # weak: the same for what is compressed and what is not
            "etag": f'W/"{hashlib.sha256(plain).hexdigest()[:12]}"',
            "cache-control": "no-cache",
            "vary": "accept-encoding",
        }
        return _File(tuple(parts), list(parts.values()), plain, gzip.compress(plain, 9, mtime=0), headers)


def _stamp(files: Iterable[Path]) -> list[tuple[int, int]]:
    """What changes when they do; of one that is gone, nothing that a file can have."""
    found = []
    for file in files:
        try:
            now = file.stat()
        except OSError:
            found.append((0, -1))
        else:
            found.append((now.st_mtime_ns, now.st_size))
    return found


def _has(given: str, etag: str) -> bool:
    tags = {each.strip().removeprefix("W/") for each in given.split(",")}
    return etag.removeprefix("W/") in tags
