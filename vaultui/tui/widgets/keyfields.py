"""Fields for keys: the one that opens a vault now, and a new password."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from vaultui.model.errors import (
    KeyFileIncorrect,
    KeyFileNeeded,
    KeyFileUnusable,
    PasswordEmpty,
    PasswordMismatch,
    RecoveryKeyMistyped,
    VaultuiError,
)
from vaultui.model.language import _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.widgets.form import Field
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.wording import place
from vaultui.vaults import TOKEN_KIND, Key, SlotInfo, SlotKind, VaultEntry

WITH_KEY_FILE = frozenset({SlotKind.KEY_FILE.value, SlotKind.PASSWORD_AND_KEY_FILE.value})
"""The kinds of keys that a file is a part of."""


class OpenedBy(Vertical):
    """What opens a vault now: a password, or a recovery key in its place, and a key file.

    The field for the file is there where a key of the vault has one, or may have one. A FIDO2
    token takes a PIN in the place of the password.
    """

    def __init__(self, glyphs: Glyphs, entry: VaultEntry, slots: Iterable[SlotInfo]) -> None:
        super().__init__(id="opened-by", classes="group")
        self._glyphs = glyphs
        self._remembered = place(entry.key_file) if entry.key_file else ""
        self._kinds = {slot.kind for slot in slots}

    def compose(self) -> ComposeResult:
        yield Field(_("Password"), SecretInput(self._glyphs, id="current"))
        yield Field(
            _("Key file"),
            Input(self._remembered, placeholder=_("no file"), id="key-file", compact=True),
        )

    def on_mount(self) -> None:
        self._adapt()

    def told(self, slots: Iterable[SlotInfo]) -> None:
        """Take the keys of the vault, which are known by now."""
        self._kinds = {slot.kind for slot in slots}
        self._adapt()

    def _adapt(self) -> None:
        self.query_one("#key-file-field").display = self._with_file
        label, hint = _("Password"), ""
        if self.with_token:
            label, hint = "PIN", _("of the FIDO2 token; empty if it has none")
        elif self._only_recovery:
            label, hint = _("Key"), _("the recovery key, from the paper")
        elif "recovery-key" in self._kinds:
            hint = _("or the recovery key")
        self.query_one("#current-field", Field).rename(label)
        self.query_one(SecretInput).hint(hint)

    @property
    def _with_file(self) -> bool:
        # A recovery key opens by itself: a file that is remembered has no part in it.
        remembered = bool(self._remembered) and not self._only_recovery
        return bool(self._kinds & WITH_KEY_FILE) or remembered

    @property
    def _only_recovery(self) -> bool:
        return self._kinds == {SlotKind.RECOVERY_KEY.value}

    @property
    def with_token(self) -> bool:
        return TOKEN_KIND in self._kinds

    def focus_first(self) -> None:
        self.query_one("#current").focus()

    def focus_file(self) -> None:
        self.query_one("#key-file" if self._with_file else "#current").focus()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was given that could open the vault."""
        return self.query_one(SecretInput).is_empty and not self._file and not self.with_token

    @property
    def _file(self) -> str:
        return self.query_one("#key-file", Input).value.strip() if self._with_file else ""

    def key(self) -> Key:
        """Return what was filled in; the caller wipes it, and the fields keep it."""
        device = "auto" if self.with_token else ""
        return Key(self.query_one(SecretInput).copy(), as_path(self._file), device)

    def blame(self, error: VaultuiError) -> None:
        """Go to the field that an error is about; a password is wiped unless it may be right."""
        match error:
            case KeyFileUnusable() | KeyFileIncorrect() | KeyFileNeeded():
                self.focus_file()
            case RecoveryKeyMistyped():
                # Five dozen characters, and one of them wrong: they are mended, not typed again.
                self.focus_first()
            case _:
                self.wipe()

    def wipe(self) -> None:
        """Empty the password, and go there."""
        self.query_one(SecretInput).wipe()
        self.focus_first()


class NewPassword(Vertical):
    """A password that is typed twice."""

    def __init__(self, glyphs: Glyphs, *, label: str = "", hint: str = "") -> None:
        super().__init__(id="new-password")
        self._glyphs = glyphs
        self._label = label or _("New")
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield Field(self._label, SecretInput(self._glyphs, self._hint, id="password"))
        yield Field(_("Again"), SecretInput(self._glyphs, id="again"))

    @property
    def first(self) -> SecretInput:
        return self.query_one("#password", SecretInput)

    @property
    def again(self) -> SecretInput:
        return self.query_one("#again", SecretInput)

    def complaint(self) -> VaultuiError | None:
        """Return what is wrong with the two, with the focus where it can be mended."""
        if self.first.is_empty:
            self.first.focus()
            return PasswordEmpty()
        if not self.first.equals(self.again):
            self.again.wipe()
            self.again.focus()
            return PasswordMismatch()
        return None


def as_path(typed: str) -> str:
    """Return a path as it was meant: ~ is the home directory."""
    return str(Path(typed).expanduser()) if typed else ""
