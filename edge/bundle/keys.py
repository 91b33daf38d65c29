"""Keys that sign bundles: ed25519 in PEM files, as openssl reads and writes them."""

import base64
import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ConfigError

if TYPE_CHECKING:  # slow to import, and seldom needed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST_BYTES = 16 * 1024  # a key has about 120
_MAKE = "make a pair with: python -m convert keygen"


def generate() -> "Ed25519PrivateKey":
    """A new private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


def write_pair(stem: Path, private: "Ed25519PrivateKey") -> tuple[Path, Path]:
    """Write STEM.key, which only its owner can read, and STEM.pub. Raises ConfigError if one exists."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    secret, open_to_all = (stem.with_name(stem.name + ending) for ending in (".key", ".pub"))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _create(open_to_all, public, 0o644)
    try:
        _create(secret, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    except ConfigError:
        open_to_all.unlink()
        raise
    return secret, open_to_all


def _create(path: Path, content: bytes, mode: int) -> None:
    """A new file. It has its mode before it has content."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise ConfigError(f"{path} exists and is not written over; name another with --out") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def read_private(path: Path) -> "Ed25519PrivateKey":
    """The key to sign with. Raises ConfigError, also when others than its owner may read the file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content, mode = _read(path)
    if b"PUBLIC KEY" in content:
        raise ConfigError(f"{path}: a public key cannot sign; name the .key file")
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; close it with: chmod 600 {path}")
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as error:
        raise ConfigError(f"{path}: has a password; a key without one is needed, {_MAKE}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path}: not a private key in PEM; {_MAKE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: not an ed25519 key but a {_kind(key)}; {_MAKE}")
    return key


def read_public(path: Path) -> "Ed25519PublicKey":
    """A key that is trusted. Raises ConfigError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content, _ = _read(path)
    if b"PRIVATE KEY" in content:
        raise ConfigError(f"{path}: a private key, which belongs on no device; name the .pub file")
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path}: not a public key in PEM; {_MAKE}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path}: not an ed25519 key but a {_kind(key)}; {_MAKE}")
    return key


def read_publics(paths: Iterable[Path]) -> "tuple[Ed25519PublicKey, ...]":
    """The keys that are trusted. Raises ConfigError."""
    return tuple(read_public(path) for path in paths)


def fingerprint(public: "Ed25519PublicKey") -> str:
    """The key in one word, as `openssl pkey -pubin -outform DER | openssl dgst -sha256` has it, in base64."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(encoded).digest()).decode().rstrip("=")


def signer(
    manifest: bytes, signature: bytes, trusted: "Sequence[Ed25519PublicKey]"
) -> "Ed25519PublicKey | None":
    """Which of the keys signed the manifest."""
    from cryptography.exceptions import InvalidSignature

    for key in trusted:
        try:
            key.verify(signature, manifest)
        except InvalidSignature:
            continue
        return key
    return None


def _read(path: Path) -> tuple[bytes, int]:
    """(content, mode) of a file that may be a key."""
    try:
        # a pipe would keep us waiting
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LARGEST_BYTES + 1) if stat.S_ISREG(mode) else b""
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; {_MAKE}") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: a folder; name a key") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    if not content or len(content) > LARGEST_BYTES:
        raise ConfigError(f"{path}: not a key; {_MAKE}")
    return content, stat.S_IMODE(mode)


def _kind(key: object) -> str:
    return type(key).__name__.strip("_").removesuffix("PrivateKey").removesuffix("PublicKey") + " key"
