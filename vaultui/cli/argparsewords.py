"""What argparse itself says, in the language in use.

It looks its words up in the catalogue of Python, which has none; that of this program has them.
"""

from __future__ import annotations

import argparse

from vaultui.model.language import N_, _, ngettext

_WORDS = (
    N_("usage: "),
    N_("positional arguments"),
    N_("options"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("the following arguments are required: %s"),
    N_("unrecognized arguments: %s"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("expected at least one argument"),
    N_("ignored explicit argument %r"),
    N_("not allowed with argument %s"),
    N_("one of the arguments %s is required"),
    N_("invalid %(type)s value: %(value)r"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
)
"""Here for those who collect what is to be translated; they are looked up by argparse."""


def translate_argparse() -> None:
    """Have argparse look its words up where ours are, from now on."""
    # Its module has no other door: these are the names by which it calls gettext.
    vars(argparse).update(_=_, ngettext=ngettext)
