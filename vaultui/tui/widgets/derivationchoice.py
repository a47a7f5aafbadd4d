"""The choice between scrypt and Argon2id, with what each costs on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import work

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.widgets.choice import Choice, Option
from vaultui.vaults import Calibrated, Derivation, SlotInfo

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp


class DerivationChoice(Choice):
    """Has both measured as soon as it is there, and says what came out."""

    def __init__(
        self,
        glyphs: Glyphs,
        value: str = "",
        *,
        keep: bool = False,
        id: str,  # noqa: A002
    ) -> None:
        """Take what is chosen at first; with `keep`, things may stay as they are."""
        super().__init__(glyphs, _options(None, keep=keep), value, id=id)
        self._keep = keep

    def on_mount(self) -> None:
        self._measure()

    @work(group="measure")
    async def _measure(self) -> None:
        try:
            measured = await cast("VaultuiApp", self.app).vaults.keys.calibrate()
        except VaultuiError:
            return  # the choice is the same without its figures
        self.offer(_options(measured, keep=self._keep))


def _options(measured: Calibrated | None, *, keep: bool = False) -> list[Option]:
    scrypt = _("gocryptfs opens the vault as well.")
    argon2id = _(
        "Guessing costs far more, on graphics cards above all; gocryptfs can't open the vault."
    )
    if measured is not None:
        scrypt = _(
            "A guess takes {seconds:.1f} s on this machine. {more}",
            seconds=measured.scrypt_s,
            more=scrypt,
        )
        argon2id = (
            _(
                "A guess takes {seconds:.1f} s here. {more}",
                seconds=measured.argon2id_s,
                more=argon2id,
            )
            if measured.argon2id
            else _("There is not enough free memory for it on this machine.")
        )
    options = [
        Option(Derivation.SCRYPT.value, "scrypt", scrypt),
        Option(Derivation.ARGON2ID.value, "Argon2id", argon2id),
    ]
    if not keep:
        return options
    as_it_is = _("The key is derived as it was.")
    return [Option(Derivation.AS_IT_IS.value, _("as it is"), as_it_is), *options]


def usual(slots: Sequence[SlotInfo]) -> str:
    """Return which of the two the keys of a vault have."""
    argon2id = any(slot.key_derivation.startswith("argon2id") for slot in slots)
    return str((Derivation.ARGON2ID if argon2id else Derivation.SCRYPT).value)
