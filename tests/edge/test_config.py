"""The configuration file: what it says is what is done, and a mistake names itself."""

import math
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from edge.__main__ import configuration, parser
from edge.config import AgentSettings, Config, check, read_config
from edge.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "docs/edge.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return path


def test_the_example_names_every_setting_once_and_no_other() -> None:
    text = re.sub(r"(?m)^# (\w+ = )", r"\1", EXAMPLE.read_text())  # those without a default are commented out
    sections = tomllib.loads(text)
    known = {f.name: {g.name for g in fields(f.default_factory)} for f in fields(Config)}  # type: ignore[arg-type]
    assert {name: set(table) for name, table in sections.items()} == known


def test_the_example_as_it_stands_is_the_defaults() -> None:
    assert read_config(EXAMPLE) == Config()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[agent]\nbundel = 'x'\n", r"\[agent\] unknown key: bundel"),
        ("[agnet]\n", r"unknown section \[agnet\]"),
        ("agent = 3\n", r"\[agent\] must be a section"),
        ("[journal]\ncommit_s = 'soon'\n", r"\[journal\] commit_s = 'soon' must be float"),
        ("[journal]\ncommit_records = true\n", r"commit_records = True must be int"),
        ("[source]\nkind = 'guess'\n", r"kind = 'guess' must be iio or dht or simulator or replay"),
        ("[agent\n", "cannot be read as TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_config(written(tmp_path, text))


def test_no_such_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "nowhere.toml")


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[agent]\ndevice = 'cellar'\n[source]\nkind = 'simulator'\nseed = 3\n")
    flags = parser().parse_args(["--config", str(path), "--device", "attic"])
    config = configuration(flags)
    assert (config.agent.device, config.source.kind, config.source.seed) == ("attic", "simulator", 3)


def test_a_file_waits_for_its_broker_and_the_command_line_does_not(tmp_path: Path) -> None:
    path = written(tmp_path, "[broker]\naddress = 'localhost'\n")
    assert configuration(parser().parse_args(["--config", str(path)])).broker.wait
    assert not configuration(parser().parse_args(["--broker", "localhost"])).broker.wait
    assert configuration(parser().parse_args(["--broker", "localhost", "--wait"])).broker.wait


def test_whole_numbers_will_do_for_seconds(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "[journal]\ncommit_s = 5\n")).journal.commit_s == 5.0


@pytest.mark.parametrize("setting", ["commit_s = 0", "commit_records = -1", "most_records = 0"])
def test_what_makes_no_sense_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ConfigError, match="must be above zero"):
        check(read_config(written(tmp_path, f"[journal]\n{setting}\n")))


def test_a_password_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    from edge.config import broker_settings

    secret = tmp_path / "password"
    secret.write_text("made at test time\n")
    config = read_config(written(tmp_path, f"[broker]\naddress = 'localhost'\npassword_file = '{secret}'\n"))
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        broker_settings(config.broker, "cellar")
    secret.chmod(0o600)
    assert broker_settings(config.broker, "cellar").password == "made at test time"


@pytest.mark.parametrize("budget", [0.0, -1.0, 1e6, math.nan])
def test_a_budget_that_cannot_be_held_is_refused(budget: float) -> None:
    with pytest.raises(ConfigError, match="false_alarms_per_week"):
        check(Config(agent=AgentSettings("cellar", false_alarms_per_week=budget)))
