"""The demo's model: trained on simulated history, kept for the next demo of the same picanary."""

import hashlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from deploy.children import Children
from edge import __version__

MAKERS = ("edge", "trainer", "convert")


def fingerprint() -> str:
    """The version and a hash of all code that makes a bundle: a checkout changes without a new version."""
    digest = hashlib.sha256()
    for package in MAKERS:
        found = find_spec(package)
        for folder in (found.submodule_search_locations or ()) if found else ():
            for source in sorted(Path(folder).rglob("*.py")):
                digest.update(source.read_bytes())
    return f"picanary {__version__}, code {digest.hexdigest()[:16]}"


def provide(
    folder: Path,
    children: Children,
    trainer: Sequence[str],
    convert: Sequence[str],
    say: Callable[[str], None],
    fresh: bool = False,
) -> Path:
    """The bundle in `folder`, trained and converted unless it is there already (or `fresh`).

    Raises ChildError when training or conversion fails.
    """
    bundle, made_by = folder / "room.canary", folder / "room.canary.made-by"
    maker = fingerprint()
    if not fresh and bundle.is_file() and made_by.is_file() and made_by.read_text() == maker:
        say(f"using the model of the last demo, {bundle} (--fresh trains a new one)")
        return bundle
    made_by.unlink(missing_ok=True)
    say("training a model on simulated history (about a minute)")
    children.finish("trainer", [*trainer, "--out", str(folder / "run")])
    say("converting it to a bundle")
    command = [*convert, str(folder / "run"), "--out", str(bundle)]
    children.finish("converter", command, folder / "convert.log")
    made_by.write_text(maker)  # last, so that a stopped demo leaves no bundle to trust
    return bundle
