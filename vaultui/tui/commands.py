"""The command palette: every action that applies now, by name: "unlock taxes"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from vaultui.model.language import _
from vaultui.tui.actions import ACTIONS, BY_ID, Action
from vaultui.tui.screens.vaultscreen import VaultScreen
from vaultui.tui.wording import shown
from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

_KEYS_ALONE = frozenset({"app.commands", "vault.mark"})
"""Actions that make no sense in the palette."""


class VaultCommands(Provider):
    """Offers each vault action for each vault it applies to, and the actions without a vault."""

    def _commands(
        self, statuses: Sequence[VaultStatus]
    ) -> Iterator[tuple[str, Action, Callable[[], None]]]:
        screen = self.screen
        if not isinstance(screen, VaultScreen):
            return
        for action in ACTIONS:
            if action.id in _KEYS_ALONE:
                continue
            if action.id == "vault.run":
                yield from self._saved_tasks(statuses)
            label = _(action.label)
            if action.why_not is None:
                yield label, action, partial(screen.action_perform, action.id)
                continue
            for status in statuses:
                if not action.why_not(status):
                    text = f"{label} {shown(status.entry.name)}"
                    yield text, action, partial(screen.perform_on, action.id, status.entry.id)

    def _saved_tasks(
        self, statuses: Sequence[VaultStatus]
    ) -> Iterator[tuple[str, Action, Callable[[], None]]]:
        """Yield "Run Backup Work" for each task that is saved."""
        app, action = cast("VaultuiApp", self.app), BY_ID["vault.run"]
        for status in statuses:
            if action.why_not is None or action.why_not(status):
                continue
            for request in app.vaults.tasks.saved(status.entry.name).values():
                text = f"{_(action.label)} {shown(request.saved)} {shown(status.entry.name)}"
                start = partial(app.flows.running.start_saved, status.entry, request)
                yield text, action, start

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, action, command in self._commands(cast("VaultuiApp", self.app).live.statuses):
            # Scoring is dear, and most of the thousands that many vaults make are not like it.
            score = matcher.match(text) if _has_letters(text, query) else 0
            if score > 0:
                shown_text = self._highlit(text, query)
                yield Hit(score, shown_text, command, text=text, help=_(action.help))

    async def discover(self) -> Hits:
        """Offer what can be done with the selected vault, and without one."""
        selected = self.screen.selected_status if isinstance(self.screen, VaultScreen) else None
        for text, action, command in self._commands([selected] if selected else []):
            yield DiscoveryHit(Content(text), command, text=text, help=_(action.help))

    def _highlit(self, text: str, query: str) -> Content:
        """Return `text` with the matched letters marked.

        Not `Matcher.highlight`: that reads its candidate as markup, and a vault may be
        called `[red]x[/]`.
        """
        content = Content(text)
        for offset in self.matcher(query).fuzzy_search.match(query, text)[1]:
            content = content.stylize(self.match_style or "bold", offset, offset + 1)
        return content


def _has_letters(text: str, query: str) -> bool:
    """Tell whether `text` has the letters of `query`, in their order, anything in between."""
    letters = iter(text.casefold())
    return all(letter in letters for letter in query.casefold() if letter != " ")
