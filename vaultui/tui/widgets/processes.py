"""The Processes pane: who holds the vault, through which file, and a way to end them."""

from __future__ import annotations

from textual import events, work
from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.tui.widgets.holdertable import HolderTable
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import shown
from vaultui.vaults import Holder, VaultStatus


class Processes(Pane):
    """The holders of an open vault, asked for again with every new state."""

    KEYS = (
        ("t", N_("ask the process to end (TERM)")),
        ("x", N_("kill it, after a question (KILL)")),
        ("c", N_("copy the path that it holds")),
    )

    def __init__(self) -> None:
        super().__init__(id="processes-pane")
        self._holders: list[Holder] = []

    def compose(self) -> ComposeResult:
        yield Static(id="processes-note", markup=False)
        yield HolderTable(id="holders")

    def vault_changed(self) -> None:
        self._holders = []
        self._draw()

    def state_changed(self) -> None:
        if self.status is None or not self.status.mounted:
            self._holders = []
            self._draw()
        elif not any(worker.group == "holders" and not worker.is_finished
                     for worker in self.workers):  # fmt: skip
            self._look(self.status)

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    @work(group="holders")
    async def _look(self, status: VaultStatus) -> None:
        try:
            holders = await self.vaultui.vaults.holders(status.entry.name)
        except VaultuiError as error:
            self.query_one("#processes-note", Static).update(shown(error.summary))
            return
        if self.status is not None and self.status.entry.id == status.entry.id:
            self._holders = holders
            self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if self.status is None or width <= 0:
            return
        self.query_one("#processes-note", Static).update(self._note(self.status))
        mountpoint = self.status.mountpoint or self.status.entry.mountpoint
        self.query_one(HolderTable).show(self._holders, mountpoint, width)

    def _note(self, status: VaultStatus) -> str:
        name = shown(status.entry.name)
        if not status.mounted:
            return _(
                "{name} is {state}: nothing can hold it.", name=name, state=_(status.state.value)
            )
        if status.state is VaultState.BROKEN:
            return _("{name} is broken; R detaches its dead mount.", name=name)
        if not self._holders:
            return _("Nothing holds {name}: it can be locked.", name=name)
        return _("t asks the process to end   x kills it   c copies the path")
