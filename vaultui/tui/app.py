"""The application: what lives as long as it does, and the way from a key to a flow.

Screens come and go; the states (`live`), the work under way (`jobs`) and the flows belong to
the application. It starts and stops nothing by itself: open vaults stay open when it ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.driver import Driver
from textual.screen import Screen
from textual.worker import WorkerFailed

from vaultui.model.catalogue import choose
from vaultui.model.errors import TerminalMissing, VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, Phrase, _
from vaultui.tui.actions import BY_ID, Action, refusal
from vaultui.tui.commands import VaultCommands
from vaultui.tui.flows import Flows
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.jobs import Job, Jobs
from vaultui.tui.keymap import complaint, keymap
from vaultui.tui.live import LiveVaults
from vaultui.tui.quietdriver import QuietDriver
from vaultui.tui.recorders import close_recorders, detach_devtools
from vaultui.tui.screens.home import HomeScreen
from vaultui.tui.screens.vaultscreen import VaultScreen
from vaultui.tui.theme import COLOURLESS, THEME_WORDS, THEMES
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.widgets.secrettext import hidden_secrets
from vaultui.tui.wording import shown
from vaultui.vaults import KeyringState, VaultStatus

if TYPE_CHECKING:
    from vaultui.vaults import Vaults
    from vaultui.vaults.watch import Watch

_TICK_S = 0.5
_BEFORE_TEXT = frozenset({"slash", "colon"})
"""Keys that open a field for text, where no field takes them itself."""


class VaultuiApp(App[None]):
    """The application on one user's vaults; `clock` and `wall_clock` stand still in pictures."""

    TITLE = "vaultui"
    CSS_PATH = "vaultui.tcss"
    COMMANDS = App.COMMANDS | {VaultCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        vaults: Vaults,
        *,
        ascii_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take `vaults` and the words of the command line; the settings say the rest."""
        # Without colours at all, and not in shades of grey, which NO_COLOR means as well.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        detach_devtools(self)
        self.vaults = vaults
        self.glyphs = Glyphs(ascii_only)
        self.clock = clock
        self.wall_clock = wall_clock
        self.jobs = Jobs(clock, self._job_changed)
        self.live = LiveVaults(vaults, self.jobs, clock, self._show_fresh_states)
        self.flows = Flows(self)
        self.keyring: KeyringState | None = None
        self._watch: Watch | None = None
        self._keys: dict[str, str] = {}
        self._take_themes()
        self.settings_changed()
        self.set_class(ascii_only, "-ascii")

    def key_of(self, action: Action) -> str:
        """Return how the first key of an action is shown, as remapped."""
        keys = self._keys.get(action.id)
        return keys.partition(",")[0] if keys else action.shown_key

    def _take_themes(self) -> None:
        """Have our themes and no others: only these have been looked at on every screen."""
        for name in self.available_themes:
            self.unregister_theme(name)
        for theme in THEMES:
            self.register_theme(theme)

    def settings_changed(self) -> None:
        """Take over what the settings say, at the start and whenever they have changed."""
        settings = self.vaults.settings.program
        choose(settings.language)
        self.theme = COLOURLESS if self.no_color else settings.theme
        self.live.interval_s = settings.refresh_s
        if settings.keys != self._keys:
            self._keys = dict(settings.keys)
            self.set_keymap(keymap(self._keys))
            if self.is_running and (reason := complaint(self._keys)):
                self.say(reason, severity="warning")

    # -- life -------------------------------------------------------------------------------

    @property
    def crash(self) -> BaseException | None:
        """The exception that nobody expected and that ended the application, or None.

        Of a worker it is what happened there: Textual wraps that, and a report would name the
        wrapping, which was raised nowhere.
        """
        crash = self._exception
        return crash.error if isinstance(crash, WorkerFailed) else crash

    def get_driver_class(self) -> type[Driver]:
        return QuietDriver

    def get_default_screen(self) -> HomeScreen:
        return HomeScreen(self.glyphs)

    def on_mount(self) -> None:
        # A closed terminal or a logout must not leave half an unlock behind.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.set_interval(_TICK_S, self._tick, name="refresh")
        self.background(self._begin, group="begin")

    async def _begin(self) -> None:
        """Read what is running, then watch it; the keyring is asked last, for it may take long."""
        await self.live.refresh()
        await self._recover()
        if reason := complaint(self._keys):
            self.say(reason, severity="warning")
        warning = self.vaults.settings_warning
        if warning is not None:
            self.say(f"{warning.summary} {warning.hint}", severity="warning", timeout=15)
        try:
            self._watch = self.vaults.watch()
        except (VaultuiError, OSError) as error:
            reason = error.summary if isinstance(error, VaultuiError) else str(error)
            self.say(_("Changes are noticed late: {reason}", reason=reason), severity="warning")
        else:
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._noticed)
        try:
            self.keyring = await self.vaults.keyring.state()
        except VaultuiError as error:
            self.keyring = KeyringState(label="", usable=False, reason=error.summary)
        self._show_states()
        if not gc.isenabled():
            # All that is there by now stays as long as the application: a collection that went
            # through it again would hold up a key for seventy milliseconds.
            gc.freeze()
            gc.enable()

    async def _recover(self) -> None:
        """Detach mounts whose backend and keeper were both killed, and say which."""
        try:
            broken = await self.vaults.recover()
        except VaultuiError as error:
            self.say(f"{error.summary} {error.hint}", severity="warning")
            return
        for status in broken:
            self.say(
                f"{shown(status.entry.name)}: {shown(_(status.explanation))}", severity="warning"
            )
        if broken:
            await self.live.refresh()

    def _noticed(self) -> None:
        assert self._watch is not None
        if not self._watch.consume():
            return  # mounts of others: the clock looks soon enough
        self.settings_changed()
        if not self.live.frozen:
            self.background(self.live.refresh, group="refresh")

    async def _tick(self) -> None:
        # In a worker: a backend that is slow to answer must not hold up the keys.
        if not self.live.frozen:
            self.background(partial(self.live.tick, self.app_focus), group="refresh")

    async def on_unmount(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
        await self.flows.close()
        await self.jobs.close()

    # -- what screens are told --------------------------------------------------------------

    def _job_changed(self, job: Job) -> None:
        self.flows.noticing.ours(job.entry.id)
        self._show_states()
        if job.done and self.is_running:
            self.background(self.live.refresh, group="refresh")

    def _show_fresh_states(self) -> None:
        self.flows.noticing.look(self.live.statuses)
        self._show_states()

    def _show_states(self) -> None:
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, VaultScreen) and screen.is_mounted:
                screen.call_later(screen.show_states)

    def background(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        """Do `work` beside the keys. It is the application's, and goes on without its screen.

        A callable and no coroutine: a worker that never starts because the application ends
        just then would leave a coroutine that nobody awaits.
        """
        self.run_worker(work, group=group)  # type: ignore[arg-type] # mypy picks another overload

    def select(self, vault: VaultId) -> None:
        """Put the cursor of the list on a vault."""
        for screen in self.screen_stack:
            if isinstance(screen, HomeScreen):
                screen.select(vault)

    def show_tab(self, vault: VaultId, tab: str) -> None:
        """Put the cursor of the list on a vault, and go into one of its panes."""
        for screen in self.screen_stack:
            if isinstance(screen, HomeScreen):
                screen.select(vault)
                screen.call_after_refresh(screen.action_tab, tab)

    def say(
        self,
        text: str,
        *,
        severity: Literal["information", "warning", "error"] = "information",
        timeout: float | None = None,
    ) -> None:
        """Show a sentence for a while. Names and paths in it are text, never markup."""
        self.notify(text, severity=severity, timeout=timeout, markup=False)

    def copy_text(self, text: str) -> None:
        """Copy a path to the clipboard through the terminal, and say so."""
        self.copy_to_clipboard(text.encode("utf-8", "replace").decode())
        self.say(_("Copied: {text}", text=shown(text)))

    # -- from a key to a flow ---------------------------------------------------------------

    def perform(self, action_id: str, status: VaultStatus | None) -> None:
        """Do an action with a vault, or say why it does not apply."""
        action = BY_ID[action_id]
        reason = refusal(action, status)
        if reason and not (action_id == "vault.repair" and status is None):
            self.say(reason, severity="warning")
            return
        match action_id:
            case "view.freeze":
                self.live.frozen = not self.live.frozen
                self._show_states()
            case "app.help":
                self._help()
            case "app.commands":
                self.action_command_palette()
            case "app.quit":
                self.exit()
            case _:
                self.flows.perform(action_id, status)

    def action_command_palette(self) -> None:
        """Show the palette, with words of ours in its empty field."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=_("Search for commands…")))

    async def on_event(self, event: events.Event) -> None:
        """Do at once what a key does after which people type.

        A widget would pass it on, and what was typed since would have come to it before: `/l`
        would lock a vault.
        """
        if (
            isinstance(event, events.Key)
            and not event.is_forwarded
            and event.key in _BEFORE_TEXT
            and not self._is_text(event)
            and await self._check_bindings(event.key)
        ):
            return
        await super().on_event(event)

    def _is_text(self, event: events.Key) -> bool:
        """Tell whether a key is a letter for the field that is being typed into."""
        field = self.focused
        return field is not None and field.check_consume_key(event.key, event.character)

    async def action_move(self, key: str) -> None:
        """Do what a key that moves does, at once.

        As a simulated key it would come after those that were typed meanwhile: `G l` would lock
        the vault that the cursor had been on before.
        """
        await self._check_bindings(key)

    def _help(self) -> None:
        from vaultui.tui.screens.help import HelpScreen

        pane = next((pane for pane in self.screen.query(Pane) if pane.has_focus_within), None)
        if pane is None:
            self.push_screen(HelpScreen())
        else:
            self.push_screen(HelpScreen(pane.name_of_tab, pane.KEYS))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for name, words in THEME_WORDS.items():
            title = _("Colours: {theme}", theme=_(words))
            help_text = _("Kept in the settings")
            yield SystemCommand(title, help_text, partial(self._choose_theme, name))

    def _choose_theme(self, name: str) -> None:
        async def keep() -> None:
            try:
                await self.vaults.settings.set("theme", name)
            except VaultuiError as error:
                self.flows.explain(error)
            self.settings_changed()

        self.background(keep, group="settings")

    # -- secrets ----------------------------------------------------------------------------

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Return the screen as SVG, with every secret on it, or behind it, replaced by dots."""
        with hidden_secrets(self.screen_stack):
            return super().export_screenshot(title=title, simplify=simplify)

    def _fatal_error(self) -> None:
        """End without Textual's own report, which prints the locals of every frame of a crash.

        The exception goes on to whoever called `run`, where it becomes a sentence.
        """
        self._close_messages_no_wait()


def run(vaults: Vaults, *, ascii_only: bool = False) -> int:
    """Run the application until it is left, and return the exit code of the program.

    Raises TerminalMissing without a terminal, and what made the application crash.
    """
    from vaultui.vaults.protection import protect_process

    for stream, name in ((sys.stdin, N_("standard input")), (sys.stdout, N_("standard output"))):
        if stream is None or not stream.isatty():
            raise TerminalMissing(reason=Phrase("{name} is not one", name=Phrase(name)))
    close_recorders()
    protect_process()
    app = VaultuiApp(vaults, ascii_only=ascii_only)
    app.run()
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0
