"""The command line of gocryptfs-xray, for whoever starts us under that name.

Its options are read by the rules of Go's package flag: one dash or two, and the first word
that is no option ends them.
"""

from __future__ import annotations

import sys
from typing import Final

import vaultui
from vaultui.model.errors import PasswordIncorrect, VolumeConfMissing
from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import console
from vaultui.mountd.commandline import inspection
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.optionvalues import parse_bool

_PROGRAM: Final = "gocryptfs-xray"
_BAD_OPTION: Final = 2
"""What Go's package flag ends a program with."""

_FIELDS: Final = {
    "0": "nul_separated",
    "aessiv": "aes_siv",
    "decrypt-paths": "decrypt_paths",
    "dumpmasterkey": "dump_master_key",
    "encrypt-paths": "encrypt_paths",
    "version": "version",
    "xchacha": "xchacha",
}

_WITH_VALUE: Final = {"fido2": "fido2", "keyfile": "key_file"}

_USAGE: Final = f"""\
Usage: {_PROGRAM} [OPTIONS] FILE

Options:
  -aessiv         The content of FILE is AES-SIV-512 and not AES-256-GCM
  -xchacha        The content of FILE is XChaCha20-Poly1305
  -dumpmasterkey  Show the master key of the volume config FILE
  -encrypt-paths  Encrypt the paths on standard input, by control socket FILE
  -decrypt-paths  Decrypt paths, in the same way
  -fido2 DEVICE   Use a FIDO2 token instead of a password, with -dumpmasterkey
  -keyfile FILE   The content of the file is a key, with -dumpmasterkey
  -0              Paths end with a zero byte and not with a newline
  -version        Show the version"""


def run(words: list[str]) -> int:
    """Do what the words behind the program's name say, and return the exit code."""
    options = Options()
    try:
        wants_help = _read(words, options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return _show_usage(_BAD_OPTION)
    if options.version:
        print(_version())
        return ExitCode.OK
    if wants_help or len(options.positionals) != 1:
        return _show_usage(ExitCode.OK if wants_help else ExitCode.USAGE)
    options.xray = not options.inspections
    try:
        return inspection.run(options)
    except (PasswordIncorrect, VolumeConfMissing) as error:
        # Of these two the program has numbers of its own.
        console.report(error)
        return ExitCode.LOAD_CONF if isinstance(error, PasswordIncorrect) else ExitCode.USAGE


def _version() -> str:
    return f"{_PROGRAM} {vaultui.__version__}"


def _show_usage(code: int) -> int:
    print(f"{_version()}\n", flush=True)
    print(_USAGE, file=sys.stderr)
    return code


def _read(words: list[str], options: Options) -> bool:
    """Fill `options`; return whether help was asked for. Raises ValueError with the reason."""
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            options.positionals.append(word)
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if name in ("h", "help"):
            return True
        if name in _WITH_VALUE:
            setattr(options, _WITH_VALUE[name], value if equals else next(rest, ""))
            continue
        if name not in _FIELDS:
            raise ValueError(f"flag provided but not defined: -{name}")
        try:
            setattr(options, _FIELDS[name], parse_bool(value) if equals else True)
        except ValueError:
            raise ValueError(f'invalid boolean value "{value}" for -{name}: parse error') from None
    options.positionals += rest
    return False
