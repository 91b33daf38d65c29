"""Which model judges from the first reading: the configured one, the last good one, or the package's."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from edge.bundle import bundle as bundles
from edge.bundle.compatibility import check_fits
from edge.bundle.default import default_content
from edge.errors import BundleError, ConfigError
from edge.swap.admission import Rules, admit
from edge.swap.loaded import Loaded
from edge.swap.store import ModelStore, digest_of
from edge.swap.story import Chapter

LOG = logging.getLogger(__name__)
NO_MODEL = Path("none")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What to start with."""

    at_work: Loaded | None
    on_trial: Loaded | None  # a new one, which is to be shown the past and watched
    chapter: Chapter


def begin(file: Path | None, rules: Rules, store: ModelStore, *, typed: bool) -> Beginning:
    """Choose. A typed file is taken or refused with BundleError; a bad one in a file stops nothing."""
    if file == NO_MODEL:
        LOG.warning("no model: readings are published without a verdict")
        return Beginning(None, None, Chapter())
    if file is not None and typed:
        return _typed(file, rules, store)
    kept, trying = store.begin()
    at_work = _last_good(kept, rules, store)
    on_trial = _last_good(trying, rules, store)
    chapter = Chapter(state="idle", source="file")
    offered: Loaded | None = None
    if file is not None:
        try:
            offered = _offered(file, rules, store)
        except BundleError as error:
            LOG.error("%s; going on without it", error)
            chapter = Chapter(state="refused", why=str(error), source="file")
    if offered is not None:
        if at_work is None:
            store.install(offered.content, offered.bundle.name, offered.bundle.version, trial=False)
            at_work = offered
        else:
            on_trial = offered
    if at_work is None:
        at_work, on_trial = of_the_package(rules), None
        chapter = chapter if chapter.state == "refused" else replace(chapter, source="default")
    label = at_work.bundle.label if at_work else None
    if at_work is None and chapter.state != "refused":
        chapter = Chapter(state="none")
    return Beginning(at_work, on_trial, replace(chapter, installed=label, latest=chapter.latest or label))


def _typed(file: Path, rules: Rules, store: ModelStore) -> Beginning:
    content = bundles.read(file)
    found = Loaded(admit(content, str(file), rules, store, insist=True), content)
    if digest_of(content) != store.state.current or store.state.on_trial:
        store.install(content, found.bundle.name, found.bundle.version, trial=False)
    store.note_offered(digest_of(content))
    label = found.bundle.label
    return Beginning(found, None, Chapter(label, label, "idle", source="file"))


def _offered(file: Path, rules: Rules, store: ModelStore) -> Loaded | None:
    """The configured file, if it is another than when we last looked. Raises BundleError."""
    content = bundles.read(file)
    digest = digest_of(content)
    if digest in (store.state.current, store.state.offered) and store.state.current is not None:
        return None
    store.note_offered(digest)
    return Loaded(admit(content, str(file), rules, store), content)


def _last_good(content: bytes | None, rules: Rules, store: ModelStore) -> Loaded | None:
    """The one of the last time, if it still may judge: keys, sensor and runtime can have changed."""
    if content is None:
        return None
    try:
        return Loaded(admit(content, "the model of the last time", rules, store, insist=True), content)
    except BundleError as error:
        LOG.error("%s", error)
        return None


def of_the_package(rules: Rules) -> Loaded | None:
    """The default model, where it fits the sensor; it is as trusted as the code that it came with."""
    try:
        content = default_content()
        bundle = bundles.unpack(content, "the package's model")
        check_fits(bundle, rules.channels, rules.period_s, f"source {rules.source}")
    except (BundleError, ConfigError, FileNotFoundError) as error:
        LOG.warning("no model: %s; readings are published without a verdict", error)
        return None
    return Loaded(bundle, content)
