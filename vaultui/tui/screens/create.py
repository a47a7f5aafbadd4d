"""Creating a vault: a directory, a password typed twice, and what the vault is made of."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.screens.masterkey import MasterKeyScreen
from vaultui.tui.screens.recoverykey import RecoveryKeyScreen
from vaultui.tui.widgets.choice import Choice, Choices, Option
from vaultui.tui.widgets.derivationchoice import DerivationChoice
from vaultui.tui.widgets.form import Failure, Field, Tick
from vaultui.tui.widgets.keyfields import NewPassword, as_path
from vaultui.tui.wording import place, sentence
from vaultui.vaults import (
    CONTENT_CHOICES,
    NAMES_CHOICES,
    Created,
    Derivation,
    Flavour,
    Key,
    KeyAdded,
    NewKey,
    SlotKind,
    VaultEntry,
    parse_duration,
)

_NAMES = {
    "EME": N_("encrypted"),
    "deterministic": N_("encrypted alike"),
    "plaintext": N_("in the clear"),
}


@dataclass(frozen=True)
class _Made:
    created: Created
    recovery: KeyAdded | None


class CreateScreen(FormScreen[VaultEntry]):
    """Answers with the new entry, after its keys were shown."""

    go = N_("Create")
    keys = N_("Enter creates it  Esc cancels")

    def __init__(self) -> None:
        super().__init__(id="create")

    def title_text(self) -> str:
        return _("Create a vault")

    def fields(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        mountpoint = f"{place(self.vaultui.vaults.settings.program.vaults_dir)}/NAME"
        with Vertical(classes="group"):
            for label, name, placeholder in (
                (_("Cipher dir"), "cipherdir", _("~/Sync/work.c; an empty or new directory")),
                (_("Name"), "name", _("that of the directory")),
                (_("Mount at"), "mountpoint", mountpoint),
                (_("Idle lock"), "idle", _("as in the settings; or 15m, 1h30m")),
            ):
                yield Field(label, Input(placeholder=placeholder, id=name, compact=True))
        with Vertical(classes="group"):
            yield NewPassword(glyphs, label=_("Password"))
            none = _("none; with one, both are needed")
            yield Field(_("Key file"), Input(placeholder=none, id="key-file", compact=True))
        content = [
            Option(value, value, sentence(_(note))) for value, note in CONTENT_CHOICES.items()
        ]
        names = [
            Option(value, _(_NAMES[value]), sentence(_(note)))
            for value, note in NAMES_CHOICES.items()
        ]
        yield Choices(
            [
                (_("Content"), Choice(glyphs, content, id="content")),
                (_("Names"), Choice(glyphs, names, id="names")),
                (_("Derived by"), DerivationChoice(glyphs, id="derivation")),
            ],
            told="derivation",
        )
        yield Tick(_("Recovery key (not for gocryptfs)"), id="recovery")

    def on_mount(self) -> None:
        self.query_one("#cipherdir").focus()

    def submit(self) -> None:
        if not self.typed("cipherdir"):
            self.complain(_("Which directory?"), "cipherdir")
            return
        try:
            idle = parse_duration(self.typed("idle")) if self.typed("idle") else None
        except ValueError as error:
            self.complain(sentence(_(error.args[0])), "idle")
            return
        complaint = self.query_one(NewPassword).complaint()
        if complaint is not None:
            self.query_one(Failure).show(complaint)
            return
        self.attempt(_("Making the vault"), lambda: self._create(idle), self._made)

    async def _create(self, idle: float | None) -> _Made:
        file = as_path(self.typed("key-file"))
        with self.query_one(NewPassword).first.copy() as password:
            created = await self.vaultui.vaults.listing.create(
                self.typed("cipherdir"),
                password,
                name=self.typed("name") or None,
                mountpoint=self.typed("mountpoint") or None,
                idle_timeout_s=idle,
                flavour=self._flavour(),
                key_file=file,
            )
            recovery = None
            if self.query_one("#recovery", Tick).value:
                recovery = await self._add_recovery_key(created.entry, Key(password, file))
        return _Made(created, recovery)

    def _flavour(self) -> Flavour:
        content, names, derivation = (
            self.query_one(f"#{name}", Choice).value for name in ("content", "names", "derivation")
        )
        return Flavour(content, names, argon2id=derivation == Derivation.ARGON2ID.value)

    async def _add_recovery_key(self, entry: VaultEntry, key: Key) -> KeyAdded | None:
        # The vault is made by now: what fails here must not hide its master key.
        try:
            return await self.vaultui.vaults.keys.add(
                entry.name, key, NewKey(SlotKind.RECOVERY_KEY)
            )
        except VaultuiError as error:
            self.vaultui.say(
                _(
                    "There is no recovery key: {summary} K lists the keys of a vault, "
                    "and r makes one.",
                    summary=error.summary,
                ),
                severity="warning",
            )
            return None

    def _made(self, made: _Made) -> None:
        entry, recovery = made.created.entry, made.recovery
        self.query_one(".dialog").display = False

        def master_key_seen(_nothing: None) -> None:
            if recovery is None or recovery.recovery_key is None:
                self.dismiss(entry)
                return
            screen = RecoveryKeyScreen(entry, recovery.slot, recovery.recovery_key)
            self.app.push_screen(screen, lambda _nothing: self.dismiss(entry))

        self.app.push_screen(MasterKeyScreen(made.created), master_key_seen)
