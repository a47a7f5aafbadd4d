"""Adding a vault that exists: its cipher directory, which a search may find, and its name."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.suggester import SuggestFromList
from textual.widgets import Input, OptionList, Static

from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Field, Tick
from vaultui.tui.wording import clip_path, place, sentence
from vaultui.vaults import VaultEntry, parse_duration


class AddScreen(FormScreen[VaultEntry]):
    """Answers with the new entry. A quick look at the likely places goes ahead of a search."""

    go = N_("Add")
    keys = N_("Enter adds  F4 searches this machine  Esc cancels")
    BINDINGS = [Binding("f4", "search", "Search this machine")]  # noqa: RUF012 - as Textual has it
    CSS = """
    AddScreen #found { height: auto; max-height: 5; margin: 0 0 1 12; border: none; padding: 0 1;
                       background: $surface; }
    AddScreen #found-note { height: auto; margin: 0 0 0 12; padding: 0 1; }
    """

    def __init__(self, cipherdir: str = "") -> None:
        super().__init__(id="add")
        self._cipherdir = cipherdir
        self._found: list[Path] = []
        self._searching = False

    def title_text(self) -> str:
        return _("Add a vault")

    def fields(self) -> ComposeResult:
        yield Static(_("A directory that gocryptfs or vaultui made."), classes="quiet")
        yield Field(
            _("Cipher dir"),
            Input(self._cipherdir, placeholder="~/Sync/work.c", id="cipherdir", compact=True),
        )
        yield Static(id="found-note", classes="quiet", markup=False)
        yield OptionList(id="found", compact=True, markup=False)
        name = Input(placeholder=_("that of the directory"), id="name", compact=True)
        yield Field(_("Name"), name)
        default = f"{place(self.vaultui.vaults.settings.program.vaults_dir)}/NAME"
        mountpoint = Input(placeholder=default, id="mountpoint", compact=True)
        yield Field(_("Mount at"), mountpoint)
        idle = Input(placeholder=_("as in the settings; or 15m, 1h30m"), id="idle", compact=True)
        yield Field(_("Idle lock"), idle)
        yield Tick(_("Read-only"), id="read-only")

    def on_mount(self) -> None:
        self.query_one("#found-note").display = False
        self.query_one("#found").display = False
        self.query_one("#name" if self._cipherdir else "#cipherdir").focus()
        if not self._cipherdir:
            self._glance()

    # -- finding ----------------------------------------------------------------------------

    @work(group="discover")
    async def _glance(self) -> None:
        """Look where vaults usually are; about a second."""
        for path in await asyncio.to_thread(self.vaultui.vaults.listing.discover):
            self._offer(path)
        if self._found and not self._searching:
            note = self.query_one("#found-note", Static)
            note.update(_("Found on this machine; Tab, then Enter takes one:"))
            note.display = True

    def action_search(self) -> None:
        """Search the machine, or give that up."""
        if self._searching:
            self.workers.cancel_group(self, "search")
        else:
            self._search()

    @work(group="search", exclusive=True)
    async def _search(self) -> None:
        note = self.query_one("#found-note", Static)
        note.display = True
        self._searching = True
        folders = 0
        try:
            async with aclosing(self.vaultui.vaults.listing.scan()) as steps:
                async for step in steps:
                    folders = step.folders
                    if step.found is not None:
                        self._offer(step.found)
                    self._tell(note, folders, step.at)
        finally:
            self._searching = False
            if self.is_mounted:
                count = ngettext(
                    "Found in {count} folder: {found}",
                    "Found in {count} folders: {found}",
                    folders,
                    found=len(self._found),
                )
                note.update(count)

    def _tell(self, note: Static, folders: int, at: Path) -> None:
        head = ngettext("{count} folder, F4 stops: ", "{count} folders, F4 stops: ", folders)
        room = note.content_size.width - len(head)
        note.update(head + clip_path(place(str(at)), room, self.vaultui.glyphs.ellipsis))

    def _offer(self, path: Path) -> None:
        """Show a directory that was found, and complete what is typed with it."""
        if path in self._found:
            return
        self._found.append(path)
        options = self.query_one("#found", OptionList)
        options.add_option(place(str(path)))
        options.display = True
        if options.highlighted is None:
            options.highlighted = 0  # so that Enter takes it
        names = [str(found) for found in self._found]
        self.query_one("#cipherdir", Input).suggester = SuggestFromList(
            [*names, *(place(name) for name in names)]
        )

    @on(OptionList.OptionSelected, "#found")
    def _taken(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one("#cipherdir", Input).value = str(self._found[event.option_index])
        self.query_one("#name").focus()

    # -- adding -----------------------------------------------------------------------------

    def submit(self) -> None:
        typed = self.typed("idle")
        try:
            idle = parse_duration(typed) if typed else None
        except ValueError as error:
            self.complain(sentence(_(error.args[0])), "idle")
            return
        if not self.typed("cipherdir"):
            self.complain(_("Which directory?"), "cipherdir")
            return
        self.workers.cancel_group(self, "search")
        self.attempt(_("Looking at the volume"), lambda: self._add(idle), self.dismiss)

    async def _add(self, idle: float | None) -> VaultEntry:
        return await self.vaultui.vaults.listing.add(
            self.typed("cipherdir"),
            name=self.typed("name") or None,
            mountpoint=self.typed("mountpoint") or None,
            idle_timeout_s=idle,
            read_only=self.query_one("#read-only", Tick).value,
        )
