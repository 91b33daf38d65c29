"""The manifest and the golden windows: whatever JSON they hold, it is understood or refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge import __version__
from edge.bundle.archive import GOLDEN, MANIFEST, unpack_archive
from edge.bundle.bundle import unpack
from edge.errors import BundleError
from tests.edge.forged import Table, forge

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def content(room_bundle: Path) -> bytes:
    return room_bundle.read_bytes()


def refusal(content: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        unpack(content, "some.canary")
    sentence = str(caught.value)
    assert sentence.startswith("some.canary: ")
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence


def put(table: Table, path: str, value: Any) -> Table:
    """The table with the value at a path such as `about.training.from_ms`."""
    *way, last = path.split(".")
    inner = table
    for step in way:
        inner = inner[step]
    inner[last] = value
    return table


def changed(content: bytes, path: str, value: Any) -> bytes:
    return forge(content, manifest=lambda table: put(table, path, value))


def paths(table: Table, above: str = "") -> list[str]:
    """Every place in a manifest or golden table, down to single settings."""
    found = []
    for name, value in table.items():
        found.append(above + name)
        if isinstance(value, dict):
            found += paths(value, f"{above}{name}.")
    return found


def test_the_manifest_says_all_that_a_device_and_a_person_must_know(content: bytes) -> None:
    manifest = json.loads(unpack_archive(content, "it")[MANIFEST])
    assert {
        "format",
        "name",
        "version",
        "channels",  # with units
        "windowing.period_s",
        "windowing.gap_limit",
        "windowing.views",  # the window's shape
        "detector.levels",  # the thresholds
        "detector.budgets",
        "about.false_alarms_per_week",
        "about.training.from_ms",
        "about.training.to_ms",
        "about.training.data_sha256",
        "about.versions",
        "about.oldest_edge",
        "members.model.tflite",
        "members.golden.json",
    } <= set(paths(manifest))
    assert manifest["channels"][0] == {"name": "temperature", "key": "temperature_c", "unit": "°C"}


@pytest.mark.parametrize("other", [99, 0, "1", 1.0, True, None, [1], {"a": 1}, [[1] * 10_000]])
def test_another_format_is_refused_by_its_name(content: bytes, other: Any) -> None:
    sentence = refusal(changed(content, "format", other))
    assert "bundle format" in sentence
    assert "this edge reads 1" in sentence


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a/b",
        "room+",
        "room#",
        "a b",
        "<b>room</b>",
        "ro\nom",
        "\x1b[31m",
        "ｒoom",
        "x" * 65,
        None,
        7,
        ["a"],
    ],
)
def test_a_name_that_cannot_stand_in_a_topic_is_refused(content: bytes, name: Any) -> None:
    assert "a name has 1 to 64 letters" in refusal(changed(content, "name", name))


@pytest.mark.parametrize("version", [0, -1, 2**31, 10**18, True, 1.0, "1", None])
def test_a_version_that_is_no_counter_is_refused(content: bytes, version: Any) -> None:
    assert "a version is a whole number" in refusal(changed(content, "version", version))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("windowing.warm_up", 10**9),
        ("windowing.warm_up", True),
        ("windowing.warm_up", 60.5),
        ("windowing.period_s", "10"),
        ("windowing.period_s", -1.0),
        ("windowing.gap_limit", -1),
        ("windowing.views", None),
        ("windowing.views", [{"block": 1, "levels": 10**9, "step": [1.0], "spread": []}]),
        ("windowing.channels", ["temperature", "temperature"]),
        ("windowing.channels", ["<script>", "humidity"]),
        ("windowing.surprise", 1),
        ("detector.levels", {"guess": 1.0}),
        ("detector.levels", {"surprise": -1.0}),
        ("detector.calm_s", False),
        ("detector.change_rate", [[2.0] * 24] * 2),
        ("detector.leniency", 100.0),
        ("channels", [{"name": "temperature", "key": "temperature_c", "unit": "°F"}]),
        ("channels", []),
        ("about", None),
        ("about.false_alarms_per_week", 0),
        ("about.false_alarms_per_week", True),
        ("about.training", []),
        ("about.training.from_ms", 10**15),
        ("about.training.data_sha256", "beef"),
        ("about.versions", {"keras": 3}),
        ("about.oldest_edge", "soon"),
        ("about.oldest_edge", 1),
        ("members", {}),
        ("members", None),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(content: bytes, path: str, value: Any) -> None:
    if path == "members":
        whole = json.loads(unpack_archive(content, "it")[MANIFEST])
        damaged = forge(content, manifest=lambda _: json.dumps({**whole, "members": value}).encode())
    else:
        damaged = changed(content, path, value)
    assert "the manifest cannot be used" in refusal(damaged)


def test_what_a_newer_edge_must_run_is_refused_with_its_version(content: bytes) -> None:
    assert f"made for picanary 999.1 or newer, this is {__version__}" in refusal(
        changed(content, "about.oldest_edge", "999.1")
    )
    unpack(changed(content, "about.oldest_edge", "0.0.9.9"), "it")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{",
        b"[" * 400_000,
        b'{"a":' * 100_000,
        b'{"format": 1, "format": 1}',
        b'{"format": NaN}',
        b'{"format": 1e400}',
        b'{"format": -Infinity}',
        b'{"format": ' + b"9" * 5000 + b"}",
        b'{"format": 1, "name": "\\ud800"}',
        '{"format": 1}'.encode("utf-16"),
    ],
)
def test_json_that_readers_disagree_about_is_refused(content: bytes, text: bytes) -> None:
    assert "the manifest cannot be used" in refusal(forge(content, manifest=lambda _: text))
    assert "cannot be used" in refusal(forge(content, golden=lambda _: text))


@pytest.mark.parametrize(
    "number", ["1e400", "NaN", "Infinity", "1" + "0" * 5000, "1" + "0" * 30, "1e39", "true"]
)
def test_a_number_that_is_none_or_too_large_is_refused_wherever_it_stands(
    content: bytes, number: str
) -> None:
    members = unpack_archive(content, "it")
    band = json.loads(members[MANIFEST])["detector"]["band"][0]
    window = json.loads(members[GOLDEN])["inputs"][0][0]

    def hide(old: Any) -> Any:
        def write(table: Table) -> bytes:
            text = json.dumps(table)
            assert repr(old) in text
            return text.replace(repr(old), number, 1).encode()

        return write

    refusal(forge(content, golden=hide(window)))
    if number != "1e39":  # a wide band is no nonsense to a reader, only to the person who signs it
        refusal(forge(content, manifest=hide(band)))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("inputs", []),
        ("inputs", None),
        ("inputs", [[0.0] * 112] * 65),
        ("inputs", [["0"] * 112] * 12),
        ("answers", [[0.0]] * 12),
        ("answers", {}),
        ("tolerance", 0),
        ("tolerance", 0.0),
        ("tolerance", -1.0),
        ("tolerance", 0.011),
        ("tolerance", 1e300),
        ("tolerance", True),
        ("tolerance", None),
    ],
)
def test_golden_windows_that_prove_nothing_are_refused(content: bytes, part: str, value: Any) -> None:
    assert "cannot be used" in refusal(forge(content, golden=lambda table: {**table, part: value}))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 10_000), value=ANY_JSON)
def test_any_json_anywhere_is_understood_or_refused(content: bytes, where: int, value: Any) -> None:
    manifest = json.loads(unpack_archive(content, "it")[MANIFEST])
    places = [each for each in paths(manifest) if not each.startswith("members.")]
    path = places[where % len(places)]
    try:
        unpack(changed(content, path, value), "some.canary").open_detector()
    except BundleError as error:
        assert str(error).startswith("some.canary: ")
        assert "\n" not in str(error)
