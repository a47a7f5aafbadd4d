"""What a vault can be in, with the one glyph and word that show it everywhere."""

from enum import Enum

from vaultui.model.language import N_


class VaultState(Enum):
    """The value is the stable word of `--json`, and what `_` shows to people, with the glyph."""

    LOCKED = N_("locked")
    UNLOCKING = N_("unlocking")
    OPEN = N_("open")
    BUSY = N_("busy")
    LOCKING = N_("locking")
    MISSING = N_("missing")
    BROKEN = N_("broken")
    HUNG = N_("hung")

    @property
    def glyph(self) -> str:
        return _GLYPHS[self][0]

    @property
    def ascii_glyph(self) -> str:
        return _GLYPHS[self][1]

    @property
    def is_open(self) -> bool:
        """True where its files can be worked with."""
        return self in (VaultState.OPEN, VaultState.BUSY)

    @property
    def is_mounted(self) -> bool:
        """True where the mount table lists the vault, dead or alive."""
        return self in _MOUNTED


_GLYPHS = {
    VaultState.LOCKED: ("○", "-"),
    VaultState.UNLOCKING: ("◐", "/"),
    VaultState.OPEN: ("●", "*"),
    VaultState.BUSY: ("▲", "^"),
    VaultState.LOCKING: ("◑", "\\"),
    VaultState.MISSING: ("◌", "?"),
    VaultState.BROKEN: ("✖", "x"),
    VaultState.HUNG: ("✖", "x"),
}
_MOUNTED = frozenset(
    {VaultState.OPEN, VaultState.BUSY, VaultState.LOCKING, VaultState.BROKEN, VaultState.HUNG}
)
