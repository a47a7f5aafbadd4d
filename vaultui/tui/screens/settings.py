"""The settings of the program, or of one vault: what they are, and the way to change each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.screens.keymap import KeymapScreen
from vaultui.tui.screens.setting import SettingScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.wording import clip, fit, shown
from vaultui.vaults import SettingKind, SettingRow, VaultEntry

_KEY_CELLS = 17


class SettingsScreen(Dialog[None]):
    """Lists them with their values; what is written in the file is bold, a default is not.

    Each change is written at once, into the file as the person has it.
    """

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("delete,backspace,x", "reset", "Back to the default", show=False),
        Binding("e", "edit", "Open the file in an editor", show=False),
        Binding("K", "keys", "Other keys", show=False),
        Binding("q", "cancel", "Close", show=False),
    ]
    CSS = """
    SettingsScreen #choices { max-height: 24; margin: 0; }
    SettingsScreen #sentence { height: auto; min-height: 2; margin-top: 1; color: $muted; }
    """

    def __init__(self, entry: VaultEntry | None = None) -> None:
        """Take a vault, or None for the settings of the program."""
        super().__init__(id="settings")
        self._entry = entry
        self._rows: list[SettingRow] = []

    @property
    def _of(self) -> str | None:
        """The name of the vault, as the use cases want it."""
        return self._entry.name if self._entry is not None else None

    def compose(self) -> ComposeResult:
        title = _("Settings")
        keys = _("Enter changes  x default  K keys  e editor  Esc closes")
        if self._entry is not None:
            title = _("Settings of {name}", name=shown(self._entry.name))
            keys = _("Enter changes  x default  e editor  Esc closes")
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(box, title, keys)
            yield OptionList(id="choices", compact=True)
            yield Static(id="sentence", markup=False)
            yield Failure(self.vaultui.glyphs)

    def on_mount(self) -> None:
        self.query_one("#choices").focus()
        self.call_after_refresh(self._read)

    # -- showing ----------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.call_after_refresh(self._read)  # values are cut to the width

    def _read(self) -> None:
        """Show what the settings are now; the cursor stays where it is."""
        self._rows = [
            row
            for row in self.vaultui.vaults.settings.rows(self._of)
            if row.setting.kind is not SettingKind.KEYS
        ]
        options = self.query_one("#choices", OptionList)
        at = options.highlighted or 0
        width = self.query_one(".dialog").content_size.width
        options.clear_options()
        options.add_options(Option(self._line(row, width)) for row in self._rows)
        options.highlighted = min(at, len(self._rows) - 1)
        self._explain()

    def _line(self, row: SettingRow, width: int) -> Content:
        ellipsis = self.vaultui.glyphs.ellipsis
        key = fit(row.key, _KEY_CELLS, ellipsis)
        text = clip(shown(row.text) or self.vaultui.glyphs.none, width - _KEY_CELLS - 4, ellipsis)
        return Content.assemble(
            (f" {key} ", "$accent" if row.given else "$muted"), (text, "bold" if row.given else "")
        )

    @property
    def _row(self) -> SettingRow:
        return self._rows[self.query_one("#choices", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        if not self._rows:
            return
        row = self._row
        words = [_("{key}: {sentence}.", key=row.key, sentence=_(row.setting.sentence))]
        if not row.given:
            words.append(_("Not in the file: this is what it is then."))
        status = self.vaultui.live.status(self._entry.id) if self._entry is not None else None
        if row.setting.when_locked:
            words.append(_("It can be changed while the vault is locked."))
        elif status is not None and status.mounted and row.setting.at_unlock:
            words.append(_("A change has its effect from the next unlock on."))
        self.query_one("#sentence", Static).update(" ".join(words))

    # -- changing ---------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        row = self._row
        if row.setting.kind is SettingKind.SWITCH:
            text = "false" if row.value is True else "true"
            self._change(partial(self.vaultui.vaults.settings.set, row.key, text, self._of))
        else:
            self.app.push_screen(SettingScreen(row, self._of), self._changed)

    def action_reset(self) -> None:
        row = self._row
        if row.given:
            self._change(partial(self.vaultui.vaults.settings.unset, row.key, self._of))

    @work(group="change", exclusive=True)
    async def _change(self, change: Callable[[], Awaitable[SettingRow]]) -> None:
        failure = self.query_one(Failure)
        try:
            row = await change()
        except VaultuiError as error:
            failure.show(error)
        else:
            failure.show(None)
            self._changed(row)

    def _changed(self, row: SettingRow | None) -> None:
        if row is None:
            return
        if row.key == "name" and self._entry is not None:
            # Everything that follows is asked for by the new name.
            self._entry = self.vaultui.vaults.entry(row.text)
        self._read()
        self.vaultui.settings_changed()

    def action_keys(self) -> None:
        if self._entry is None:
            self.app.push_screen(KeymapScreen())

    @work(group="edit")
    async def action_edit(self) -> None:
        """Leave the terminal to the person's editor, and tell what is wrong afterwards."""
        problem = await self.vaultui.flows.settings.edit_file()
        self.query_one(Failure).show(problem)
        self._read()
