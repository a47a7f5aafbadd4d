"""The command line of what concerns keys: slots, recovery, passwd."""

from __future__ import annotations

from vaultui.cli.verbparser import (
    Parser,
    Verbs,
    add_derivation_options,
    add_key_options,
    add_name,
    add_new_password_options,
    add_token_option,
    add_verb,
)
from vaultui.model.language import _


def add_keys(verbs: Verbs[Parser]) -> None:
    """Add the verbs that list and change what opens a vault."""
    _add_slots(verbs)
    _add_recovery(verbs)
    passwd = add_verb(
        verbs,
        "passwd",
        _("change the password of a vault"),
        _("Old copies of its volume config still open with the old password."),
    )
    add_name(passwd)
    add_key_options(passwd)
    add_new_password_options(passwd)
    passwd.add_argument(
        "--new-key-file", metavar="FILE", help=_("FILE takes the place of the key file with it")
    )
    add_derivation_options(passwd)


def _add_slots(verbs: Verbs[Parser]) -> None:
    slots = add_verb(
        verbs,
        "slots",
        _("list and change the keys of a vault"),
        _(
            "Without an action they are listed. A vault with more than one password under scrypt "
            "is no longer opened by gocryptfs."
        ),
    )
    add_name(slots)
    actions = slots.add_subparsers(dest="action", metavar="ACTION", title="actions")
    add_verb(actions, "list", _("list them; needs no key"))
    add = add_verb(
        actions, "add", _("add a key"), _("It is the key that opens it now that is asked for")
    )
    add.add_argument("--password", action="store_true", help=_("a password more"))
    file = add.add_mutually_exclusive_group()
    file.add_argument(
        "--new-key-file", metavar="FILE", help=_("FILE as a key; with --password both together")
    )
    file.add_argument(
        "--make-key-file",
        metavar="FILE",
        help=_("the same, and FILE is made first, of random bytes"),
    )
    add.add_argument(
        "--recovery",
        action="store_true",
        help=_("a recovery key, as `vaultui recovery NAME create`"),
    )
    _add_recovery_options(add)
    add_derivation_options(add)
    add_key_options(add)
    add_new_password_options(add)
    remove = add_verb(
        actions, "remove", _("take a key away"), _("It is a key that stays that is asked for")
    )
    remove.add_argument(
        "which", metavar="KEY", help=_("its number, its label, or how its ID begins, as listed")
    )
    remove.add_argument("--yes", action="store_true", help=_("do it without asking"))
    add_key_options(remove)
    verify = add_verb(
        actions, "verify", _("tell which key it is that is given"), _("Changes nothing")
    )
    add_key_options(verify)
    add_token_option(verify)
    convert = add_verb(
        actions, "convert", _("derive a key in another way"), _("It stays what it is")
    )
    add_derivation_options(convert, required=True)
    add_key_options(convert)


def _add_recovery(verbs: Verbs[Parser]) -> None:
    recovery = add_verb(
        verbs,
        "recovery",
        _("make and prove the recovery key of a vault"),
        _(
            "It is random, and opens the vault in the place of a forgotten password. Without an "
            "action it tells which there are."
        ),
    )
    add_name(recovery)
    actions = recovery.add_subparsers(dest="action", metavar="ACTION", title="actions")
    create = add_verb(actions, "create", _("make one, and show it once"), _("It belongs on paper"))
    _add_recovery_options(create)
    add_key_options(create)
    for name, summary in (
        ("verify", _("prove that what is on the paper opens the vault")),
        (
            "drill",
            _("rehearse the emergency: open the vault by the paper alone, and close it again"),
        ),
    ):
        action = add_verb(actions, name, summary, _("Changes nothing"))
        action.add_argument(
            "--recovery-key-file", metavar="FILE", help=_("take the key from FILE, and do not ask")
        )


def _add_recovery_options(parser: Parser) -> None:
    parser.add_argument("--label", default="", help=_("a name for it: 'in the safe'"))
    parser.add_argument(
        "--qr-svg", metavar="FILE", help=_("of a recovery key, write a sheet for printing to FILE")
    )
