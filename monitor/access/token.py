"""The monitor's token: its file holds a salted scrypt hash, and the token itself is shown only once."""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import ConfigError

TOKEN_BYTES = 24  # 192 bits: nobody guesses that, however fast they may try
LONGEST = 256
COST, BLOCK, LANES = 2**14, 8, 1  # 16 MB and about 50 ms: a Pi can bear it
SALT_BYTES, HASH_BYTES = 16, 32
_MAKE = "make one with: python -m monitor token"


@dataclass(frozen=True, slots=True)
class TokenHash:
    """What is kept of a token."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    cost: int = COST

    def matches(self, token: str) -> bool:
        """Whether it is that token; takes 50 ms and 16 MB, in constant time."""
        return hmac.compare_digest(_scrypt(token, self.salt, self.cost), self.digest)

    def key(self, purpose: str) -> bytes:
        """A key for something else, which another token would not give; 32 bytes."""
        return hmac.digest(self.digest, purpose.encode(), "sha256")


def make(path: Path) -> str:
    """A new token, its hash written to `path` in place of the one before. Raises ConfigError."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    salt = secrets.token_bytes(SALT_BYTES)
    kept = f"scrypt {COST} {salt.hex()} {_scrypt(token, salt, COST).hex()}\n"
    try:
        _write(path, kept)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    return token


def read(path: Path) -> TokenHash:
    """The hash. Raises ConfigError, also when others than its owner and group may read the file."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such token file; {_MAKE} {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token file {path} cannot be read: {error}") from error
    if mode & 0o007:
        raise ConfigError(f"token file {path} can be read by everybody; run: chmod 600 {path}")
    try:
        kind, cost, salt, digest = text.split()
        found = TokenHash(bytes.fromhex(salt), bytes.fromhex(digest), int(cost))
    except ValueError as error:
        raise ConfigError(f"{path}: not a token file; {_MAKE} {path}") from error
    sizes = (len(found.salt), len(found.digest))
    if (kind, found.cost, sizes) != ("scrypt", COST, (SALT_BYTES, HASH_BYTES)):
        raise ConfigError(f"{path}: not a token file of this version; {_MAKE} {path}")
    return found


def _scrypt(token: str, salt: bytes, cost: int) -> bytes:
    secret = token[:LONGEST].encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=BLOCK, p=LANES, dklen=HASH_BYTES)


def _write(path: Path, text: str) -> None:
    """All of it or nothing, with mode 600 from the first byte."""
    number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # makes it with mode 600
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
