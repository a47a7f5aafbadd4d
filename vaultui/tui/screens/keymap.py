"""Other keys for actions: each action with its keys, and a dialog that takes the next key."""

from __future__ import annotations

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.actions import ACTIONS, Action
from vaultui.tui.keymap import taken_by
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure
from vaultui.tui.wording import fit

_KEY_CELLS = 14
_LABEL_CELLS = 16
_RESERVED = frozenset(
    {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "space", "tab"}
    | {"shift+tab", "escape", "backspace", "delete", "ctrl+c", "ctrl+q"}
)
"""What moves through lists and forms, and leaves them."""


class KeymapScreen(Dialog[None]):
    """Lists every action; Enter asks for its key. What was changed is bold."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("delete,backspace,x", "reset", "Back to the default", show=False),
        Binding("q", "cancel", "Close", show=False),
    ]
    CSS = """
    KeymapScreen #choices { max-height: 24; margin: 0; }
    KeymapScreen #in-the-file { margin: 1 0 0 0; }
    """

    def __init__(self) -> None:
        super().__init__(id="keymap")

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(box, _("Keymap"), _("Enter changes  x default  Esc goes back"))
            yield OptionList(id="choices", compact=True)
            yield Static(id="in-the-file", classes="quiet", markup=False)
            yield Failure(self.vaultui.glyphs)

    def on_mount(self) -> None:
        self.query_one("#choices").focus()
        self._read()

    @on(OptionList.OptionHighlighted)
    def _tell(self) -> None:
        text = _("In the settings file it is {id}, below [keys].", id=f'"{self._action.id}"')
        self.query_one("#in-the-file", Static).update(text)

    def _read(self) -> None:
        given = self.vaultui.vaults.settings.program.keys
        options = self.query_one("#choices", OptionList)
        at = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(_line(action, given.get(action.id, ""))) for action in ACTIONS)
        options.highlighted = at

    @property
    def _action(self) -> Action:
        return ACTIONS[self.query_one("#choices", OptionList).highlighted or 0]

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        action = self._action

        def pressed(key: str | None) -> None:
            if key:
                self._give(action, key)

        self.app.push_screen(KeyScreen(action), pressed)

    def _give(self, action: Action, key: str) -> None:
        """Give an action a key that nothing else has."""
        program = self.vaultui.vaults.settings.program
        other = taken_by(key, program.keys)
        if key in _RESERVED:
            text = _("{key} stays what it is: it is wanted in every dialog.", key=key)
            self.query_one(Failure).say(text)
        elif other and other != action.id:
            text = _("{key} is taken already: {action}.", key=key, action=other)
            self.query_one(Failure).say(text)
        else:
            self._change(action, key)

    def action_reset(self) -> None:
        if self._action.id in self.vaultui.vaults.settings.program.keys:
            self._change(self._action, "")

    @work(group="change", exclusive=True)
    async def _change(self, action: Action, key: str) -> None:
        settings = self.vaultui.vaults.settings
        failure = self.query_one(Failure)
        try:
            if key:
                await settings.set(f"keys.{action.id}", key)
            else:
                await settings.unset(f"keys.{action.id}")
        except VaultuiError as error:
            failure.show(error)
            return
        failure.show(None)
        self._read()
        self.vaultui.settings_changed()


class KeyScreen(Dialog[str]):
    """Answers with the next key that is pressed, as the settings file has it."""

    def __init__(self, action: Action) -> None:
        super().__init__(id="key")
        self._action = action

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, _(self._action.label))
            yield Static(_("Press the key for: {help}.", help=_(self._action.help)), markup=False)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        plain = event.character is not None and event.is_printable and event.character not in " ,"
        self.dismiss(str(event.character) if plain else event.key)


def _line(action: Action, given: str) -> Content:
    keys = given or action.key_text or action.keys
    return Content.assemble(
        (f" {fit(keys, _KEY_CELLS)} ", "bold $accent" if given else "$accent"),
        (fit(_(action.label), _LABEL_CELLS), "bold" if given else ""),
        (f" {_(action.help)}", "$muted"),
    )
