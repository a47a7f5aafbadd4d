"""import, as somebody types it who comes from another manager."""

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
