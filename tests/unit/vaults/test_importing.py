"""The lists of other managers, in the formats that these write, and what becomes of each vault."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from vaultui.model.ids import VaultId
from vaultui.vaults.discovery import CONF, REVERSE_CONF
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.importing import Importable, default_homes, judge, read_lists
from vaultui.vaults.managers.plasmavault import parse_kconfig


def favourite(home: Path, name: str, **values: object) -> None:
    """Write a favourite of SiriKali."""
    folder = home / ".config" / "SiriKali" / "favorites"
    folder.mkdir(parents=True, exist_ok=True)
    fields = {
        "volumePath": str(home / f"{name}.c"),
        "mountPointPath": str(home / ".SiriKali" / name),
        "configFilePath": "",
        "keyFilePath": "",
        "idleTimeOut": "",
        "mountOptions": "",
        "reverseMode": False,
        "volumeNeedNoPassword": False,
        "mountReadOnly": "",
        "autoMountVolume": "",
        "password": "",
    }
    (folder / f"{name}-0123.json").write_text(json.dumps({**fields, **values}))


def volume(home: Path, name: str, conf: str = CONF) -> Path:
    folder = home / f"{name}.c"
    folder.mkdir()
    (folder / conf).touch()
    return folder


def found(home: Path, *managers: str, known: tuple[VaultEntry, ...] = ()) -> list[Importable]:
    return judge(read_lists(default_homes(), managers), known)


def test_where_no_other_manager_is_there_is_nothing_to_import(home: Path) -> None:
    assert found(home) == []


def test_a_favourite_of_sirikali_becomes_a_vault(home: Path) -> None:
    cipherdir = volume(home, "work")
    (home / ".SiriKali").mkdir()
    favourite(home, "work", idleTimeOut="10m", mountReadOnly="true", keyFilePath="~/work.key")
    assert found(home) == [
        Importable(
            "SiriKali",
            "work",
            str(cipherdir),
            str(home / ".SiriKali" / "work"),
            read_only=True,
            idle_timeout_s=600.0,
            key_file=str(home / "work.key"),
        )
    ]


def test_a_mount_point_that_cannot_be_made_is_left_to_the_default(home: Path) -> None:
    volume(home, "work")
    favourite(home, "work", idleTimeOut="soon")
    (item,) = found(home)
    assert (item.mountpoint, item.idle_timeout_s, item.reason) == ("", None, "")


def test_a_reverse_favourite_stays_one(home: Path) -> None:
    volume(home, "docs", REVERSE_CONF)
    favourite(home, "docs")
    assert found(home)[0].reverse


def test_a_favourite_inside_of_a_flatpak_is_found(home: Path) -> None:
    volume(home, "work")
    favourite(home, "work")
    config = home / ".var" / "app" / "io.github.mhogomchungu.sirikali" / "config"
    config.mkdir(parents=True)
    (home / ".config" / "SiriKali").rename(config / "SiriKali")
    assert [item.name for item in found(home)] == ["work"]


@pytest.mark.parametrize(
    ("marker", "kind"), [("cryfs.config", "CryFS"), (".encfs6.xml", "EncFS"), ("x", "no volume")]
)
def test_a_favourite_of_another_kind_is_named_and_left_out(
    home: Path, marker: str, kind: str
) -> None:
    volume(home, "other", marker)
    favourite(home, "other")
    (item,) = found(home)
    assert kind in item.reason


def test_a_remote_favourite_and_a_missing_directory_are_left_out(home: Path) -> None:
    favourite(home, "far", volumePath="sshfs ada@example.org:/srv")
    favourite(home, "gone")
    reasons = [item.reason for item in found(home)]
    assert "not in a directory of this machine" in reasons[0]
    assert "is not there" in reasons[1]


@pytest.mark.parametrize("content", ["{", "[]", '{"volumePath": 3}'])
def test_a_broken_favourite_is_told_and_the_others_are_found(home: Path, content: str) -> None:
    volume(home, "work")
    favourite(home, "work")
    (home / ".config" / "SiriKali" / "favorites" / "broken.json").write_text(content)
    broken, work = found(home)
    assert (broken.name, work.name) == ("broken.json", "work")
    assert "could not be read" in broken.reason


PLASMA = r"""[$Version]
update_info=x

[/home/ada/.local/share/plasma-vault/Work.enc]
activities=
backend=gocryptfs
lastStatus=2
mountPoint=/home/ada/Vaults/Work
name=Arbeit \x26 Mehr\s
offlineOnly=false

[/home/ada/of\x5bficial\x5d.enc]
backend=cryfs
mountPoint[$e]=$HOME/Vaults/Official
name=Official

[Nested][Group]
name=no

[EncryptedDevices]
/home/ada/.local/share/plasma-vault/Work.enc=true
/home/ada/of\x5bficial\x5d.enc=false
"""


def test_a_file_of_kconfig_is_read_with_its_escapes() -> None:
    groups = parse_kconfig(PLASMA.encode(), home="/home/ada")
    assert groups["/home/ada/.local/share/plasma-vault/Work.enc"]["name"] == "Arbeit & Mehr "
    assert groups["/home/ada/of[ficial].enc"]["mountPoint"] == "/home/ada/Vaults/Official"
    assert list(groups["EncryptedDevices"]) == [
        "/home/ada/.local/share/plasma-vault/Work.enc",
        "/home/ada/of[ficial].enc",
    ]
    assert "no" not in {group.get("name") for group in groups.values()}


def test_what_kwriteconfig_wrote_is_read_back() -> None:
    """The file is what kwriteconfig5 of KDE Frameworks 5.103 makes of these names."""
    written = r"""[/home/ada/Ge\x5bheim\x5d = ö #1]
backend=gocryptfs
mountPoint=/home/ada/Vaults/ö = x
name=Arbeit & Mehr\s

[EncryptedDevices]
/home/ada/Ge\x5bheim\x5d \x3d ö #1=true
"""
    device = "/home/ada/Ge[heim] = ö #1"
    assert parse_kconfig(written.encode(), home="/home/ada") == {
        device: {
            "backend": "gocryptfs",
            "mountPoint": "/home/ada/Vaults/ö = x",
            "name": "Arbeit & Mehr ",
        },
        "EncryptedDevices": {device: "true"},
    }


def test_vaults_of_plasma_are_found_and_cryfs_is_left_out(home: Path) -> None:
    (home / ".config").mkdir(exist_ok=True)
    text = PLASMA.replace("/home/ada", str(home))
    (home / ".config" / "plasmavaultrc").write_text(text)
    cipherdir = home / ".local" / "share" / "plasma-vault" / "Work.enc"
    cipherdir.mkdir(parents=True)
    (cipherdir / CONF).touch()
    (home / "Vaults").mkdir()
    work, official = found(home, "plasma")
    assert work == Importable(
        "Plasma Vault", "Arbeit & Mehr", str(cipherdir), str(home / "Vaults" / "Work")
    )
    assert "cryfs" in official.reason


def test_vaults_of_gnome_are_found_in_both_of_its_formats(home: Path) -> None:
    config = home / ".var" / "app" / "io.github.mpobaschnig.Vaults" / "config"
    config.mkdir(parents=True)
    first, second = volume(home, "one"), volume(home, "two")
    legacy = f'[Eins]\nbackend = "Gocryptfs"\nencrypted_data_directory = "{first}"\n'
    (config / "user_config.toml").write_text(legacy + f'mount_directory = "{home}/Eins"\n')
    assert [(item.name, item.mountpoint) for item in found(home, "vaults")] == [
        ("Eins", f"{home}/Eins")
    ]
    current = '[5f0c4c3e-0000-4000-8000-000000000001]\nname = "Zwei"\nbackend = "Gocryptfs"\n'
    current += f'encrypted_data_directory = "{second}"\nmount_directory = ""\n'
    current += '[5f0c4c3e-0000-4000-8000-000000000002]\nname = "Drei"\nbackend = "Cryfs"\n'
    current += 'encrypted_data_directory = "/x"\nmount_directory = ""\n'
    (config / "user_config_v2.toml").write_text(current)
    two, three = found(home, "vaults")
    assert (two.name, two.reason) == ("Zwei", "")
    assert "cryfs" in three.reason


def test_somebody_elses_toml_file_is_no_list(home: Path) -> None:
    (home / ".config").mkdir(exist_ok=True)
    (home / ".config" / "user_config.toml").write_text('[theme]\nname = "dark"\n')
    assert found(home) == []


def test_what_is_known_or_listed_twice_is_added_once(home: Path) -> None:
    work, photos = volume(home, "work"), volume(home, "photos")
    favourite(home, "work")
    favourite(home, "photos")
    favourite(home, "same", volumePath=str(photos) + "/")
    known = VaultEntry(VaultId("0" * 16), "Office", str(work), "/mnt/office")
    items = {item.name: item.reason for item in found(home, known=(known,))}
    assert items["photos"] == ""
    assert sorted(reason for reason in items.values() if reason) == [
        "it is in the list already, as Office",
        "it is listed twice",
    ]


def test_names_that_are_taken_or_impossible_get_others(home: Path) -> None:
    config = home / ".config"
    config.mkdir(exist_ok=True)
    text = ""
    for number, name in enumerate(("Work", "a/b", "-x")):
        cipherdir = volume(home, f"v{number}")
        text += f"['{name}']\nencrypted_data_directory = '{cipherdir}'\nbackend='Gocryptfs'\n"
    (config / "user_config.toml").write_text(text)
    known = VaultEntry(VaultId("0" * 16), "Work", "/elsewhere", "/mnt/work")
    assert [item.name for item in found(home, known=(known,))] == ["Work 2", "a-b", "v2"]


@pytest.mark.parametrize("name", ["SiriKali/favorites/a.json", "plasmavaultrc", "user_config.toml"])
def test_a_pipe_or_a_device_in_the_place_of_a_list_keeps_nobody_waiting(
    home: Path, name: str
) -> None:
    file = home / ".config" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(file)
    assert "Illegal seek" in found(home)[0].reason
    file.unlink()
    file.symlink_to("/dev/zero")
    assert "Illegal seek" in found(home)[0].reason
    file.unlink()
    with file.open("wb") as sparse:
        sparse.truncate(1 << 33)
    assert "File too large" in found(home)[0].reason


def test_brackets_by_the_thousand_in_a_list_are_told(home: Path) -> None:
    favourite(home, "work")
    (file,) = (home / ".config" / "SiriKali" / "favorites").iterdir()
    file.write_text("[" * 100_000)
    (home / ".config" / "user_config.toml").write_text("a = " + "[" * 100_000)
    assert ["not JSON" in found(home)[0].reason, "not TOML" in found(home)[1].reason] == [True] * 2


@pytest.mark.parametrize("place", ["/a\0b", "/a\ud800b"])
def test_a_text_that_can_be_no_path_is_told(home: Path, place: str) -> None:
    favourite(home, "work", volumePath=place)
    favourite(home, "works", mountPointPath=place, volumePath=str(volume(home, "works")))
    assert [item.reason for item in found(home)] == ["it is not in a directory of this machine"] * 2
