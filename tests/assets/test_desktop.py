"""Icon, desktop entries and AppStream metadata are valid and shipped."""

from __future__ import annotations

import configparser
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from capabilities import needs
from support import run_program

import vaultui

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets"
ENTRIES = sorted(ASSETS.glob("*.desktop"))
METAINFO = next(ASSETS.glob("*.metainfo.xml"))


def _entry(path: Path) -> configparser.RawConfigParser:
    entry = configparser.RawConfigParser()
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(path, encoding="utf-8")
    return entry


@needs("desktop-file-validate")
@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_desktop_entry_is_valid(path: Path) -> None:
    done = run_program(["desktop-file-validate", path])
    assert done.check().text == ""


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_desktop_entry_starts_vaultui_under_our_icon(path: Path) -> None:
    entry = _entry(path)
    for section in entry.sections():
        assert entry[section]["Exec"].split()[0] == "vaultui"
    assert (ASSETS / f"{entry['Desktop Entry']['Icon']}.svg").is_file()


@needs("appstreamcli")
def test_metainfo_is_valid() -> None:
    run_program(["appstreamcli", "validate", "--no-net", METAINFO]).check()


def test_metainfo_names_what_is_shipped() -> None:
    component = ET.parse(METAINFO).getroot()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert {b.text for b in component.findall("provides/binary")} == set(scripts)
    assert component.findtext("launchable") in {path.name for path in ENTRIES}
    releases = [release.get("version") for release in component.findall("releases/release")]
    assert releases[0] == vaultui.__version__


@needs("rsvg-convert")
@pytest.mark.parametrize("size", [16, 48, 256])
def test_icon_renders(tmp_path: Path, size: int) -> None:
    picture = tmp_path / "icon.png"
    done = run_program(
        ["rsvg-convert", f"--width={size}", f"--output={picture}", ASSETS / "vaultui.svg"]
    )
    assert done.check().text == ""
    # Width and height stand at fixed places in the header (PNG, section 11.2.2).
    header = picture.read_bytes()[16:24]
    assert [int.from_bytes(header[i : i + 4], "big") for i in (0, 4)] == [size, size]


def test_every_asset_is_in_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = [p for ps in settings["tool"]["setuptools"]["data-files"].values() for p in ps]
    shipped = {path for pattern in patterns for path in ROOT.glob(pattern)}
    assert {path for path in ASSETS.iterdir() if path.is_file()} == shipped
