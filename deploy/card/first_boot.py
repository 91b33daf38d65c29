"""The ways in which a system can be customised at its first boot: how each is told, where our line goes in.

Imager's documentation (doc/os_customisation_formats.md) names them; which one a card has, its image decides.
"""

from collections.abc import Callable, Mapping

from deploy.card import cloud_config, firstrun, kernel_line, preseed
from deploy.card.boot_partition import FOLDER, FRESH_INIT, BootPartition
from edge.errors import ConfigError

BEGIN = f"/boot/firmware/{FOLDER}/begin.sh"
Files = dict[str, bytes]  # by name on the boot partition

_CLOUD_WORDS = ("ds=nocloud", "ds=nocloud-net")


def kind_of(card: BootPartition) -> str:
    """A key of FORMATS. Raises ConfigError when the card has none that its system would act upon."""
    if card.image is not None:
        return "image"
    if card.content(preseed.NAME) is not None:
        return "preseed"
    if contradiction := _contradiction(card):
        raise ConfigError(contradiction)
    if _has_seed(card):
        return "cloud-init"
    if card.content(firstrun.NAME) is None and not _is_raspberry_pi_os(card):
        raise ConfigError(
            f"{card.folder} has no user-data of cloud-init, no firstrun.sh or rpi-preseed.toml of Imager, "
            "nor is it a Raspberry Pi OS, so nothing would run at the first boot: flash Raspberry Pi OS"
        )
    return "systemd"


def _contradiction(card: BootPartition) -> str | None:
    """Why the system would not do what is on the card, or None."""
    line, script = card.kernel_line, card.content(firstrun.NAME)
    runs = kernel_line.value(line, "systemd.run")
    if runs not in (None, firstrun.PLACE, firstrun.IMAGER_PLACE):
        return f"cmdline.txt has systemd.run={runs}, and there can be but one: flash the card anew"
    if _has_seed(card) and (script is not None or runs is not None):
        return (
            "this card's system wants cloud-init, and was customised with a firstrun.sh, which it ignores: "
            "flash it anew with Raspberry Pi Imager 2 or newer"
        )
    if card.content("custom.toml") is not None and f"init={FRESH_INIT}" not in kernel_line.words(line):
        return "this card's system does not read custom.toml (Bookworm's does): put it away"
    # a script of ours without its words: an earlier run was interrupted, for they are written last
    interrupted = runs is None and script is not None and BEGIN.encode() in script
    if (script is None) != (runs is None) and not interrupted:
        return "firstrun.sh and systemd.run= in cmdline.txt belong together: flash the card anew"
    return None


def hooks(card: BootPartition, kind: str, hostname: str | None) -> Files:
    """The files of that format, with our line in. Raises ConfigError when it cannot be put in."""
    return FORMATS[kind](card, hostname)


def hostname(card: BootPartition, kind: str) -> str | None:
    """The machine's name, if Imager has given one."""
    if kind == "preseed":
        return preseed.hostname(card.text(preseed.NAME) or "")
    if kind == "systemd":
        return firstrun.hostname(card.content(firstrun.NAME))
    named = cloud_config.parsed(card.text(cloud_config.NAME) or cloud_config.HEADER).get("hostname")
    return named if isinstance(named, str) else None


def waits(card: BootPartition, kind: str) -> list[str]:
    """What at the first boot wants the network, in sentences; our own part does not."""
    if kind not in ("cloud-init", "image"):
        return []
    document = cloud_config.parsed(card.text(cloud_config.NAME) or cloud_config.HEADER)
    wanted = [
        key for key in ("packages", "package_update", "package_upgrade", "ssh_import_id") if document.get(key)
    ]
    return [f"cloud-init asks the network first for: {', '.join(wanted)} (user-data)"] if wanted else []


def _systemd(card: BootPartition, hostname: str | None) -> Files:
    _require_name(firstrun.NAME, firstrun.hostname(card.content(firstrun.NAME)), hostname)
    script = firstrun.with_line(card.content(firstrun.NAME), f"sh {BEGIN} later")
    files = {firstrun.NAME: script}
    if kernel_line.value(card.kernel_line, "systemd.run") is None:
        files["cmdline.txt"] = kernel_line.with_words(card.kernel_line, firstrun.WORDS).encode()
    return files


def _cloud_init(card: BootPartition, hostname: str | None) -> Files:
    meta, given = card.text("meta-data"), kernel_line.value(card.kernel_line, "ds")
    settings = dict(part.split("=", 1) for part in (given or "").split(";") if "=" in part)
    named = settings.get("i")
    source = settings.get("s") or settings.get("seedfrom") or ""
    if "://" in source and not source.startswith("file://"):
        raise ConfigError(f"cloud-init gets its settings from {source}, not from the card: see cmdline.txt")
    if named and meta and f"instance-id: {named}" not in meta:
        raise ConfigError(
            f"meta-data and cmdline.txt (ds=nocloud;i={named}) name different instances: flash the card anew"
        )
    additions: cloud_config.Addition = {"runcmd": [["sh", BEGIN, "now"]]}
    if hostname is not None:
        additions |= {"hostname": hostname}
    before = card.text(cloud_config.NAME) or f"{cloud_config.HEADER}\n"
    files = {cloud_config.NAME: cloud_config.with_additions(before, additions).encode()}
    if meta is None:  # without it the directory is no seed
        files["meta-data"] = f"instance-id: {named or 'picanary-card'}\n".encode()
    return files


def _preseed(card: BootPartition, hostname: str | None) -> Files:
    text = card.text(preseed.NAME) or ""
    _require_name(preseed.NAME, preseed.hostname(text), hostname)
    return {preseed.NAME: preseed.with_command(text, f"sh {BEGIN} now").encode()}


def _image(card: BootPartition, hostname: str | None) -> Files:  # noqa: ARG001  # as the others are called
    """Its system has the service already, so that Imager may write over user-data as it likes."""
    return {}


FORMATS: Mapping[str, Callable[[BootPartition, str | None], Files]] = {
    "systemd": _systemd,
    "cloud-init": _cloud_init,
    "preseed": _preseed,
    "image": _image,
}


def _require_name(where: str, imagers: str | None, ours: str | None) -> None:
    if None not in (imagers, ours) and imagers != ours:
        raise ConfigError(f"{where} names the machine {imagers} already, which is kept: leave out --hostname")


def _has_seed(card: BootPartition) -> bool:
    words = kernel_line.words(card.kernel_line)
    asked = any(word.split(";")[0] in _CLOUD_WORDS for word in words)
    return asked or card.content(cloud_config.NAME) is not None


def _is_raspberry_pi_os(card: BootPartition) -> bool:
    words = kernel_line.words(card.kernel_line)
    return "Raspberry Pi reference" in (card.text("issue.txt") or "") or f"init={FRESH_INIT}" in words
