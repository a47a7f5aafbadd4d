"""Where a secret comes from that opens a volume: a password, a token, or the master key itself.

A master key is for emergencies, and for tests: whoever has it needs no volume config, and
has to say what the volume is made of.
"""

from __future__ import annotations

from typing import Final

from vaultui.cipherfs import keyfile
from vaultui.crypto import masterkey
from vaultui.format.features import FeatureFlag
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import MasterKeyInvalid
from vaultui.model.secret import Secret
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.passwordsources import read_password
from vaultui.mountd.console import YELLOW, log

KEY_BYTES: Final = 32
_FROM_STDIN: Final = "stdin"


def read_secret(options: Options, conf: VolumeConf | None) -> Secret:
    """Return the master key where there is one, else what opens the volume of the config."""
    if options.has_master_key:
        return read_master_key(options)
    return read_password_or_token(options, conf)


def read_password_or_token(options: Options, conf: VolumeConf | None) -> Secret:
    """Return the password, or what the token says that the volume was made with."""
    if conf is not None and conf.features.has(FeatureFlag.FIDO2):
        from vaultui.mountd.commandline import fido2

        return fido2.read_secret(options.fido2, conf.fido2)
    if not options.key_file or conf is None:
        return read_password(options.passfile, options.extpass)
    # Told before a password is asked for.
    keyfile.check(options.key_file)
    if not masterkey.takes_key_file(conf):
        log.info("No key of this volume is a file: the password alone opens it.")
    if options.passfile or options.extpass or masterkey.wants_password(conf, with_key_file=True):
        # Empty, it leaves the key file by itself.
        return read_password(options.passfile, options.extpass, may_be_empty=True)
    return Secret(bytearray())


def read_master_key(options: Options) -> Secret:
    """Return the master key of -masterkey, which comes before -zerokey.

    Raises MasterKeyInvalid, and for standard input as `read_password`.
    """
    if not options.master_key:
        log.info("Using all-zero dummy master key.")
        log.info(
            "ZEROKEY MODE PROVIDES NO SECURITY AT ALL AND SHOULD ONLY BE USED FOR TESTING.",
            extra=YELLOW,
        )
        return Secret(bytearray(KEY_BYTES))
    if options.master_key == _FROM_STDIN:
        with read_password((), (), "Masterkey") as typed, typed.view as digits:
            key = parse_master_key(digits)
        log.info("Using explicit master key.")
        return key
    key = parse_master_key(memoryview(options.master_key.encode()))
    log.info("Using explicit master key.")
    log.info(
        'THE MASTER KEY IS VISIBLE VIA "ps ax" AND MAY BE STORED IN YOUR SHELL HISTORY!\n'
        "ONLY USE THIS MODE FOR EMERGENCIES",
        extra=YELLOW,
    )
    return key


def parse_master_key(text: memoryview) -> Secret:
    """Return the key of 64 hexadecimal digits, between which dashes may stand.

    Raises MasterKeyInvalid, which tells nothing of the text.
    """
    digits = bytearray(text)
    key = bytearray(KEY_BYTES)
    try:
        size = _squeeze(digits)
        if size != 2 * KEY_BYTES:
            raise MasterKeyInvalid(reason=f"it has {size} digits, and not {2 * KEY_BYTES}")
        for index in range(KEY_BYTES):
            key[index] = 16 * _digit(digits[2 * index]) + _digit(digits[2 * index + 1])
    except BaseException:
        key[:] = bytes(len(key))
        raise
    finally:
        digits[:] = bytes(len(digits))
    return Secret(key)


def _squeeze(digits: bytearray) -> int:
    """Move what is no dash to the front, and return how much that is. No copy is left."""
    size = 0
    for letter in digits:
        if letter != ord("-"):
            digits[size] = letter
            size += 1
    return size


def _digit(letter: int) -> int:
    try:
        return int(chr(letter), 16)
    except ValueError:
        raise MasterKeyInvalid(reason="it has something in it that is no digit") from None
