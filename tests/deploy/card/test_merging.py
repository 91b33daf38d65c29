"""Nothing of the user's is lost, and a second time nothing changes, whatever stood there before."""

import tomllib
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from deploy.card import cloud_config, config_txt, firstrun, kernel_line, preseed
from deploy.card.config_txt import Wiring
from edge.errors import ConfigError

OURS = ["sh", "/boot/firmware/picanary/begin.sh", "now"]
WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
CONFIG_LINE = st.one_of(
    st.sampled_from(
        [
            "",
            "[all]",
            "[pi4]",
            " [Pi5] ",
            "[none]",
            "# a comment",
            "#dtoverlay=dht11,gpiopin=4",
            "dtoverlay=dht11,gpiopin=4",
            "dtoverlay = dht11, gpiopin=4",
            "dtparam=i2c_arm=on",
            "dtoverlay=vc4-kms-v3d",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)
WIRINGS = st.builds(
    Wiring,
    st.lists(st.integers(4, 27), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(["bme280", "sht4x", "bme280,addr=0x77"]), max_size=2, unique=True).map(tuple),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab:'\"#\n é-", max_size=8))
KEYS = st.text("abcdef_", min_size=1, max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
COMMANDS = st.lists(
    st.one_of(st.text("echo $a", min_size=1, max_size=8), st.just(["ls", "-l", "/"])), max_size=3
)


@given(st.lists(CONFIG_LINE, max_size=12), WIRINGS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_sensors_count_for_every_pi_and_no_line_of_config_is_lost(
    lines: list[str], wiring: Wiring, end: str, ends: bool
) -> None:
    before = end.join(lines) + (end if ends else "")
    after = config_txt.with_sensors(before, wiring.lines())
    assert after.startswith(before)
    assert set(wiring.lines()) <= set(config_txt.effective(after))
    assert config_txt.effective(after)[: len(config_txt.effective(before))] == config_txt.effective(before)
    assert config_txt.with_sensors(after, wiring.lines()) == after


@given(st.lists(CONFIG_LINE, max_size=12), WIRINGS, WIRINGS)
def test_who_changes_his_mind_leaves_no_sensor_behind(lines: list[str], first: Wiring, then: Wiring) -> None:
    before = "".join(f"{line}\n" for line in lines)
    changed = config_txt.with_sensors(config_txt.with_sensors(before, first.lines()), then.lines())
    if not then.lines():
        assert changed == config_txt.with_sensors(before, first.lines())
        return
    known = config_txt.effective(before)
    assert set(config_txt.effective(changed)) - {"dtoverlay="} == {*known, *then.lines()} - {"dtoverlay="}
    assert [line for line in lines if line not in changed.splitlines()] == []
    assert config_txt.with_sensors(changed, then.lines()) == changed


def test_what_stands_below_our_lines_stays() -> None:
    before = "a=1\n" + "# picanary: the room's sensor\ndtoverlay=dht11,gpiopin=4\n" + "dtparam=audio=on\n"
    after = config_txt.with_sensors(before, ["dtoverlay=dht11,gpiopin=17"])
    assert after == "a=1\ndtparam=audio=on\n# picanary: the room's sensor\ndtoverlay=dht11,gpiopin=17\n"
    assert config_txt.with_sensors(before, ["dtoverlay=dht11,gpiopin=4"]) == before


def test_a_line_for_one_model_of_pi_alone_does_not_do() -> None:
    before = "[pi4]\ndtoverlay=dht11,gpiopin=4\n"
    after = config_txt.with_sensors(before, ["dtoverlay=dht11,gpiopin=4"])
    assert after == f"{before}[all]\n# picanary: the room's sensor\ndtoverlay=dht11,gpiopin=4\n"


def test_a_parameter_of_the_board_is_not_given_to_the_overlay_above_it() -> None:
    after = config_txt.with_sensors("dtoverlay=vc4-kms-v3d\n", Wiring(i2c=("bme280",)).lines())
    assert after.splitlines()[-3:] == ["dtoverlay=", "dtparam=i2c_arm=on", "dtoverlay=i2c-sensor,bme280"]


@given(st.lists(WORD, max_size=8), st.lists(WORD, max_size=4), st.sampled_from(["", "\n", " \r\n"]))
def test_no_word_of_the_kernels_line_is_lost(old: list[str], new: list[str], end: str) -> None:
    before = " ".join(old) + end
    after = kernel_line.with_words(before, new)
    assert kernel_line.words(after)[: len(old)] == old
    assert set(new) <= set(kernel_line.words(after))
    assert after.endswith(end.lstrip(" ")) and after.count("\n") == before.count("\n")
    assert kernel_line.with_words(after, new) == after


def test_two_lines_for_the_kernel_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than one line"):
        kernel_line.words("quiet\nsplash\n")


@settings(deadline=None)
@given(
    st.dictionaries(KEYS, VALUES, max_size=5), COMMANDS, st.sampled_from([None, False, True]), st.booleans()
)
def test_no_setting_of_user_data_is_lost(
    document: dict[str, Any], commands: list[Any], flow: bool | None, some: bool
) -> None:
    document = {**document, "runcmd": commands} if some else document
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    text = _dumped(yaml, document)
    assume(_is_readable(text))  # ruamel writes {a: :b} without quotes, which neither it nor cloud-init reads
    after = cloud_config.with_additions(text, {"runcmd": [OURS]})
    known = commands if some else []
    assert cloud_config.parsed(after) == {**document, "runcmd": [*known, OURS]}
    assert cloud_config.with_additions(after, {"runcmd": [OURS]}) == after


def _is_readable(text: str) -> bool:
    try:
        YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return False
    return True


def _dumped(yaml: YAML, document: dict[str, Any]) -> str:
    import io

    stream = io.StringIO()
    yaml.dump(document, stream)
    return "#cloud-config\n" + stream.getvalue()


def test_comments_and_quotes_of_user_data_stay() -> None:
    before = "#cloud-config\n# mine\nruncmd:\n  # first\n  - [ 'ls' ]   # why\n\n# then\nhostname: \"a\"\n"
    after = cloud_config.with_additions(before, {"runcmd": [OURS]})
    added = "  - [sh, /boot/firmware/picanary/begin.sh, now]\n"
    assert after == before.replace("# why\n", f"# why\n{added}")


def test_comments_stay_in_a_list_that_has_to_be_written_anew() -> None:
    before = "#cloud-config\n# mine\nruncmd: [ls]  # why\n"
    after = cloud_config.with_additions(before, {"runcmd": [OURS]})
    assert "# mine" in after and "# why" in after
    assert cloud_config.parsed(after) == {"runcmd": ["ls", OURS]}


@given(st.lists(st.text("echo 'a'#", max_size=8), max_size=3), st.booleans(), st.booleans())
def test_no_setting_of_a_preseed_is_lost(early: list[str], some: bool, lines: bool) -> None:
    join = ",\n  " if lines else ", "
    quoted = join.join(f'"{each}"' for each in early)
    listed = f"early = [{quoted}]\n"
    before = 'config_version = "1.0"\n[runcmd]  # mine\nlate = ["true"]\n' + (listed if some else "")
    after = preseed.with_command(before, "sh x")
    table = tomllib.loads(after)
    assert table["runcmd"] == {"late": ["true"], "early": ["sh x", *(early if some else [])]}
    assert "# mine" in after
    assert preseed.with_command(after, "sh x") == after


@given(
    st.lists(
        st.sampled_from(["", "echo a", "exit 0", "rm -f /boot/firstrun.sh", "if true; then"]), max_size=8
    )
)
def test_no_line_of_a_script_is_lost_and_ours_is_run(lines: list[str]) -> None:
    before = "\n".join(["#!/bin/sh", *lines]).encode()
    after = firstrun.with_line(before, "sh x").splitlines()
    at = after.index(b"sh x")
    assert b"exit 0" not in after[:at] or b"rm -f /boot/firstrun.sh" in after[at:]
    assert b"rm -f /boot/firstrun.sh" not in after[:at]
    assert [line for line in after if line != b"sh x"] == before.splitlines()
    assert firstrun.with_line(b"\n".join(after), "sh x") == b"\n".join(after)
