"""What a recovery key is shown and typed on: pages of the private screen."""

from __future__ import annotations

from typing import Final

from vaultui.cli.output import shown
from vaultui.cli.passwords import TRIES
from vaultui.cli.privatescreen import PrivateScreen, private_screen
from vaultui.cli.session import Session
from vaultui.model.errors import Cancelled, RecoveryKeyIncorrect, RecoveryKeyMistyped
from vaultui.model.language import _
from vaultui.model.secret import Secret
from vaultui.vaults import RecoveryKey, SlotOpened

_GROUPS: Final = 13
_GROUPS_IN_LINE: Final = 5
_GROUP: Final = 6
"""Five characters and the dash behind them."""


def show_once(session: Session, name: str, key: RecoveryKey) -> bool:
    """Show the key on a screen of its own, then the QR code; return whether it was typed back."""
    try:
        with private_screen(ascii_only=session.output.ascii_only) as screen:
            _show_text(screen, name, key.text)
            if screen.has_room_for(key.qr):
                screen.clear()
                screen.qr_code(key.qr)
                screen.ask(_("The same as a QR code. Enter goes on. ")).wipe()
            return _typed_back(session, screen, name)
    except (KeyboardInterrupt, Cancelled):
        # The key is made, and stays: to leave its screen is not to undo it.
        return False


def _show_text(screen: PrivateScreen, name: str, text: Secret) -> None:
    screen.clear()
    screen.line(_("Recovery key of {name}", name=shown(name)))
    screen.line()
    step = _GROUP * _GROUPS_IN_LINE
    with text.view as view:
        for first in range(1, _GROUPS + 1, _GROUPS_IN_LINE):
            last = min(first + _GROUPS_IN_LINE - 1, _GROUPS)
            start = (first - 1) * _GROUP
            label = _("  groups {first:>2} to {last:<2}   ", first=first, last=last)
            screen.secret_line(label, view[start : start + step - 1])
    screen.line()
    screen.line(
        _(
            "Write it down, or print it, and keep it where your passport is. Whoever has it "
            "opens {name} without a password. It is shown this once, and leaves no trace in the "
            "terminal. No letter of it is an O, I, L or U: 0 and 1 are digits.",
            name=shown(name),
        )
    )
    screen.line()
    screen.ask(_("Enter goes on. ")).wipe()


def _typed_back(session: Session, screen: PrivateScreen, name: str) -> bool:
    screen.clear()
    screen.line(
        _("Type it from the paper, to be sure of it; dashes, blanks and case don't matter.")
    )
    screen.line(_("Ctrl-C leaves that for later."))
    try:
        typed_right(session, screen, name)[0].wipe()
    except (RecoveryKeyMistyped, RecoveryKeyIncorrect):
        return False
    return True


def typed_right(session: Session, screen: PrivateScreen, name: str) -> tuple[Secret, SlotOpened]:
    """Return a recovery key that was typed and opens the vault, and which of its keys it is.

    Mistakes are told with the groups that they are in; the third one is raised.
    """
    for tries_left in reversed(range(TRIES)):
        screen.line()
        typed = screen.ask(_("Recovery key of {name}: ", name=shown(name)))
        try:
            screen.line(_("Trying it…"))
            return typed, session.run(session.vaults.keys.verify_recovery(name, typed))
        except (RecoveryKeyMistyped, RecoveryKeyIncorrect) as error:
            typed.wipe()
            if not tries_left:
                raise
            screen.line(f"{error.summary} {error.hint}")
        except BaseException:
            typed.wipe()
            raise
    raise AssertionError("the loop returns or raises")
