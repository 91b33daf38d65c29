"""The folder all-in-one/ of a delivery: what deploy/all_in_one/install.sh puts to its place on the Pi."""

from pathlib import Path

from deploy.all_in_one.household import TOKEN_HASH, Household
from edge.mqtt.broker import TLS_PORT

FOLDER = "all-in-one"
EXTRA = "monitor"  # what the Pi's picanary has to be installed with
_HERE = Path(__file__).parent
_AS_THEY_ARE = ("install.sh", "picanary-monitor.socket", "picanary-broker.service")
_WITH_PORT = ("picanary-monitor.service", "announcement.xml")
_BROKER = ("ca.crt", "acl", "revoked.crl", "server.crt", "server.key", "picanary.conf")


def files(household: Household) -> dict[str, bytes]:
    """By name within the delivery. Of the authority only its certificate is among them."""
    ours = {name: (_HERE / name).read_bytes() for name in _AS_THEY_ARE}
    for name in _WITH_PORT:
        text = (_HERE / name).read_text(encoding="utf-8")
        ours[name] = text.replace(str(TLS_PORT), str(household.port)).encode()
    for name in _BROKER:
        ours[f"mosquitto/{name}"] = (household.mosquitto / name).read_bytes()
    for name, file in _page(household).items():
        ours[f"page/{name}"] = (household.page / file).read_bytes()
    return {f"{FOLDER}/{name}": content for name, content in ours.items()}


def _page(household: Household) -> dict[str, str]:
    name = household.page_name
    return {"ca.crt": "ca.crt", "page.crt": f"{name}.crt", "page.key": f"{name}.key", TOKEN_HASH: TOKEN_HASH}
