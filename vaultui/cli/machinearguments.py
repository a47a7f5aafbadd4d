"""The command line of the machine and the places on it."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_verb
from vaultui.model.language import _


def add_machine(verbs: Verbs[Parser]) -> None:
    """Add the verbs that belong to no vault."""
    add_verb(
        verbs,
        "doctor",
        _("look at this machine, and say how to mend what is missing"),
        _("Exit code 52 when something is missing that vaults need."),
    )
    locate = add_verb(verbs, "locate", _("print where something is"), json=False)
    locate.add_argument("what", choices=("mount", "config", "log", "runtime", "state"))
    locate.add_argument(
        "name", metavar="NAME", nargs="?", help=_("with mount and log: of that vault")
    )
    desktop = add_verb(
        verbs,
        "install-desktop",
        _("put vaultui and its vaults into the desktop's menu"),
        _("Run it again after adding a vault."),
    )
    desktop.add_argument("name", metavar="NAME", nargs="?", help=_("one vault; all when left out"))
    desktop.add_argument("--terminal", default="", help=_("terminal to start in: foot, 'kitty -1'"))
    completion = add_verb(
        verbs, "completion", _("print a completion script for a shell"), json=False
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
