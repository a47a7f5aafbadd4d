"""The page of the private screen that shows the master key of a new vault."""

from __future__ import annotations

from typing import Final

from vaultui.cli.output import shown
from vaultui.cli.privatescreen import private_screen
from vaultui.cli.session import Session
from vaultui.model.errors import Cancelled
from vaultui.model.language import _
from vaultui.model.secret import Secret

_GROUP: Final = 8
_GROUPS_IN_LINE: Final = 4


def show_master_key(session: Session, name: str, key: Secret) -> None:
    """Show it until Enter is pressed, in groups with dashes, as `vaultfs` takes it."""
    vault = shown(name)
    try:
        with private_screen(ascii_only=session.output.ascii_only) as screen:
            screen.clear()
            screen.line(_("Master key of {vault}", vault=vault))
            screen.line()
            with key.hexadecimal() as digits, _grouped(digits) as text, text.view as view:
                step = (_GROUP + 1) * _GROUPS_IN_LINE
                for start in range(0, len(view), step):
                    screen.secret_line("    ", view[start : start + step])
            screen.line()
            screen.line(
                _(
                    "It opens {vault} when the password is forgotten or gocryptfs.conf is lost. "
                    "Write it down, or print it, and keep it where your passport is: whoever has "
                    "it needs no password. It is shown this once, and leaves no trace in the "
                    "terminal.",
                    vault=vault,
                )
            )
            screen.line()
            screen.ask(_("Enter goes on. ")).wipe()
    except (KeyboardInterrupt, Cancelled):
        # The vault is made, and stays: to leave the screen is not to undo it.
        return


def _grouped(digits: Secret) -> Secret:
    with digits.view as view:
        # As large as it gets at once: a buffer that grows leaves copies of itself behind.
        text = bytearray(b"-" * (len(view) + (len(view) - 1) // _GROUP))
        for place, digit in enumerate(view):
            text[place + place // _GROUP] = digit
    return Secret(text)
