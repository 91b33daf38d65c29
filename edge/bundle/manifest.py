"""What a manifest must say, and how: the checks between JSON that anyone may have written and a Bundle."""

import re
from collections.abc import Mapping
from typing import Any

from edge import __version__
from edge.bundle.strict_json import said
from edge.detection.budget import LEAST_BUDGET, MOST_BUDGET
from edge.detection.detector_settings import DetectorSettings
from edge.detection.windowing import Windowing

FORMAT = 1
LARGEST_VERSION = 2**31 - 1
# It stands in topics, file names, Home Assistant's ids and web pages.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_RELEASE = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_WORD = 64


def check_name(name: Any) -> str:
    """The bundle's name. Raises ValueError for one that could not stand in a topic or a label."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(f"a name has 1 to 64 letters, digits, '-', '_' or '.', not {said(name)}")
    return name


def check_version(version: Any) -> int:
    """The bundle's version. Raises ValueError for what is not a counter."""
    if type(version) is not int or not 1 <= version <= LARGEST_VERSION:
        raise ValueError(f"a version is a whole number from 1 to {LARGEST_VERSION}, not {said(version)}")
    return version


def windowing_of(manifest: Mapping[str, Any]) -> Windowing:
    """The windowing, with channels in the units of this edge. Raises LookupError, TypeError or ValueError."""
    windowing = Windowing.from_json(manifest["windowing"])
    check_same(manifest["windowing"], windowing.to_json(), "windowing")
    words = (*windowing.channels, *windowing.shapes)
    if not all(map(_is_word, words)) or len(set(words)) != len(words):
        raise ValueError("channels and shapes have names of 1 to 64 printable characters, each its own")
    measured = [{"name": c.name, "key": c.key, "unit": c.unit} for c in windowing.measured]
    if manifest["channels"] != measured:
        raise ValueError(f"its channels are {said(manifest['channels'])}, here they are {said(measured)}")
    return windowing


def detector_of(manifest: Mapping[str, Any], channels: int) -> DetectorSettings:
    """What decides. Raises LookupError, TypeError or ValueError."""
    settings = DetectorSettings.from_json(manifest["detector"], channels)
    check_same(manifest["detector"], settings.to_json(), "detector")
    return settings


def check_same(given: Any, understood: Any, where: str) -> None:
    """Raises ValueError where JSON says other than what was understood from it.

    So no text passes for a number, no `true` for 1, no 2.7 for 2, and no setting is passed over
    that a newer edge would judge by.
    """
    if isinstance(understood, dict) and isinstance(given, dict):
        for key, value in given.items():
            if key not in understood:
                raise ValueError(f"{where} has {said(key)}, which this edge does not know")
            check_same(value, understood[key], f"{where}.{key}")
    elif isinstance(understood, list | tuple) and isinstance(given, list) and len(given) == len(understood):
        for one, other in zip(given, understood, strict=True):
            check_same(one, other, where)
    elif not _is_same(given, understood):
        raise ValueError(f"{where} cannot be {said(given)}")


def _is_same(given: Any, understood: Any) -> bool:
    alike = type(given) is type(understood) or (type(given) is int and type(understood) is float)
    return alike and given == understood


def _is_word(text: str) -> bool:
    return 1 <= len(text) <= _LONGEST_WORD and text.isprintable() and not set(text) & set("<>&\"'")


def about_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Where the model comes from. Raises LookupError, TypeError or ValueError when a part is missing."""
    about: dict[str, Any] = manifest["about"]
    budget, training = about["false_alarms_per_week"], about["training"]
    if type(budget) not in (int, float) or not LEAST_BUDGET <= budget <= MOST_BUDGET:
        raise ValueError(f"the budget cannot be {said(budget)} false alarms a week")
    span = [training["from_ms"], training["to_ms"]]
    if any(type(ms) is not int for ms in span) or span[0] > span[1]:
        raise ValueError(f"the training cannot be from and to {said(span)}")
    sha256 = training["data_sha256"]
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError(f"the training data's hash cannot be {said(sha256)}")
    versions = about["versions"]
    if not isinstance(versions, dict) or not all(isinstance(text, str) for text in versions.values()):
        raise ValueError(f"the versions of libraries cannot be {said(versions)}")
    if not isinstance(about["format"], str):
        raise ValueError(f"the export format cannot be {said(about['format'])}")
    return about


def newer_edge(manifest: Mapping[str, Any]) -> str | None:
    """The oldest picanary that can run it, if that is newer than this one. Raises LookupError, ValueError."""
    oldest = manifest["about"]["oldest_edge"]
    if not (isinstance(oldest, str) and _RELEASE.fullmatch(oldest)):
        raise ValueError(f"the oldest picanary that can run it cannot be {said(oldest)}")
    ours = _RELEASE.match(__version__)
    return oldest if ours is None or _numbers(oldest) > _numbers(ours.group()) else None


def _numbers(release: str) -> tuple[int, ...]:
    numbers = [int(part) for part in release.split(".")]
    return (*numbers, *[0] * (4 - len(numbers)))
