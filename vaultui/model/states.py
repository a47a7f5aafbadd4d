"""What a vault can be in, with the one glyph and word that show it everywhere."""

from enum import Enum


class VaultState(Enum):
    """The value is the stable word of `--json`; the glyph and its ASCII twin are for people."""

    LOCKED = "locked"
    UNLOCKING = "unlocking"
    OPEN = "open"
    BUSY = "busy"
    LOCKING = "locking"
    MISSING = "missing"
    BROKEN = "broken"
    HUNG = "hung"

    @property
    def glyph(self) -> str:
        return _GLYPHS[self][0]

    @property
    def ascii_glyph(self) -> str:
        return _GLYPHS[self][1]

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
