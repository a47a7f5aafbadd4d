"""Proves how keys are listed, added, tried, changed and removed in the application."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver import Driver, Running
from standin import StandIn
from standinkeys import ARGON2ID, RECOVERY_TEXT
from support import eventually
from textual.widgets import Input

from vaultui.model.errors import Argon2idRefused, KeyFileUnusable
from vaultui.model.secret import Secret
from vaultui.model.states import VaultState
from vaultui.tui.widgets.choice import Choice
from vaultui.tui.widgets.form import Tick
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.vaults import Key, SavedPassword

pytestmark = pytest.mark.anyio

STICK = "/media/stick/work.key"


async def to_the_keys(driver: Driver) -> None:
    """Open the list of the keys of Work, the first vault."""
    await driver.press("K")
    await driver.comes_to("keys")
    await driver.sees("Add a key")


def put(driver: Driver, field: str, text: str) -> None:
    """Fill a field of the form in front."""
    widget = driver.app.screen.query_one(f"#{field}")
    if isinstance(widget, SecretInput):
        widget.wipe()
        widget._append(text.encode())
    elif isinstance(widget, Choice):
        widget.choose(text)
        widget.post_message(Choice.Changed(widget))
    else:
        assert isinstance(widget, Input)
        widget.value = text


async def opens(vaults: StandIn, typed: str, file: str = "") -> str:
    """Return which kind of key of Work this is."""
    key = Key(Secret(bytearray(typed.encode())), file)
    return (await vaults.keys.verify("Work", key)).slot.kind


async def test_the_keys_are_listed_with_kind_label_derivation_and_day(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Work", "password+key-file", "pw", file=STICK, label="[bold]laptop[/]")
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.sees("Each of these opens the vault by itself:")
        await driver.sees("password — scrypt, 64 MiB 2023-11-14")
        await driver.sees("password and key file [bold]laptop[/] Argon2id, 512 MiB 2023-11-14")
        await driver.sees("There is no recovery key.")


async def test_a_refresh_shows_that_keys_were_changed_elsewhere(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.sees("Key password")
        vaults.keys.put("Work", "recovery-key", RECOVERY_TEXT)
        await driver.press("R")
        await driver.sees("Keys 2 K lists them")


async def test_a_vault_in_the_plain_format_says_what_a_second_key_means(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.sees("One key opens this vault: Key Label")
        await driver.sees("With a second key gocryptfs does not open the vault any more")
        await driver.press("x")
        await driver.sees("This is the only key: without it nothing would open.")
        await driver.press("d")
        await driver.sees("There is no recovery key to rehearse with; r makes one.")


async def test_a_second_password_is_added_with_its_derivation(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("a")
        await driver.comes_to("add-key")
        put(driver, "current", "secret")
        put(driver, "password", "hunter2")
        put(driver, "again", "hunter2")
        put(driver, "label", "Ada")
        put(driver, "derivation", "argon2id")
        await driver.sees("A guess takes 1.0 s here.")
        await driver.press("enter")
        await driver.hears("Work has one more key: password. gocryptfs does not open it")
        await driver.sees("password Ada Argon2id, 512 MiB")
        await driver.press("escape")
        await driver.sees("Keys 2 K lists them")
    assert await opens(vaults, "hunter2") == "password"


async def test_a_wrong_key_keeps_all_else_as_it_was_typed(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("a")
        await driver.comes_to("add-key")
        put(driver, "current", "wrong")
        put(driver, "password", "hunter2")
        put(driver, "again", "hunter2")
        put(driver, "label", "Ada")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        current = driver.app.screen.query_one("#current", SecretInput)
        assert current.is_empty
        assert current.has_focus
        assert driver.app.screen.query_one("#label", Input).value == "Ada"
        await driver.type("secret")
        await driver.press("enter")
        await driver.comes_to("keys")
    assert await opens(vaults, "hunter2") == "password"


async def test_a_key_file_asks_for_the_fields_of_its_kind(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("a")
        await driver.comes_to("add-key")
        assert "Key file" not in driver.text
        put(driver, "kind", "key-file")
        await driver.sees("keep it on a stick")
        assert "Again" not in driver.text
        put(driver, "current", "secret")
        await driver.press("enter")
        await driver.sees("Which file?")
        put(driver, "new-key-file", STICK)
        vaults.failure = KeyFileUnusable(path=STICK, reason="there is none")
        await driver.press("enter")
        await driver.sees(f"The key file {STICK} cannot be used: there is none.")
        assert driver.app.focused is driver.app.screen.query_one("#new-key-file")
        await driver.press("enter")
        await driver.comes_to("keys")
    assert await opens(vaults, "", STICK) == "key-file"


async def test_a_key_file_is_made_and_goes_again_if_the_key_is_not_added(
    running: Running, vaults: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "work.key"
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("a")
        await driver.comes_to("add-key")
        put(driver, "kind", "key-file")
        put(driver, "new-key-file", str(file))
        driver.app.screen.query_one("#make-file").value = True
        put(driver, "current", "wrong")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        assert not file.exists()
        await driver.type("secret")
        await driver.press("enter")
        await driver.comes_to("keys")
    assert file.stat().st_mode & 0o777 == 0o600
    assert await opens(vaults, "", str(file)) == "key-file"


async def test_a_vault_behind_a_token_says_that_its_key_stays_the_only_one(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.make_token("Work", pin="1234")
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("a")
        await driver.sees("it is its only key")
        await driver.press("escape", "P")
        await driver.hears("Work has no password: a FIDO2 token opens it.")


async def test_escape_ends_the_work_and_comes_back_to_the_form(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.derive.clear()
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("t")
        await driver.comes_to("try-key")
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Deriving the key…")
        await driver.press("escape")
        await driver.sees("Cancelled.")
        await eventually(lambda: vaults.keys.cancelled == ["Work"])
        vaults.keys.derive.set()
        await driver.press("enter")
        await driver.sees("It opens Work: password.")
        await driver.sees("Deriving it took 0.9 s.")


async def test_a_key_is_removed_by_showing_one_that_stays(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Work", "password", "hers", label="Ada")
    vaults.keys.saved = SavedPassword.DELETED
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("down", "x")
        await driver.comes_to("remove-key")
        await driver.sees("This takes away the password “Ada”, made 2023-11-14.")
        await driver.type("hers")
        await driver.press("enter")
        await driver.sees("opens the very slot that is to be removed")
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("The password “Ada”, made 2023-11-14 is removed. The saved password")
        await driver.comes_to("keys")
        await driver.loses("Ada")


async def test_a_password_is_changed_and_the_saved_one_with_it(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.saved = SavedPassword.REPLACED
    async with running(vaults) as driver:
        await driver.press("P")
        await driver.comes_to("change-password")
        await driver.sees("Old copies of the volume config still open with the old password.")
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Nothing would change.")
        put(driver, "password", "new one")
        await driver.press("enter")
        await driver.sees("The two passwords are not the same.")
        put(driver, "again", "new one")
        await driver.press("enter")
        await driver.hears("The key of Work is changed. The saved password is replaced as well.")
    assert await opens(vaults, "new one") == "password"


async def test_a_derivation_is_changed_with_the_password_as_it_was(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("P")
        await driver.comes_to("change-password")
        await driver.type("secret")
        put(driver, "derivation", "argon2id")
        await driver.press("enter")
        await driver.hears("The key of Work is changed.")
    assert [slot.key_derivation for slot in await vaults.keys.slots("Work")] == [ARGON2ID]
    assert await opens(vaults, "secret") == "password"


async def test_without_memory_for_argon2id_the_choice_says_so(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.argon2id = ""
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.sees("A guess takes 0.2 s on this machine. gocryptfs opens the vault as well.")
        put(driver, "derivation", "argon2id")
        await driver.sees("There is not enough free memory for it on this machine.")


async def test_a_machine_that_cannot_be_measured_offers_the_choice_without_figures(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.unmeasured = Argon2idRefused(need_mib=64, free_mib=10)
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.sees("gocryptfs opens the vault as well.")
        assert "A guess takes" not in driver.text


async def test_arrows_and_space_turn_a_choice_and_its_note(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        content = driver.app.screen.query_one("#content", Choice)
        content.focus()
        await driver.sees("Fastest on machines with AES instructions")
        await driver.press("right")
        assert content.value == "XChaCha20-Poly1305"
        await driver.sees("Faster where the processor has no AES instructions")
        await driver.press("left", "left")
        assert content.value == "AES-SIV-512"
        await driver.press("space")
        assert content.value == "AES-256-GCM"
        await driver.pilot.click("#content")
        assert content.value == "XChaCha20-Poly1305"


async def test_a_vault_is_created_of_what_was_chosen(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        for field, text in (
            ("cipherdir", "/srv/new.c"), ("password", "pw"), ("again", "pw"),
            ("key-file", STICK), ("content", "XChaCha20-Poly1305"), ("names", "plaintext"),
            ("derivation", "argon2id"),
        ):  # fmt: skip
            put(driver, field, text)
        driver.app.screen.query_one("#recovery").value = True
        await driver.press("enter")
        await driver.comes_to("master-key")
        await driver.press("escape")
        await driver.comes_to("recovery-key")
        await driver.press("escape")
        await driver.comes_to("home")
    made = vaults.flavours["new"]
    assert (made.content, made.names, made.argon2id) == ("XChaCha20-Poly1305", "plaintext", True)
    assert vaults.entry("new").key_file == STICK
    assert [slot.kind for slot in await vaults.keys.slots("new")] == ["password", "recovery-key"]


async def test_a_recovery_key_that_fails_does_not_hide_the_master_key(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.refused = Argon2idRefused(need_mib=64, free_mib=10)
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        for field, text in (("cipherdir", "/srv/new.c"), ("password", "pw"), ("again", "pw")):
            put(driver, field, text)
        driver.app.screen.query_one("#recovery").value = True
        await driver.press("enter")
        await driver.comes_to("master-key")
        await driver.hears("There is no recovery key: Argon2id takes 64 MiB")
        await driver.press("escape")
        await driver.comes_to("home")


async def test_a_missing_vault_has_no_keys_to_look_at(running: Running, vaults: StandIn) -> None:
    vaults.change("Taxes", state=VaultState.MISSING)
    async with running(vaults) as driver:
        await driver.press("j", "K")
        await driver.hears("The cipher directory of Taxes is not there.")
        assert driver.app.screen.id == "home"


async def test_a_key_file_that_opens_is_remembered_if_that_is_wanted(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Taxes", "password+key-file", "both", file=STICK)
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.comes_to("unlock")
        await driver.sees("Key file")
        await driver.type("both")
        driver.app.screen.query_one("#remember").value = True
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        await driver.type("both")
        put(driver, "key-file", STICK)
        await driver.press("enter")
        await driver.hears("Taxes is open at")
    assert vaults.entry("Taxes").key_file == STICK
    assert vaults.saved["Taxes"] == "both"


async def test_enter_on_a_checkbox_goes_on_and_space_turns_it_over(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        tick = driver.app.screen.query_one(Tick)
        tick.focus()
        await driver.press("space", "enter")
        await driver.sees("Which directory?")
        assert tick.value


async def test_no_key_file_is_asked_for_beside_a_recovery_key(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Work", "password+key-file", "both", file=STICK)
    vaults.keys.put("Work", "recovery-key", RECOVERY_TEXT)
    vaults.listing.remember_key_file("Work", STICK)
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("d")
        await driver.comes_to("drill")
        await driver.sees("Key the recovery key, from the paper")
        assert not driver.app.screen.query_one("#key-file-field").display


async def test_a_token_is_asked_for_its_pin_and_a_finger(running: Running, vaults: StandIn) -> None:
    vaults.keys.make_token("Taxes", pin="1234")
    vaults.saved["Taxes"] = "what a keyring has of it"
    vaults.derive.clear()
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.comes_to("unlock")
        await driver.sees("PIN of the FIDO2 token; empty if it has none")
        assert "Remember" not in driver.text
        await driver.type("1234")
        await driver.press("enter")
        await driver.sees("Touch the token…")
        vaults.derive.set()
        await driver.hears("Taxes is open at")


async def test_f3_shows_a_recovery_key_as_it_is_typed_and_hides_it_in_a_picture(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Work", "recovery-key", RECOVERY_TEXT)
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("t")
        await driver.comes_to("try-key")
        await driver.type(RECOVERY_TEXT[:11])
        assert RECOVERY_TEXT[:11] not in driver.text
        await driver.press("f3")
        assert RECOVERY_TEXT[:11] in driver.text
        assert "•••••••••••" in driver.app.export_screenshot()
        await driver.press("f3")
        assert RECOVERY_TEXT[:11] not in driver.text


async def test_a_password_that_is_no_ascii_is_shown_letter_by_letter(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_keys(driver)
        await driver.press("t")
        await driver.comes_to("try-key")
        put(driver, "current", "pässwörd\t漢")
        await driver.press("f3")
        assert "pässwörd??" in driver.text


async def test_a_drill_opens_the_vault_by_the_paper_and_says_what_it_read(
    running: Running, vaults: StandIn
) -> None:
    vaults.keys.put("Taxes", "recovery-key", RECOVERY_TEXT)
    async with running(vaults) as driver:
        await driver.press("j", "K")
        await driver.comes_to("keys")
        await driver.sees("recovery key")
        await driver.press("d")
        await driver.comes_to("drill")
        put(driver, "current", RECOVERY_TEXT[:-1])
        await driver.press("enter")
        await driver.sees("in group 13")
        await driver.type(RECOVERY_TEXT[-1])
        await driver.press("enter")
        await driver.sees("✓ It opened Taxes; 3 files could be read.")
        assert driver.app.screen.query_one("#current", SecretInput).is_empty


async def test_the_palette_and_the_help_know_the_keys(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("question_mark")
        await driver.comes_to("help")
        await driver.sees("P Change its password, or how the key is derived")
        await driver.press("escape", "colon")
        await driver.type("keys photos")
        await driver.press("enter")
        await driver.comes_to("keys")
        await driver.sees("Keys of Photos")
