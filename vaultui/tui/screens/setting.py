"""One setting, to be changed: a field, one of some values, or several of them."""

from __future__ import annotations

from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.choice import Choice, Choices, Option
from vaultui.tui.widgets.form import Field, Tick
from vaultui.tui.wording import shown
from vaultui.vaults import SettingKind, SettingRow

_NOTES: Final = {
    "sleep": N_("when the machine is about to sleep"),
    "screen": N_("when the screen is locked"),
    "logout": N_("when you log out, or the machine shuts down"),
    "retry": N_("It is tried again for a while; then it stays open, and that is said."),
    "lazy": N_("It goes out of sight at once; whoever holds a file keeps it."),
    "kill": N_("The processes that hold it are ended. What they have not saved is lost."),
    "leave": N_("It stays open, and that is said."),
    "dark": N_("Light text on a dark ground."),
    "light": N_("Dark text on a light ground."),
    "high-contrast": N_("Black and white, and few strong colours."),
    "ansi": N_("The sixteen colours that the terminal has."),
}
"""What the values of settings mean."""
_HINTS: Final = {
    SettingKind.TIME: N_("never; or 15m, 1h30m"),
    SettingKind.PATH: N_("a path that begins with / or ~/"),
    SettingKind.TEXTS: N_("several, with commas between them"),
    SettingKind.COMMANDS: N_("several, with ;; between them"),
}


class SettingScreen(FormScreen[SettingRow]):
    """Answers with the setting as it is then."""

    go = N_("Change")
    keys = N_("Enter changes it  Esc goes back")

    def __init__(self, row: SettingRow, name: str | None) -> None:
        """Take a setting, and the vault that it is of, or None for the program."""
        super().__init__(id="setting")
        self._row = row
        self._of = name

    def title_text(self) -> str:
        return self._row.key

    def fields(self) -> ComposeResult:
        setting = self._row.setting
        sentence = _(setting.sentence)
        yield Static(f"{sentence[:1].upper()}{sentence[1:]}.", classes="quiet", markup=False)
        if setting.kind is SettingKind.CHOICE:
            options = [Option(value, value, _(_NOTES.get(value, ""))) for value in setting.choices]
            choice = Choice(self.vaultui.glyphs, options, self._row.text, id="value")
            yield Choices([(_("Value"), choice)], told="value")
        elif setting.kind is SettingKind.CHOICES:
            chosen = self._row.value if isinstance(self._row.value, list) else []
            with Vertical(classes="group"):
                for word in setting.choices:
                    label = f"{word}: {_(_NOTES[word])}" if word in _NOTES else word
                    yield Tick(label, word in chosen, id=f"value-{word}")
        else:
            hint = _(_HINTS.get(setting.kind, ""))
            text = Input(shown(self._row.text), placeholder=hint, id="value", compact=True)
            yield Field(_("Value"), text)

    def on_mount(self) -> None:
        if self._row.setting.kind is SettingKind.CHOICES:
            self.query(Tick).first().focus()
        else:
            self.query_one("#value").focus()

    def submit(self) -> None:
        vaults, key = self.vaultui.vaults, self._row.key
        change = partial(vaults.settings.set, key, self._value(), self._of)
        self.attempt(_("Changing it"), change, self.dismiss)

    def _value(self) -> str | list[str]:
        match self._row.setting.kind:
            case SettingKind.CHOICE:
                return self.query_one("#value", Choice).value
            case SettingKind.CHOICES:
                ticks = self.query(Tick).results(Tick)
                return [str(tick.id).removeprefix("value-") for tick in ticks if tick.value]
            case _:
                return self.typed("value")
