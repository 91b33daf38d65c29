"""The file of rules and channels: what it says is what is done, and a mistake names itself."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from edge.errors import ConfigError
from monitor.alerts.channels import make
from monitor.alerts.rules import DEFAULTS, Rule
from monitor.alerts.settings import (
    AppriseTable,
    GroupTable,
    MqttTable,
    RuleTable,
    Settings,
    WebhookTable,
    read_settings,
)
from monitor.alerts.telegraph import Confirmations

EXAMPLE = Path(__file__).parents[3] / "docs/alerts.toml"
CHANNELS = {"webhook.ops": WebhookTable, "mqtt.home": MqttTable, "apprise.people": AppriseTable}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    return path


def keys(table: type[msgspec.Struct]) -> set[str]:
    return set(table.__struct_fields__)


def test_the_example_as_it_stands_is_the_defaults() -> None:
    assert read_settings(EXAMPLE) == Settings()


def test_the_example_names_every_key_and_no_other_each_with_its_default() -> None:
    text = re.sub(r"(?m)^# (\[|\w+ = )", r"\1", EXAMPLE.read_text())  # the channels are commented out
    named = tomllib.loads(text)
    assert set(named) == {"page", "retry_hours", "rules", "group", "webhook", "mqtt", "apprise"}
    assert {kind: set(table) for kind, table in named["rules"].items()} == dict.fromkeys(
        DEFAULTS, keys(RuleTable)
    )
    assert set(named["group"]) == keys(GroupTable)
    for name, table in CHANNELS.items():
        sort, _, own = name.partition(".")
        shown = named[sort][own]
        assert set(shown) == keys(table)
        defaults = (
            msgspec.structs.asdict(msgspec.convert({"urls_file": ""}, table))
            if sort == "apprise"
            else (msgspec.structs.asdict(table()))
        )
        assert shown == defaults


def test_the_example_says_how_long_in_words() -> None:
    text = EXAMPLE.read_text()
    for key in keys(RuleTable):
        assert re.search(rf"#   {key} +\w", text), f"{key} has no line of its own"


def test_what_a_rule_leaves_out_stays_as_it_is(tmp_path: Path) -> None:
    read = read_settings(written(tmp_path, "[rules.missing]\ntell = false\n[rules.anomaly]\nremind_min = 60"))
    assert read.rules.by_kind["missing"] == Rule(tell=False, after_s=900.0)
    assert read.rules.by_kind["anomaly"] == Rule(after_s=0.0, remind_min=60.0)
    assert read.rules.by_kind["offline"] == DEFAULTS["offline"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[rules.offlin]\n", r"\[rules\] unknown kind: offlin; there are broker, store"),
        ("[rules.offline]\nafer_s = 1\n", r"\[rules.offline\] unknown key: afer_s; there are tell, after_s"),
        ("[rules.offline]\nafter_s = -1\n", r"\[rules.offline\] after_s: Expected float >= 0"),
        ("[webhok.x]\n", r"unknown key: webhok; there are page"),
        ("[webhook.x]\nkinds = ['rain']\n", r"\[webhook.x\] kinds\[0\]: Invalid enum value 'rain'"),
        ("[webhook.'a b']\n", r"must be named by letters, digits"),
        ("[group]\ndevices = 1\n", r"\[group\] devices: Expected int >= 2"),
        ("page = 3\n", r"page: Expected str, got int"),
        ("page = 'cellar.example'\n", r"page must be an address that begins with http"),
        ("[apprise.x]\n", r"\[apprise.x\] needs the key urls_file"),
        ("[mqtt.x]\ntopic = 'a/#'\n", r"\[mqtt.x\] topic must have no '#'"),
        ("[mqtt.x]\ntopic = 'picanary/v1/cellar'\n", r"\[mqtt.x\] topic: picanary/v1 belongs to the devices"),
        ("rules = 3\n", r"rules: Expected object, got int"),
        ("[rules\n", "cannot be read as TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as said:
        read_settings(written(tmp_path, text))
    assert str(said.value).startswith(str(tmp_path / "alerts.toml"))


def test_no_such_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_settings(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("text", "mode", "sentence"),
    [
        ("[webhook.x]\nurl_file = 'SECRET'\n", 0o644, r"\[webhook.x\] url_file: .*chmod 600"),
        ("[webhook.x]\nurl = 'http://h'\nsecret_file = 'SECRET'\n", 0o604, r"secret_file: .*chmod 600"),
        ("[apprise.x]\nurls_file = 'SECRET'\n", 0o604, r"\[apprise.x\] urls_file: .*chmod 600"),
        ("[apprise.x]\nurls_file = 'SECRET'\n", 0o600, r"\[apprise.x\] urls_file: line 2 is no address"),
        ("[webhook.x]\nurl_file = 'SECRET'\n", 0o600, r"url_file must be an address that begins"),
        ("[webhook.x]\n", 0o600, r"\[webhook.x\] needs one of url and url_file"),
        ("[webhook.x]\nurl = 'http://h'\nurl_file = 'SECRET'\n", 0o600, r"needs one of url and url_file"),
        ("[webhook.x]\nurl = 'file:///etc/passwd'\n", 0o600, r"\[webhook.x\] url must be an address"),
        ("[webhook.x]\nurl = 'http://h'\nsecret_file = 'nowhere'\n", 0o600, r"nowhere cannot be read"),
    ],
)
def test_a_secret_that_everybody_can_read_or_nobody_can_use_is_refused_without_being_said(
    tmp_path: Path, text: str, mode: int, sentence: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("# mine\nhunter2\n")
    secret.chmod(mode)
    settings = read_settings(written(tmp_path, text.replace("SECRET", str(secret))))
    with pytest.raises(ConfigError, match=sentence) as said:
        make(settings, None, Confirmations())  # type: ignore[arg-type]
    assert "hunter2" not in str(said.value)
