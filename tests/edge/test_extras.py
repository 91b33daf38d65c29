"""A missing optional package is one sentence that says what to install."""

import json

import pytest

from edge.errors import MissingExtra
from edge.extras import need


def test_an_installed_module_is_returned():
    assert need("json", "train") is json


def test_a_missing_module_names_the_extra_that_brings_it():
    with pytest.raises(MissingExtra) as caught:
        need("a_module_that_nobody_has", "train")
    assert str(caught.value) == (
        "a_module_that_nobody_has is not installed; get it with: pip install 'picanary[train]'"
    )


def test_a_module_that_lacks_a_module_itself_names_that_one(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import its_missing_half\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match=r"its_missing_half is not installed;.*picanary\[pi\]"):
        need("half_installed", "pi")


def test_a_broken_module_is_not_taken_for_a_missing_one(tmp_path, monkeypatch):
    (tmp_path / "broken_inside.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        need("broken_inside", "pi")
