"""Options that do not go together, and values that cannot be, told before anything is done.

In gocryptfs's order, so that of two mistakes the same one is told: `check_options` comes
before the process goes to the background, `check_call` when it acts.
"""

from __future__ import annotations

from typing import Final

from vaultui.model.errors import ExcludeRefused, UsageError
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.optionvalues import parse_bool, parse_owner

_EXCLUSIVE: Final = (
    ("extpass", "passfile"),
    ("passfile", "masterkey"),
    ("extpass", "masterkey"),
    ("extpass", "fido2"),
    ("argon2id", "fido2"),
    ("argon2id", "scryptn"),
    ("keyfile", "fido2"),
    ("keyfile", "masterkey"),
)


def check_options(options: Options) -> None:
    """Raise UsageError for what is wrong whatever the action is."""
    if options.openssl != "auto":
        try:
            parse_bool(options.openssl)
        except ValueError:
            raise UsageError(
                what=f'Invalid "-openssl" setting: "{options.openssl}" is not true, false or auto'
            ) from None
    is_given = {
        "extpass": options.extpass,
        "passfile": options.passfile,
        "masterkey": options.master_key,
        "fido2": options.fido2,
        "keyfile": options.key_file,
        "argon2id": options.argon2id,
        "scryptn": "scryptn" in options.given,
    }
    for one, other in _EXCLUSIVE:
        # Of two keys one may be for making the other.
        together = other == "masterkey" and (
            options.init
            if one == "extpass"
            else one == "keyfile" and (options.init or options.passwd)
        )
        if is_given[one] and is_given[other] and not together:
            raise UsageError(
                what=f"The options -{one} and -{other} cannot be used at the same time"
            )
    if options.idle_s < 0:
        raise UsageError(what="Idle timeout cannot be less than 0")
    if options.bad_names:
        _check_patterns(options.bad_names)
    if 0 < options.long_name_max < 62:
        raise UsageError(
            what=f"-longnamemax: value {options.long_name_max} is outside allowed range 62 ... 255"
        )


def _check_patterns(patterns: list[str]) -> None:
    # Rarely given, and not worth the time of every start.
    from vaultui.cipherfs.badnames import BadPattern, compile_pattern

    for pattern in patterns:
        try:
            compile_pattern(pattern)
        except BadPattern:
            raise UsageError(what=f'-badname: invalid pattern "{pattern}" supplied') from None


def check_exclusions(options: Options) -> None:
    """Raise ExcludeRefused for what only a reverse mount can leave out."""
    if options.exclude and not options.reverse:
        raise ExcludeRefused


def check_owner(options: Options) -> None:
    """Raise UsageError unless -force_owner names two numbers."""
    if options.force_owner:
        try:
            parse_owner(options.force_owner)
        except ValueError as error:
            raise UsageError(what=f"force_owner: {error}") from None


def check_call(options: Options, program: str) -> None:
    """Raise UsageError unless there is one action at most, with as many words as it takes."""
    actions, count = options.actions, len(options.positionals)
    if not actions:
        if count != 2:
            raise UsageError(
                what=f"Wrong number of arguments (have {count}, want 2). Usage: {program} "
                "[OPTIONS] CIPHERDIR MOUNTPOINT [-o COMMA-SEPARATED-OPTIONS]"
            )
        return
    if len(actions) > 1:
        raise UsageError(what="At most one of -info, -init, -passwd, -fsck is allowed")
    if count != 1:
        raise UsageError(
            what="The options -info, -init, -passwd, -fsck take exactly one argument, "
            f"{count} given"
        )
    if options.fsck and options.reverse:
        raise UsageError(what="Running -fsck with -reverse is not supported")
