"""The command line of the list of vaults: add, create, forget."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_password_options, add_verb

CONTENT = {
    "aes-gcm": "AES-256-GCM",
    "xchacha": "XChaCha20-Poly1305",
    "aes-siv": "AES-SIV-512",
}
NAMES = {"encrypted": "EME", "deterministic": "deterministic", "plain": "plaintext"}
"""Words of the command line for what the volume config calls otherwise."""


def add_knowing(verbs: Verbs[Parser]) -> None:
    """Add the verbs that change which vaults are known."""
    add = add_verb(verbs, "add", "add a vault that exists to the list")
    create = add_verb(
        verbs,
        "create",
        "make a new vault and add it to the list",
        "The master key, which opens the vault without its password, is shown once.",
    )
    for parser in (add, create):
        parser.add_argument("cipherdir", metavar="DIR", help="directory of the encrypted files")
        parser.add_argument("--name", help="what to call it; otherwise as its directory")
        parser.add_argument("--mountpoint", metavar="DIR", help="otherwise ~/Vaults/NAME")
        parser.add_argument("--idle", metavar="TIME", help="lock after TIME without use: 15m")
    add.add_argument("--read-only", action="store_true", help="open it without the right to write")
    add.add_argument("--key-file", metavar="FILE", help="remember that FILE is a key of it")
    add.add_argument("--config", metavar="FILE", help="volume config outside the directory")
    add.add_argument(
        "--reverse",
        action="store_true",
        help="DIR is plain, and opens as an encrypted view; found out by itself if its config "
        "lies in it",
    )
    _add_choices(create)
    add_password_options(create)
    create.add_argument("--save", action="store_true", help="save the password in the keyring")
    forget = add_verb(
        verbs,
        "forget",
        "take a locked vault out of the list",
        "Its files stay where they are.",
    )
    add_name(forget)
    forget.add_argument(
        "--saved-password", action="store_true", help="delete its password from the keyring, too"
    )


def _add_choices(create: Parser) -> None:
    """Add what a new volume can be made of; the default is what suits most."""
    create.add_argument(
        "--content",
        choices=CONTENT,
        default="aes-gcm",
        help="how files are encrypted; xchacha where the processor has no AES instructions",
    )
    create.add_argument(
        "--names", choices=NAMES, default="encrypted", help="how the names of files are kept"
    )
    create.add_argument(
        "--argon2id",
        action="store_true",
        help="derive the key with Argon2id, which costs an attacker more; gocryptfs refuses it",
    )
    file = create.add_mutually_exclusive_group()
    file.add_argument(
        "--key-file", metavar="FILE", help="the password opens it together with FILE alone"
    )
    file.add_argument(
        "--make-key-file", metavar="FILE", help="the same, and FILE is made first, of random bytes"
    )
    create.add_argument(
        "--recovery", action="store_true", help="make a recovery key, too, and show it once"
    )
    create.add_argument(
        "--qr-svg", metavar="FILE", help="of the recovery key, write a sheet for printing to FILE"
    )
