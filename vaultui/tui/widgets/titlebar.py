"""The top line: how many vaults, how many of them open, and what protects them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content
from textual.widget import Widget

from vaultui.model.language import N_, _, ngettext
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.wording import clip, shown
from vaultui.vaults import GuardState, KeyringState, VaultStatus

_GUARDS = {
    "idle": N_("idle"),
    "sleep": N_("sleep"),
    "screen": N_("screen"),
    "logout": N_("logout"),
}
"""What locks vaults by itself, in the order in which it is shown."""
_GAP = "   "


class TitleBar(Widget):
    """Name and counts on the left; on the right what there is room for."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; width: 100%; background: $panel; color: $foreground; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._left = Content("")
        self._right: list[Content] = []
        """The most important first: the others leave a line that is too short."""

    def show(
        self,
        statuses: Sequence[VaultStatus],
        *,
        loaded: bool,
        keyring: KeyringState | None,
        notice: str,
    ) -> None:
        """Show the counts, and a notice (frozen, settings not read) where there is one."""
        backed = [status for status in statuses if status.mounted and status.backend_pid]
        counts = (
            f" {self._glyphs.dot} ".join(
                (
                    ngettext("{count} vault", "{count} vaults", len(statuses)),
                    _("{count} open", count=len(backed)),
                )
            )
            if loaded
            else _("reading")
        )
        left = Content.assemble((" vaultui ", "bold $primary"), "  ", (counts, "$foreground"))
        right = []
        if notice:
            right.append(Content.assemble((f"{self._glyphs.warn} {shown(notice)}", "$warning")))
        if backed and loaded:
            right.append(self._guards(backed))
        if keyring is not None:
            right.append(self._keyring(keyring))
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def _keyring(self, keyring: KeyringState) -> Content:
        label = clip(_(shown(keyring.label)) or _("none"), 32, self._glyphs.ellipsis)
        mark = (self._glyphs.yes, "$success") if keyring.usable else (self._glyphs.no, "$error")
        return Content.assemble((_("keyring: "), "$muted"), f"{label} ", mark)

    def _guards(self, opened: Sequence[VaultStatus]) -> Content:
        marks = " ".join(f"{_(_GUARDS[name])} {mark}" for name, mark in self._marks(opened))
        return Content.assemble((_("auto-lock: "), "$muted"), marks or _("none"))

    def _marks(self, opened: Sequence[VaultStatus]) -> Iterator[tuple[str, str]]:
        """Yield each guard that somebody asked for: in force for all open vaults, or not."""
        guards = [
            (guard.name, guard.state)
            for status in opened
            for guard in (status.detail.autolock if status.detail else ())
        ]
        for name in _GUARDS:
            states = {state for guard, state in guards if guard == name}
            if GuardState.MISSING in states:
                yield name, self._glyphs.no
            elif GuardState.ACTIVE in states:
                yield name, self._glyphs.warn if GuardState.OFF in states else self._glyphs.yes

    def render(self) -> Content:
        right = list(self._right)
        while right:
            text = Content(_GAP).join(reversed(right))
            room = self.size.width - self._left.cell_length - text.cell_length - 1
            if room >= 2:
                return self._left + Content(" " * room) + text
            right.pop()
        return self._left
