"""What to push, and how: checked before any host is spoken to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.handout import Handout, read_handout, with_bundle
from edge.config import read_config
from edge.errors import ConfigError

SYSTEM_PREFIX = "/opt/picanary"
USER_PREFIX = ".local/share/picanary"
PATIENCE_S = 90.0
BUNDLE = "room.canary"

Content = bytes | Path


@dataclass(frozen=True, slots=True)
class Order:
    """What goes to every host. `service` None means: where systemd and root are."""

    wheel: Path
    bundle: Path | None = None
    config: Path | None = None  # None: the handout's, or the one that is there
    handout: Path | None = None
    prefix: str | None = None  # None: SYSTEM_PREFIX with root or sudo, else USER_PREFIX in the home
    service: bool | None = None
    extras: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    online: bool = False  # the host's own pip fetches what picanary asks for
    pip_options: tuple[str, ...] = ()
    patience_s: float = PATIENCE_S  # so long the first record may take
    dry_run: bool = False
    alone: bool = False  # without the broker and the page that may be there
    ready: Handout | None = None  # made already, in place of config and handout
    additions: Mapping[str, Content] = field(default_factory=dict)  # more files, by name in the delivery

    def check(self) -> "Order":
        """Itself. Raises ConfigError for what cannot be right on any host."""
        if self.bundle is not None and not self.bundle.is_file():
            raise ConfigError(f"no such bundle: {self.bundle}")
        if self.handout is not None and not self.handout.is_dir():
            raise ConfigError(f"no such folder: {self.handout}")
        if self.wheelhouse is not None and self.online:
            raise ConfigError("--online lets the host's own pip fetch: leave out --wheelhouse")
        if not 0 < self.patience_s < float("inf"):
            raise ConfigError("--patience must be above zero seconds, and finite")
        if self.config is not None:
            read_config(self.config)
        return self

    def with_wheel(self, wheel: Path) -> "Order":
        """The same, with another wheel."""
        return replace(self, wheel=wheel)

    def handed(self, place: str, service: bool) -> Handout | None:
        """Configuration and secrets for a release that will be `place`; None: as they are there.

        Raises ConfigError when they do not fit together.
        """
        if (self.handout or self.ready) and not service:
            raise ConfigError("--handout is for the service, which systemd hands the keys to")
        if self.ready is not None:
            return self.ready
        if self.handout is not None:
            config = self.config or self.handout / "edge.toml"
            return read_handout(config, self.handout, self.bundle is not None)
        if self.config is None:
            return None
        text = self.config.read_text(encoding="utf-8")
        if self.bundle is not None:
            text = with_bundle(text, self.config, f"{place}/current/{BUNDLE}")
        return Handout(text, {})
