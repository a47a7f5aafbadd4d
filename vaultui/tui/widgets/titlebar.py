"""The top line: how many vaults, how many of them open, and what protects them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from vaultui.model.language import _, ngettext
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.wording import clip, shown
from vaultui.vaults import KeyringState, VaultStatus


class TitleBar(Widget):
    """Name and counts on the left; keyring and auto-lock on the right, if there is room."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; width: 100%; background: $panel; color: $foreground; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._counts = ""
        self._right: Content = Content("")

    def show(
        self,
        statuses: Sequence[VaultStatus],
        *,
        loaded: bool,
        keyring: KeyringState | None,
        notice: str,
    ) -> None:
        """Show the counts, and a notice (frozen, settings not read) where there is one."""
        open_count = sum(status.backend_pid is not None for status in statuses if status.mounted)
        idle_count = sum(bool(status.idle_timeout_s) for status in statuses if status.backend_pid)
        self._counts = (
            f" {self._glyphs.dot} ".join(
                (
                    ngettext("{count} vault", "{count} vaults", len(statuses)),
                    _("{count} open", count=open_count),
                )
            )
            if loaded
            else _("reading")
        )
        parts: list[Content | tuple[str, str] | str] = []
        if notice:
            parts += [(f"{self._glyphs.warn} {shown(notice)}", "$warning"), "   "]
        if keyring is not None:
            label = clip(shown(keyring.label) or _("none"), 32, self._glyphs.ellipsis)
            mark = (self._glyphs.yes, "$success") if keyring.usable else (self._glyphs.no, "$error")
            parts += [(_("keyring: "), "$muted"), f"{label} ", mark]
        if open_count and loaded:
            parts += [
                (f"   {_('idle lock: ')}", "$muted"),
                _("{count} of {all}", count=idle_count, all=open_count),
            ]
        self._right = Content.assemble(*parts, " ")
        self.refresh()

    def render(self) -> Content:
        left = Content.assemble((" vaultui ", "bold $primary"), "  ", (self._counts, "$foreground"))
        room = self.size.width - left.cell_length - cell_len(self._right.plain)
        return left + Content(" " * room) + self._right if room >= 2 else left
