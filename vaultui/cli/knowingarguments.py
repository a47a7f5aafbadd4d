"""The command line of the list of vaults: add, create, import."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_password_options, add_verb
from vaultui.model.language import _

CONTENT = {
    "aes-gcm": "AES-256-GCM",
    "xchacha": "XChaCha20-Poly1305",
    "aes-siv": "AES-SIV-512",
}
NAMES = {"encrypted": "EME", "deterministic": "deterministic", "plain": "plaintext"}
"""Words of the command line for what the volume config calls otherwise."""


def add_knowing(verbs: Verbs[Parser]) -> None:
    """Add the verbs that change which vaults are known."""
    add = add_verb(
        verbs,
        "add",
        _("add a vault that exists to the list"),
        _("Without DIR, the vaults are searched for that lie on this machine."),
    )
    add.add_argument(
        "cipherdir", metavar="DIR", nargs="?", help=_("directory of the encrypted files")
    )
    create = add_verb(
        verbs,
        "create",
        _("make a new vault and add it to the list"),
        _("The master key, which opens the vault without its password, is shown once."),
    )
    create.add_argument("cipherdir", metavar="DIR", help=_("directory of the encrypted files"))
    for parser in (add, create):
        parser.add_argument("--name", help=_("what to call it; otherwise as its directory"))
        parser.add_argument("--mountpoint", metavar="DIR", help=_("otherwise ~/Vaults/NAME"))
        parser.add_argument("--idle", metavar="TIME", help=_("lock after TIME without use: 15m"))
    add.add_argument(
        "--read-only", action="store_true", help=_("open it without the right to write")
    )
    add.add_argument("--key-file", metavar="FILE", help=_("remember that FILE is a key of it"))
    add.add_argument("--config", metavar="FILE", help=_("volume config outside the directory"))
    add.add_argument(
        "--reverse",
        action="store_true",
        help=_(
            "DIR is plain, and opens as an encrypted view; found out by itself if its config "
            "lies in it"
        ),
    )
    _add_choices(create)
    add_password_options(create)
    create.add_argument("--save", action="store_true", help=_("save the password in the keyring"))
    _add_import(verbs)


def _add_import(verbs: Verbs[Parser]) -> None:
    importing = add_verb(
        verbs,
        "import",
        _("add the vaults that another manager has in its list"),
        _("Vaults of other kinds are named and left out. The other list stays as it is."),
    )
    importing.add_argument(
        "--from",
        dest="managers",
        action="append",
        choices=("sirikali", "plasma", "vaults"),
        default=[],
        help=_("SiriKali, Plasma Vault, or Vaults of GNOME; all of them when left out"),
    )
    importing.add_argument(
        "--dry-run", action="store_true", help=_("tell what would be added, and add nothing")
    )


def _add_choices(create: Parser) -> None:
    """Add what a new volume can be made of; the default is what suits most."""
    create.add_argument(
        "--content",
        choices=CONTENT,
        default="aes-gcm",
        help=_("how files are encrypted; xchacha where the processor has no AES instructions"),
    )
    create.add_argument(
        "--names", choices=NAMES, default="encrypted", help=_("how the names of files are kept")
    )
    create.add_argument(
        "--argon2id",
        action="store_true",
        help=_("derive the key with Argon2id, which costs an attacker more; gocryptfs refuses it"),
    )
    file = create.add_mutually_exclusive_group()
    file.add_argument(
        "--key-file", metavar="FILE", help=_("the password opens it together with FILE alone")
    )
    file.add_argument(
        "--make-key-file",
        metavar="FILE",
        help=_("the same, and FILE is made first, of random bytes"),
    )
    create.add_argument(
        "--recovery", action="store_true", help=_("make a recovery key, too, and show it once")
    )
    create.add_argument(
        "--qr-svg",
        metavar="FILE",
        help=_("of the recovery key, write a sheet for printing to FILE"),
    )
