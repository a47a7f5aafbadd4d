"""import, and add without a directory: vaults that lie on this machine already."""

from __future__ import annotations

from pathlib import Path

from shelltwin import RealVolume, Shell


def test_vaults_of_another_manager_are_told_added_and_then_known(
    shell: Shell, volume: RealVolume, home: Path
) -> None:
    config = home / ".config" / "plasmavaultrc"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        f"[{volume.cipherdir}]\nbackend=gocryptfs\nname=Arbeit\nmountPoint={home}/Arbeit\n\n"
        f"[/gone]\nbackend=encfs\nname=Old\n\n"
        f"[EncryptedDevices]\n{volume.cipherdir}=true\n/gone=true\n"
    )
    before = config.read_bytes()
    told = shell("import", "--dry-run").check().text
    assert "Arbeit would be added" in told
    assert "Old of Plasma Vault is left out: it is of the kind encfs" in told
    assert shell.json("list") == {"vaults": []}
    done = shell.json("import", "--from", "plasma")
    assert [(vault["name"], vault["mountpoint"]) for vault in done["vaults"]] == [
        ("Arbeit", f"{home}/Arbeit")
    ]
    assert shell.unlock("Arbeit")["vault"]["mountpoint"] == f"{home}/Arbeit"
    assert "in the list already" in shell("import").check().text
    assert config.read_bytes() == before


def test_vaults_that_lie_around_are_told_with_the_command_that_adds_them(
    shell: Shell, volume: RealVolume, home: Path
) -> None:
    place = home / "Old drive" / "work.c"
    place.parent.mkdir()
    volume.cipherdir.rename(place)
    told = shell("add").check().text.strip()
    assert told == f"vaultui add '{place}'"
    assert shell.json("add") == {"found": [str(place)]}
    assert shell.error("add", "--name", "Work")["code"] == "usage"
    shell("add", place, "--name", "Work").check()
    assert shell.json("add") == {"found": []}
