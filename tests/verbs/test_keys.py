"""Keys of a vault from the shell, on volumes that the real gocryptfs made, opens, and refuses."""

from __future__ import annotations

import asyncio
import re
import stat
from pathlib import Path

import pytest
from capabilities import needs
from secretservice import gnome_keyring
from shelltwin import PASSWORD, RealVolume, Shell
from support import program, run_program
from terminal import Terminal

from vaultui.model.secret import Secret
from vaultui.vaults import Derivation, Key, NewKey, SavedPassword, SlotKind, Vaults, new_key_file

pytestmark = needs("fuse", "gocryptfs")

GROUPS = re.compile(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){12}")
SECOND_SCREEN = re.compile(r"\x1b\[\?1049h.*?\x1b\[\?1049l", re.DOTALL)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return the file of a second password."""
    path = tmp_path / "other"
    path.write_text("another\n")
    return path


@pytest.fixture
def given(shell: Shell) -> tuple[str, str]:
    """Return the options that give the first password."""
    return "--password-file", str(shell.password_file)


def gocryptfs_says(volume: RealVolume) -> str:
    """Return what the real one says of the volume; nothing where it would open it."""
    done = run_program(("gocryptfs", "-info", volume.cipherdir))
    return "" if done.returncode == 0 else done.text


def slots(shell: Shell) -> list[tuple[int, str, str]]:
    listed = shell.json("slots", "Work")["slots"]
    return [(slot["number"], slot["kind"], slot["label"]) for slot in listed]


def test_a_second_password_comes_and_goes_and_gocryptfs_is_told_of(
    shell: Shell, work: Path, volume: RealVolume, other: Path, given: tuple[str, str]
) -> None:
    new = ("--password", "--new-password-file", other, "--label", "laptop")
    added = shell("slots", "Work", "add", *new, *given).check().stdout
    assert b"Key 2 of Work is a password \xe2\x80\x9claptop\xe2\x80\x9d" in added
    assert b"gocryptfs does not open it from now on" in added
    assert "VaultuiKeySlots" in gocryptfs_says(volume)
    assert slots(shell) == [(1, "password", ""), (2, "password", "laptop")]
    opened = shell.json("slots", "Work", "verify", "--password-file", other)
    assert opened["slot"]["label"] == "laptop"
    assert opened["derivation_s"] > 0

    needed = shell.error("slots", "Work", "remove", "1", "--yes", *given)
    assert needed["code"] == "key-slot-still-needed"
    removed = shell.json("slots", "Work", "remove", "laptop", "--yes", *given)
    assert (removed["removed"]["number"], removed["gocryptfs"]) == (2, "regained")
    assert gocryptfs_says(volume) == ""
    assert slots(shell) == [(1, "password", "")]


def test_the_last_key_is_not_removed_and_no_password_is_asked_for_it(
    shell: Shell, work: Path
) -> None:
    with Terminal((program("vaultui"), "slots", "Work", "remove", "1")) as terminal:
        assert terminal.wait() == 1
        assert "nothing would open the volume" in terminal.shown
        assert "Password" not in terminal.shown


def test_a_derivation_is_converted_and_the_password_stays(
    shell: Shell, work: Path, given: tuple[str, str]
) -> None:
    converted = shell.json("slots", "Work", "convert", "--scrypt", *given)
    assert converted["gocryptfs"] == "unchanged"
    assert converted["slots"][0]["key_derivation"] == "scrypt N=65536 r=8 p=1"
    shell("slots", "Work", "verify", *given).check()


def test_a_wrong_password_is_told_before_a_new_one_is_asked_for(shell: Shell, work: Path) -> None:
    for words in (("passwd", "Work"), ("slots", "Work", "add", "--password")):
        with Terminal((program("vaultui"), *words)) as terminal:
            terminal.wait_for("Password for Work: ")
            terminal.type("wrong\n")
            terminal.wait_for("Password incorrect.")
            terminal.wait_for("Password for Work: ", times=2)
            assert "New password" not in terminal.shown
            terminal.type(PASSWORD + "\n")
            terminal.wait_for("New password for Work: ")
            terminal.type("\x03")
            assert terminal.wait() == 15


def test_a_key_is_removed_only_after_a_yes(
    shell: Shell, work: Path, given: tuple[str, str], tmp_path: Path
) -> None:
    made = ("--make-key-file", tmp_path / "work.key")
    shell("slots", "Work", "add", *made, *given).check()
    refused = shell.error("slots", "Work", "remove", "2", *given)
    assert "--yes" in refused["summary"]
    words = (program("vaultui"), "slots", "Work", "remove", "2", *given)
    for answer, told in (("\n", "Nothing was changed."), ("y\n", "is removed.")):
        with Terminal(words) as terminal:
            terminal.wait_for("Without it, Work opens with: password, made ")
            terminal.wait_for("Remove key 2, key file, made ")
            terminal.type(answer)
            assert terminal.wait() == 0
            assert told in terminal.shown
    assert len(slots(shell)) == 1


def test_a_key_file_opens_without_a_question_and_is_remembered_by_its_path(
    shell: Shell, work: Path, given: tuple[str, str], tmp_path: Path
) -> None:
    key_file = tmp_path / "work.key"
    shell("slots", "Work", "add", "--make-key-file", key_file, *given).check()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    shell("unlock", "Work", "--key-file", key_file, "--save").check()
    shell("lock", "Work").check()
    assert shell.json("list")["vaults"][0]["key_file"] == str(key_file)

    # Without the file the password opens it as before, and nothing else does.
    key_file.rename(tmp_path / "away")
    done = shell("unlock", "Work")
    assert done.returncode == 9
    assert b"The key file" in done.stderr
    shell.json("slots", "Work", "remove", "2", "--yes", *given)
    assert shell.json("list")["vaults"][0]["key_file"] is None


def test_a_vault_is_made_with_the_choices_of_its_maker(
    shell: Shell, tmp_path: Path, given: tuple[str, str]
) -> None:
    key_file, sheet = tmp_path / "k", tmp_path / "sheet.svg"
    made = shell.json(
        *("create", tmp_path / "new.c", "--name", "New", "--content", "aes-siv"),
        *("--names", "deterministic", "--make-key-file", key_file),
        *("--recovery", "--qr-svg", sheet, *given),
    )
    assert made["vault"]["key_file"] == str(key_file)
    assert (made["recovery_key"]["sheet"], made["recovery_key"]["verified"]) == (str(sheet), False)
    info = shell.json("info", "New")
    assert (info["content"], info["names"]) == ("AES-SIV-512", "deterministic")
    kinds = [slot["kind"] for slot in shell.json("slots", "New")["slots"]]
    assert kinds == ["password+key-file", "recovery-key"]
    theirs = run_program(("gocryptfs", "-info", tmp_path / "new.c"))
    assert "VaultuiKeySlots" in theirs.text
    # The password alone opens nothing, with the file it does.
    assert shell.error("unlock", "New", "--no-key-file", *given)["exit_code"] == 12
    shell("unlock", "New", *given).check()
    shell("lock", "New").check()


def test_a_key_file_that_was_made_for_a_vault_that_could_not_be_is_gone(
    shell: Shell, tmp_path: Path, given: tuple[str, str]
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").touch()
    error = shell.error("create", full, "--make-key-file", tmp_path / "k", *given)
    assert error["code"] == "cipherdir-not-empty"
    assert not (tmp_path / "k").exists()


def test_the_master_key_of_a_new_vault_is_not_left_in_the_scrollback(
    shell: Shell, tmp_path: Path
) -> None:
    words = ("create", tmp_path / "new.c", "--password-file", shell.password_file)
    with Terminal((program("vaultui"), *words, "--name", "Two words")) as terminal:
        terminal.wait_for("Enter goes on. ")
        (digits,) = re.findall(r"((?:[0-9a-f]{8}-){4})\s+((?:[0-9a-f]{8}-?){4})\s", terminal.shown)
        terminal.type("\n")
        assert terminal.wait() == 0
        left = SECOND_SCREEN.sub("", terminal.shown)
    assert not re.search(r"[0-9a-f]{8}-", left)
    assert "vaultui unlock 'Two words'" in left
    command = (program("vaultfs"), "-masterkey=stdin", "-fsck", tmp_path / "new.c")
    run_program(command, input="".join(digits).encode() + b"\n").check()


def make_recovery_key(terminal: Terminal) -> str:
    """Go through the screens that show a recovery key, and return it as one could write it down."""
    terminal.wait_for("Enter goes on. ")
    lines = re.findall(r"groups +\d+ to \d+ +([0-9A-Z-]+)", terminal.shown)
    terminal.type("\n")
    text = "-".join(lines)
    assert GROUPS.fullmatch(text)
    return text


def test_a_recovery_key_is_shown_once_typed_back_and_opens_the_vault(
    shell: Shell, work: Path, given: tuple[str, str]
) -> None:
    with Terminal((program("vaultui"), "recovery", "Work", "create", *given)) as terminal:
        text = make_recovery_key(terminal)
        # A terminal of 24 lines has room for the QR code, too.
        terminal.wait_for("Recovery key of Work: ")
        wrong = "8" if text[8] != "8" else "7"
        terminal.type(f"{text[:8]}{wrong}{text[9:]}\n".lower())
        terminal.wait_for("a mistake in group 2")
        terminal.wait_for("Recovery key of Work: ", times=2)
        terminal.type(f"{text.replace('-', ' ')}\n")
        assert terminal.wait() == 0
        assert "What was typed back opens Work." in terminal.shown
        assert text[:11] in terminal.shown
        left = SECOND_SCREEN.sub("", terminal.shown)
        assert not any(group in left.upper() for group in text.split("-"))
    assert slots(shell) == [(1, "password", ""), (2, "recovery-key", "")]
    with Terminal((program("vaultui"), "unlock", "Work")) as terminal:
        terminal.wait_for("Password for Work: ")
        terminal.type("wrong\n")
        terminal.wait_for("The recovery key can be typed in its place.")
        terminal.wait_for("Password for Work: ", times=2)
        terminal.type(f"{text}\n")
        assert terminal.wait() == 0


def test_a_recovery_key_stays_when_its_screen_is_left_and_the_paper_is_proven_later(
    shell: Shell, work: Path, given: tuple[str, str], tmp_path: Path
) -> None:
    with Terminal((program("vaultui"), "recovery", "Work", "create", *given)) as terminal:
        text = make_recovery_key(terminal)
        terminal.type("\x03")
        assert terminal.wait() == 0
        assert "It was not typed back." in terminal.shown
    paper = tmp_path / "paper"
    paper.write_text(text)
    from_paper = ("--recovery-key-file", paper)
    assert shell.json("recovery", "Work", "verify", *from_paper)["slot"]["number"] == 2

    shell.unlock()
    (work / "letter.txt").write_bytes(b"dear reader")
    assert not shell.json("recovery", "Work", "drill", *from_paper)["rehearsed"]
    assert shell.state() == "open"
    shell("lock", "Work").check()
    # What is run when the vault is really opened has no part in a rehearsal.
    hook = ("before_lock", f": > {tmp_path}/hook; exit 1")
    shell("settings", "set", *hook, "--vault", "Work").check()
    drilled = shell.json("recovery", "Work", "drill", *from_paper)
    assert not (tmp_path / "hook").exists()
    assert (drilled["rehearsed"], drilled["files"], drilled["bytes"]) == (True, 1, 11)
    assert shell.state() == "locked"
    assert not list((shell.home / ".cache").glob("drill-*"))

    # A password is no recovery key, although it opens the vault.
    error = shell.error("recovery", "Work", "drill", "--recovery-key-file", shell.password_file)
    assert error["code"] == "recovery-key-incorrect"
    # What it is for: a new password, in the place of one that is forgotten.
    new = tmp_path / "new"
    new.write_text("remembered\n")
    shell("passwd", "Work", "--password-file", paper, "--new-password-file", new).check()
    assert shell.json("slots", "Work", "verify", "--password-file", new)["slot"]["number"] == 1


def test_without_a_terminal_a_recovery_key_goes_to_a_new_file_or_is_not_made(
    shell: Shell, work: Path, given: tuple[str, str], tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.svg"
    assert "--qr-svg" in shell.error("recovery", "Work", "create", *given)["summary"]
    sheet.write_text("precious")
    error = shell.error("recovery", "Work", "create", "--qr-svg", sheet, *given)
    assert error["code"] == "file-not-made"
    assert sheet.read_text() == "precious"
    sheet.unlink()
    done = shell("recovery", "Work", "create", "--qr-svg", sheet, *given).check()
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert not GROUPS.search(done.text)
    texts = re.findall(r'<text x="50%" y="\d+">([0-9A-Z-]+)</text>', sheet.read_text())
    paper = tmp_path / "paper"
    paper.write_text("-".join(texts))
    shell("recovery", "Work", "verify", "--recovery-key-file", paper).check()


def test_a_key_file_that_is_not_there_is_told_before_the_password_is_asked_for(
    shell: Shell, tmp_path: Path, given: tuple[str, str]
) -> None:
    key_file = tmp_path / "k"
    shell(
        "create", tmp_path / "new.c", "--name", "New", "--make-key-file", key_file, *given
    ).check()
    key_file.rename(tmp_path / "away")
    assert shell.error("unlock", "New")["code"] == "key-file-unusable"
    assert shell.error("slots", "New", "verify", "--no-key-file")["code"] == "key-file-needed"


@needs("gnome-keyring", "dbus")
def test_a_wrong_saved_password_does_not_keep_the_password_from_being_changed(
    shell: Shell, work: Path, bus: None
) -> None:
    with gnome_keyring("login"):
        wrong = Secret(bytearray(b"of another day"))
        asyncio.run(Vaults.open().keyring.save("Work", wrong))
        with Terminal((program("vaultui"), "passwd", "Work")) as terminal:
            terminal.wait_for("The saved password of Work is incorrect")
            terminal.wait_for("Password for Work: ")
            terminal.type(PASSWORD + "\n")
            for question in ("New password for Work: ", "The same again: "):
                terminal.wait_for(question)
                terminal.type("another\n")
            assert terminal.wait() == 0
        assert shell.json("slots", "Work", "verify")["slot"]["number"] == 1


@needs("gnome-keyring", "dbus")
def test_a_saved_password_is_kept_as_long_as_it_opens_the_vault(
    shell: Shell, work: Path, bus: None, given: tuple[str, str], tmp_path: Path
) -> None:
    key_file = tmp_path / "work.key"
    vaults = Vaults.open()

    async def live() -> None:
        password = Secret(bytearray(PASSWORD.encode()))
        with new_key_file(str(key_file)):
            new = NewKey(SlotKind.KEY_FILE, key_file=str(key_file))
            await vaults.keys.add("Work", Key(password), new)
        await vaults.keyring.save("Work", password)
        file = Key.only_file(str(key_file))
        changed = await vaults.keys.convert("Work", file, Derivation.SCRYPT)
        assert changed.saved is SavedPassword.UNTOUCHED
        removed = await vaults.keys.remove("Work", file, changed.slots[0])
        assert removed.saved is SavedPassword.DELETED
        assert await vaults.keyring.find("Work") is None

    with gnome_keyring("login"):
        asyncio.run(live())
