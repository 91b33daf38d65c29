"""The folder that the card carries until the first boot: wheels, bundle, configuration, scripts, secrets."""

import shlex
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from deploy import wheel as wheels
from deploy.all_in_one.command import Together
from deploy.card.boot_partition import FOLDER
from deploy.card.plan import SECRET
from deploy.card.wifi import Wifi
from deploy.handout import Handout
from deploy.service import INSTALLER, NAME, UNITS

HERE = Path(__file__).parent
SCRIPTS = ("begin.sh", "first-boot.sh")


@dataclass(frozen=True, slots=True)
class Payload:
    """What goes into the folder. `wheels` has picanary's own and those that it asks for."""

    wheel: Path
    wheels: Path
    bundle: Path | None
    handout: Handout
    hostname: str | None
    ssh_key: str | None
    wifi: Wifi | None
    together: Together | None = None

    @property
    def release(self) -> str:
        """Its name on the Pi: of the same content the same, and older than whatever is pushed later."""
        digest = sha256(self.wheel.read_bytes())
        digest.update(b"" if self.bundle is None else self.bundle.read_bytes())
        digest.update(self.handout.configuration.encode())
        for name, content in sorted((self.together.files if self.together else {}).items()):
            digest.update(name.encode() + content)
        return f"0-card-{wheels.version(self.wheel)}-{digest.hexdigest()[:8]}"

    def files(self) -> dict[str, bytes]:
        """By name on the boot partition."""
        brought = {path.name: path.read_bytes() for path in sorted(self.wheels.iterdir()) if path.is_file()}
        ours = {self.wheel.name: self.wheel.read_bytes()}
        # a picanary that an earlier run left there is not wanted any more
        others = {name: content for name, content in brought.items() if not name.startswith("picanary-")}
        files = {f"wheels/{name}": content for name, content in (others | ours).items()}
        if self.bundle is not None:
            files["room.canary"] = self.bundle.read_bytes()
        files["edge.toml"] = self.handout.configuration.encode()
        files[NAME] = (UNITS / NAME).read_bytes()
        if drop_in := self.handout.drop_in():
            files["credentials.conf"] = drop_in.encode()
        if self.ssh_key is not None:
            files["authorized_key"] = f"{self.ssh_key}\n".encode()
        files |= {name: (HERE / name).read_bytes() for name in SCRIPTS}
        files[INSTALLER.name] = INSTALLER.read_bytes()
        files["settings"] = self._settings().encode()
        files |= self.together.files if self.together else {}
        secrets = {f"{SECRET}{name}": content for name, content in self.handout.secrets.items()}
        if self.wifi is not None:
            secrets[f"{SECRET}picanary.nmconnection"] = self.wifi.connection().encode()
        return {f"{FOLDER}/{name}": content for name, content in files.items()} | secrets

    def _settings(self) -> str:
        named = {
            "release": self.release,
            "wheel": self.wheel.name,
            "extras": ",".join(self.together.extras) if self.together else "",
            "doctor": "no",  # neither network nor clock is there yet
            "hostname": self.hostname or "",
            "country": "" if self.wifi is None else self.wifi.country,
        }
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in named.items())
