"""Every failure that a person can meet, as a class with its code, exit number, words and cure.

This module is the error table: no other module holds sentences about failures. A class
crosses a process boundary by its `code` and its `details` (`VaultuiError.to_wire`), and is
raised on the other side as the same class (`from_wire`). Details are plain text and
numbers, never secrets. Libraries raise; only `__main__` modules exit.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_, Phrase, _

Detail = str | int | float | bool | list[str]

_BY_CODE: Final[dict[str, type[VaultuiError]]] = {}


class VaultuiError(Exception):
    """The root of all our errors.

    `code` is stable and appears in `--json`; `template` and `cure` become `summary` and
    `hint` with the details filled in. `raw` is text of the system or of another program,
    shown under Details and never parsed.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[ExitCode] = ExitCode.OTHER
    template: ClassVar[str] = N_("Something went wrong inside vaultui: {what}.")
    cure: ClassVar[str] = N_("Run the command again; if it stays, report it with the log.")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.code in _BY_CODE:
            raise TypeError(f"two errors share the code {cls.code!r}")
        _BY_CODE[cls.code] = cls

    def __init__(self, *, raw: str = "", **details: Detail) -> None:
        self.raw = raw
        self.details = details
        super().__init__(self.code)

    @property
    def summary(self) -> str:
        """One sentence in the language in use: the object and the cause."""
        return _(self.phrase)

    @property
    def hint(self) -> str:
        """One sentence in the language in use: the cure."""
        return _(self._phrase(self.cure))

    @property
    def phrase(self) -> Phrase:
        """The summary in English, for logs and programs, which `_` can translate later."""
        return self._phrase(self.template)

    def __str__(self) -> str:
        return self.phrase

    def __reduce__(self) -> tuple[Any, ...]:
        return (from_wire, (self.to_wire(),))

    def to_wire(self) -> dict[str, Any]:
        """Return what crosses a process boundary; words go along for readers of another version.

        They are English. Details that have values of their own go along in two pieces, too.
        """
        return {
            "code": self.code,
            "exit_code": int(self.exit_code),
            "summary": str(self.phrase),
            "hint": str(self._phrase(self.cure)),
            "details": dict(self.details),
            "phrases": {
                name: [detail.message, dict(detail.values)]
                for name, detail in self.details.items()
                if isinstance(detail, Phrase)
            },
            "raw": self.raw,
        }

    def _phrase(self, template: str) -> Phrase:
        words = {
            name: Phrase(detail)
            for name, detail in self.details.items()
            if name in _IN_WORDS and isinstance(detail, str) and not isinstance(detail, Phrase)
        }
        # Never without a value: a template whose details are all missing is to show `?`.
        return Phrase(template, code=self.code, **{**self.details, **words})


_IN_WORDS: Final = frozenset(
    {"exit", "have", "how", "reason", "report", "similar", "state", "what", "where"}
)
"""Details that are words of ours or of the system; others are names, paths and numbers."""

_BY_CODE[VaultuiError.code] = VaultuiError


class ForeignError(VaultuiError):
    """An error whose code this version does not know: its sender's words are kept."""

    code = "foreign"
    template = "{summary}"
    cure = "{hint}"


def from_wire(wire: dict[str, Any]) -> VaultuiError:
    """Return the error that `VaultuiError.to_wire` described."""
    kind = _BY_CODE.get(str(wire.get("code")))
    raw = str(wire.get("raw", ""))
    if kind is None or kind is ForeignError:
        return ForeignError(
            raw=raw, summary=str(wire.get("summary", "")), hint=str(wire.get("hint", ""))
        )
    return kind(raw=raw, **_details(wire))


def _details(wire: dict[str, Any]) -> dict[str, Any]:
    details, phrases = wire.get("details"), wire.get("phrases")
    if not isinstance(details, dict):
        return {}
    if isinstance(phrases, dict):
        for name, phrase in phrases.items():
            match phrase:
                case [str(message), dict(values)] if all(isinstance(key, str) for key in values):
                    details[name] = Phrase(message, **values)
    return details


def error_table() -> list[type[VaultuiError]]:
    """Return every error class, ordered by exit number and code, for manuals and tests."""
    return sorted(_BY_CODE.values(), key=lambda kind: (kind.exit_code, kind.code))


class InternalError(VaultuiError):
    code = "internal-error"
    template = N_("This is a mistake in vaultui itself: {what}.")
    cure = N_("Please report it; the report {report}, and has no secrets in it.")


# --- 1: usage -----------------------------------------------------------------------------


class UsageError(VaultuiError):
    code = "usage"
    exit_code = ExitCode.USAGE
    template = "{what}."
    cure = N_("Try --help.")


class CommandLineInvalid(UsageError):
    code = "command-line-invalid"
    template = N_("Invalid command line: {words}: {what}.")
    cure = N_("Try '{program} -help'.")


class Fido2TokenNeeded(VaultuiError):
    # gocryptfs sees a missing -fido2 as a mistake on its command line.
    code = "fido2-token-needed"
    exit_code = ExitCode.USAGE
    template = N_("This volume is opened by a FIDO2 token, not by a password.")
    cure = N_("Plug it in to unlock or check; vaultfs wants -fido2 auto. There is no other key.")


class KeySlotUnknown(VaultuiError):
    code = "key-slot-unknown"
    exit_code = ExitCode.USAGE
    template = N_("The volume has no key slot “{slot}”.")
    cure = N_("Look at the list of its keys: vaultui slots NAME, or vaultfs -info.")


class LastKeySlot(VaultuiError):
    code = "last-key-slot"
    exit_code = ExitCode.USAGE
    template = N_("This is the last key slot: without it nothing would open the volume.")
    cure = N_("Add another key first.")


class KeySlotStillNeeded(VaultuiError):
    code = "key-slot-still-needed"
    exit_code = ExitCode.USAGE
    template = N_("The key that was given opens the very slot that is to be removed.")
    cure = N_("Give a key that stays, which shows that the volume can still be opened afterwards.")


class LostKeyUnclear(VaultuiError):
    code = "lost-key-unclear"
    exit_code = ExitCode.USAGE
    template = N_("The volume has {count}, and which was lost can't be told.")
    cure = N_("Add another key, then remove what was lost: vaultui slots NAME add, and remove.")


class KeySlotsFull(VaultuiError):
    code = "key-slots-full"
    exit_code = ExitCode.USAGE
    template = N_("{reason}, and a volume can't have more.")
    cure = N_("Remove a key that is not needed any more.")


class NothingToCheck(VaultuiError):
    # gocryptfs sees -fsck with -reverse as a mistake on its command line.
    code = "nothing-to-check"
    exit_code = ExitCode.USAGE
    template = N_("{name} is an encrypted view of plain files: there is nothing to check.")
    cure = N_("Check the copies that were made of it, each as a vault of its own.")


# --- 6 to 11: directories, passwords, volume config ---------------------------------------


class CipherdirMissing(VaultuiError):
    code = "cipherdir-missing"
    exit_code = ExitCode.CIPHERDIR
    template = N_("The cipher directory {path} is not there or is not a directory.")
    cure = N_("Check the path, and whether the drive or the synchronised folder is connected.")


class CipherdirNotEmpty(VaultuiError):
    code = "cipherdir-not-empty"
    exit_code = ExitCode.CIPHERDIR
    template = N_("{path} is not empty (it holds {first}), so no new vault is made there.")
    cure = N_("Choose an empty or new directory.")


class CipherdirNotAccessible(VaultuiError):
    code = "cipherdir-not-accessible"
    exit_code = ExitCode.CIPHERDIR
    template = N_("The cipher directory {path} cannot be used: {reason}.")
    cure = N_("Give your user access to it (chmod, chown), or choose another directory.")


class InitFailed(VaultuiError):
    code = "init-failed"
    exit_code = ExitCode.INIT
    template = N_("The vault in {path} could not be set up: {reason}.")
    cure = N_("Look at the free space and the permissions of that directory, and try again.")


class VolumeConfCopyExists(VaultuiError):
    code = "volume-conf-copy-exists"
    exit_code = ExitCode.INIT
    template = N_("There is a copy of an earlier volume config already: {path}.")
    cure = N_("Move it away once the vault opens without it, and try again.")


class PasswordEmpty(VaultuiError):
    code = "password-empty"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("The password is empty.")
    cure = N_("Type at least one character.")


class PasswordTooLong(VaultuiError):
    code = "password-too-long"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("The password is longer than {limit} bytes.")
    cure = N_("Check what was given as the password: a whole file instead of its first line?")


class PasswordUnavailable(VaultuiError):
    code = "password-unavailable"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("No password for {name}: {reason}.")
    cure = N_(
        "Save it in the keyring, run this in a terminal, or give --password-file, "
        "--password-fd or --password-command."
    )


class PasswordMismatch(VaultuiError):
    code = "password-mismatch"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("The two passwords are not the same.")
    cure = N_("Type the new password twice, the same both times.")


class PasswordSourceFailed(VaultuiError):
    code = "password-source-failed"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("The password could not be read from {source}: {reason}.")
    cure = N_(
        "Check that the file is readable, or that the program prints the password and exits with 0."
    )


class KeyFileUnusable(VaultuiError):
    code = "key-file-unusable"
    exit_code = ExitCode.READ_PASSWORD
    template = N_("The key file {path} cannot be used: {reason}.")
    cure = N_("Check the path, and whether the drive that has it is connected.")


class KeyFileNeeded(VaultuiError):
    # As with a token: what is wrong is the command line, and nobody was asked for a password.
    code = "key-file-needed"
    exit_code = ExitCode.USAGE
    template = N_("The volume is opened with a key file, and none was given.")
    cure = N_("Say where the key file is: vaultfs -keyfile FILE, vaultui unlock --key-file FILE")


class MountpointMissing(VaultuiError):
    code = "mountpoint-missing"
    exit_code = ExitCode.MOUNTPOINT
    template = N_("The mount point {path} is not there or is not a directory.")
    cure = N_("Create it (mkdir -p), or choose another mount point.")


class MountpointNotEmpty(VaultuiError):
    code = "mountpoint-not-empty"
    exit_code = ExitCode.MOUNTPOINT
    template = N_("The mount point {path} is not empty (it holds {first}).")
    cure = N_("Move its content away or choose another mount point; -nonempty hides the content.")


class MountpointOverlap(VaultuiError):
    code = "mountpoint-overlap"
    exit_code = ExitCode.MOUNTPOINT
    template = N_("The mount point {path} is over or inside the cipher directory {cipherdir}.")
    cure = N_("Choose a mount point outside the cipher directory.")


class MountpointBusy(VaultuiError):
    code = "mountpoint-busy"
    exit_code = ExitCode.MOUNTPOINT
    template = N_("Something else ({fstype}) is already mounted on {path}.")
    cure = N_("Unmount it (fusermount3 -u), or choose another mount point.")


class MountpointNotAccessible(VaultuiError):
    code = "mountpoint-not-accessible"
    exit_code = ExitCode.MOUNTPOINT
    template = N_("The mount point {path} cannot be used: {reason}.")
    cure = N_("Choose a directory that belongs to your user.")


class VolumeConfMissing(VaultuiError):
    code = "volume-conf-missing"
    exit_code = ExitCode.OTHER
    template = N_("There is no volume config at {path}, so this is not a vault.")
    cure = N_("Check the directory; if the config was lost, restore it from its copy.")


class VolumeConfOfOtherMode(VolumeConfMissing):
    code = "volume-conf-other-mode"
    template = N_("There is no volume config at {path}, but one for use {how} -reverse.")
    cure = N_("Try it {how} -reverse.")


class VolumeConfUnreadable(VaultuiError):
    code = "volume-conf-unreadable"
    exit_code = ExitCode.OTHER
    template = N_("The volume config {path} cannot be read: {reason}.")
    cure = N_("Give your user permission to read it.")


class VolumeConfCorrupt(VaultuiError):
    code = "volume-conf-corrupt"
    exit_code = ExitCode.OTHER
    template = N_("The volume config {path} is damaged: {reason}.")
    cure = N_(
        "Restore it from its copy; without one, the printed master key still opens the vault."
    )


class VolumeConfTampered(VaultuiError):
    code = "volume-conf-tampered"
    exit_code = ExitCode.OTHER
    template = N_("The volume config was changed by something that does not have the master key.")
    cure = N_("Restore it from its copy; vaultfs -dumpmasterkey still shows the master key.")


class VolumeConfUnsupported(VaultuiError):
    code = "volume-conf-unsupported"
    exit_code = ExitCode.DEPRECATED_FS
    template = N_("The volume config {path} asks for something this version does not do: {reason}.")
    cure = N_("Use a newer version, or the program that made the vault.")


class VolumeConfNotWritten(VaultuiError):
    code = "volume-conf-not-written"
    exit_code = ExitCode.WRITE_CONF
    template = N_("The volume config {path} could not be written: {reason}.")
    cure = N_(
        "Nothing was changed. Look at the free space and the permissions of the directory, "
        "and try again."
    )


class FeaturesRefused(VaultuiError):
    code = "features-refused"
    exit_code = ExitCode.WRITE_CONF
    template = N_("No volume can have {reason}.")
    cure = N_("Leave one of these options out.")


class ScryptCostRefused(VaultuiError):
    code = "scrypt-cost-refused"
    exit_code = ExitCode.WRITE_CONF
    template = N_("The scrypt cost 2^{logn} is outside {low} to {high}.")
    cure = N_("Leave -scryptn out, or choose a number in that range.")


class PasswordIncorrect(VaultuiError):
    code = "password-incorrect"
    exit_code = ExitCode.PASSWORD_INCORRECT
    template = N_("Password incorrect.")
    cure = N_("Check Caps Lock and the keyboard layout, and try again.")


class KeyFileIncorrect(PasswordIncorrect):
    code = "key-file-incorrect"
    template = N_("{what} incorrect.")
    cure = N_("Check that the file is the right one and nothing in it has changed, and Caps Lock.")


class RecoveryKeyIncorrect(PasswordIncorrect):
    code = "recovery-key-incorrect"
    template = N_("{name} is not opened by this recovery key.")
    cure = N_(
        "Are all 13 groups there? If so, it is of another vault, or was removed from this one."
    )


class MasterKeyDamaged(VaultuiError):
    # The number of a wrong password, because gocryptfs cannot tell the two apart.
    code = "master-key-damaged"
    exit_code = ExitCode.PASSWORD_INCORRECT
    template = N_("The wrapped master key in the volume config has {size} bytes, not {expected}.")
    cure = N_("Restore the volume config from its copy; no password opens this one.")


class ScryptCostTooHigh(VaultuiError):
    code = "scrypt-cost-too-high"
    exit_code = ExitCode.SCRYPT_PARAMS
    template = N_("The key derivation of this volume takes {need_mib} MiB of memory, and {have}.")
    cure = N_(
        "Open it on a machine with more memory, or raise the limit, of a container for instance; "
        "if it never was so costly, restore the config."
    )


class Argon2idRefused(VaultuiError):
    code = "argon2id-refused"
    exit_code = ExitCode.SCRYPT_PARAMS
    template = N_(
        "Argon2id takes {need_mib} MiB, and of {free_mib} MiB of free memory "
        "not more than a quarter is used for it."
    )
    cure = N_("Close some programs, or use scrypt.")


class SavedPasswordIncorrect(PasswordIncorrect):
    code = "saved-password-incorrect"
    template = N_("The saved password of {name} is incorrect; it was left as it is.")
    cure = N_("Type the right one, and save that instead: vaultui unlock {name!q} --save")


class CheckFoundDamage(VaultuiError):
    code = "check-found-damage"
    exit_code = ExitCode.FSCK_ERRORS
    template = N_("The check found {corrupt} damaged and {skipped} unreadable entries.")
    cure = N_("Restore the named files from a backup.")


class MasterKeyInvalid(VaultuiError):
    code = "master-key-invalid"
    exit_code = ExitCode.MASTER_KEY
    template = N_("The master key could not be read: {reason}.")
    cure = N_("Give the 64 hexadecimal digits that were shown when the volume was made.")


class RecoveryKeyMistyped(VaultuiError):
    code = "recovery-key-mistyped"
    exit_code = ExitCode.MASTER_KEY
    template = N_("The recovery key has a mistake{where}: {reason}.")
    cure = N_("Compare it with the paper, group by group; it has 13 groups of 5 characters.")


class ProfileNotWritten(VaultuiError):
    code = "profile-not-written"
    exit_code = ExitCode.PROFILER
    template = N_("The profile {path} cannot be written: {reason}.")
    cure = N_("Choose another file for -cpuprofile, -memprofile or -trace.")


class ExcludeRefused(VaultuiError):
    code = "exclude-refused"
    exit_code = ExitCode.EXCLUDE
    template = N_("-exclude only works in reverse mode.")
    cure = N_("Leave it out, or add -reverse.")


class ExcludeUnreadable(VaultuiError):
    code = "exclude-unreadable"
    exit_code = ExitCode.EXCLUDE
    template = N_("The exclusion patterns of {path} cannot be read: {reason}.")
    cure = N_("Check the file that -exclude-from names.")


class Fido2TokenFailed(VaultuiError):
    code = "fido2-token-failed"
    exit_code = ExitCode.FIDO2
    template = N_("The FIDO2 token {device} did not help: {reason}.")
    cure = N_("Check that it is the right device. Unplug it, plug it in again and repeat.")


class Fido2TokenMissing(VaultuiError):
    code = "fido2-token-missing"
    exit_code = ExitCode.FIDO2
    template = N_("There is no FIDO2 token.")
    cure = N_(
        "Plug it in. One that is there already may be out of bounds for you: see /dev/hidraw*."
    )


class Fido2TokenAmbiguous(VaultuiError):
    code = "fido2-token-ambiguous"
    exit_code = ExitCode.FIDO2
    template = N_("There are several FIDO2 tokens: {devices}.")
    cure = N_("Unplug the others, or say which: --fido2 DEVICE.")


class Fido2TokenWrong(VaultuiError):
    code = "fido2-token-wrong"
    exit_code = ExitCode.FIDO2
    template = N_("The FIDO2 token {device} does not know this volume.")
    cure = N_("Use the token that the volume was made with.")


class Fido2TokenUntouched(VaultuiError):
    code = "fido2-token-untouched"
    exit_code = ExitCode.FIDO2
    template = N_("The FIDO2 token {device} was not touched in time.")
    cure = N_("Try again, and touch the token when it blinks.")


class Fido2PinNeeded(VaultuiError):
    code = "fido2-pin-needed"
    exit_code = ExitCode.FIDO2
    template = N_("The FIDO2 token {device} wants its PIN.")
    cure = N_("Type it at the terminal or in the application; a script gives it as the password.")


class Fido2PinIncorrect(VaultuiError):
    code = "fido2-pin-incorrect"
    exit_code = ExitCode.FIDO2
    template = N_("The PIN of the FIDO2 token {device} is wrong. Tries left: {left}.")
    cure = N_("Try again. A token whose PIN was wrong too often forgets what it knows.")


class Fido2PinBlocked(VaultuiError):
    code = "fido2-pin-blocked"
    exit_code = ExitCode.FIDO2
    template = N_("The FIDO2 token {device} takes no more PIN: it was wrong too often.")
    cure = N_(
        "Unplug it, plug it in again and repeat; if that does not help, only the master key does."
    )


class NullDeviceMissing(VaultuiError):
    code = "null-device-missing"
    exit_code = ExitCode.DEV_NULL
    template = N_("/dev/null cannot be opened in the place of a closed stream: {reason}.")
    cure = N_("Start the program with standard input, output and error open.")


# --- 17 to 20: starting the backend, mounting, control socket ------------------------------


class ForkFailed(VaultuiError):
    code = "fork-failed"
    exit_code = ExitCode.FORK_CHILD
    template = N_("The background process could not be started: {reason}.")
    cure = N_("Look at the limits on processes and memory (ulimit -a).")


class FuseDeviceMissing(VaultuiError):
    code = "fuse-device-missing"
    exit_code = ExitCode.FUSE_NEW_SERVER
    template = N_("/dev/fuse cannot be opened: {reason}.")
    cure = N_(
        "Load the module (modprobe fuse); in a container, hand the device in (--device /dev/fuse)."
    )


class FusermountMissing(VaultuiError):
    code = "fusermount-missing"
    exit_code = ExitCode.FUSE_NEW_SERVER
    template = N_("fusermount3 was not found, so an ordinary user cannot mount.")
    cure = N_("Install the package fuse3.")


class MountFailed(VaultuiError):
    code = "mount-failed"
    exit_code = ExitCode.FUSE_NEW_SERVER
    template = N_("Mounting on {path} failed: {reason}.")
    cure = N_("Run `vaultui doctor`.")


class CtlsockUnavailable(VaultuiError):
    code = "ctlsock-unavailable"
    exit_code = ExitCode.CTLSOCK
    template = N_("The control socket {path} cannot be opened: {reason}.")
    cure = N_(
        "Choose another path for -ctlsock, in a directory of yours where nothing has that name."
    )


# --- from 40: ours -------------------------------------------------------------------------


class SettingsInvalid(VaultuiError):
    code = "settings-invalid"
    exit_code = ExitCode.SETTINGS
    template = N_("{path}, line {line}, column {column}: {reason}.")
    cure = N_("Correct that place; until then the last good copy is used.")


class SettingsUnreadable(VaultuiError):
    code = "settings-unreadable"
    exit_code = ExitCode.SETTINGS
    template = N_("{path} cannot be read: {reason}.")
    cure = N_("Give your user permission to read it; until then the last good copy is used.")


class SettingsNotWritten(VaultuiError):
    code = "settings-not-written"
    exit_code = ExitCode.SETTINGS
    template = N_("{path} could not be written: {reason}. The old content is unchanged.")
    cure = N_("Look at the free space and the permissions of the directory.")


class SettingsUnsaved(VaultuiError):
    code = "settings-unsaved"
    exit_code = ExitCode.SETTINGS
    template = N_("Nothing was saved: {path} is wrong in line {line}, column {column}: {reason}.")
    cure = N_("Correct that place and try again; vaultui does not write over what it cannot read.")


class SettingUnknown(VaultuiError):
    code = "setting-unknown"
    exit_code = ExitCode.USAGE
    template = N_("There is no setting called {key}.")
    cure = N_("{similar}`vaultui settings` lists them; with the name of a vault, its own.")


class SettingValueInvalid(VaultuiError):
    code = "setting-value-invalid"
    exit_code = ExitCode.USAGE
    template = N_("{key} is not changed: {reason}.")
    cure = N_("`vaultui settings` tells what each may be.")


class VaultUnknown(VaultuiError):
    code = "vault-unknown"
    exit_code = ExitCode.VAULT_UNKNOWN
    template = N_("There is no vault called {name}.")
    cure = N_("{similar}`vaultui list` shows the names; `vaultui add` adds a vault.")


class DeletionRefused(VaultuiError):
    code = "deletion-refused"
    exit_code = ExitCode.CIPHERDIR
    template = N_("{name} is not deleted: {reason}.")
    cure = N_("Nothing was changed; `vaultui forget {name!q}` takes it out of the list alone.")


class DeletionUnfinished(VaultuiError):
    code = "deletion-unfinished"
    exit_code = ExitCode.OTHER
    template = N_("Of {name} something is left in {path}: {reason}.")
    cure = N_("Without its config nobody can read that; delete it again, or remove it by hand.")


class VaultExists(VaultuiError):
    code = "vault-exists"
    exit_code = ExitCode.VAULT_EXISTS
    template = N_("There is already a vault with that {what}: {name} ({cipherdir}).")
    cure = N_("Use that vault, or choose another {what}.")


class VaultNameInvalid(VaultuiError):
    code = "vault-name-invalid"
    exit_code = ExitCode.USAGE
    template = N_("{name} cannot be the name of a vault: {reason}.")
    cure = N_("Use 1 to 64 printable characters without a slash, not starting with a dash.")


class CipherdirInUse(VaultuiError):
    code = "cipherdir-in-use"
    exit_code = ExitCode.CIPHERDIR_IN_USE
    template = N_("The cipher directory {path} is already served by {holder}.")
    cure = N_("Lock it there first; only readers (-ro) share a cipher directory.")


class VaultPrivate(VaultuiError):
    code = "vault-private"
    exit_code = ExitCode.CIPHERDIR_IN_USE
    template = N_("{name} is open for a private task alone: {task} ({id}).")
    cure = N_("Wait for its end, or end it: vaultui tasks stop {id}")


class KeyringUnavailable(VaultuiError):
    code = "keyring-unavailable"
    exit_code = ExitCode.KEYRING
    template = N_("The keyring cannot be used: {reason}.")
    cure = N_("Type the password; `vaultui doctor` says what the keyring is missing.")


class KeyringLocked(VaultuiError):
    code = "keyring-locked"
    exit_code = ExitCode.KEYRING
    template = N_("The keyring {keyring} is locked and nothing here can ask for its password.")
    cure = N_("Unlock it in a desktop session, or type the password of the vault.")


class KeyringTimeout(VaultuiError):
    code = "keyring-timeout"
    exit_code = ExitCode.KEYRING
    template = N_("The keyring did not answer within {seconds} seconds.")
    cure = N_("Type the password; the keyring may be waiting for its own password.")


class KeyringNotSaved(VaultuiError):
    code = "keyring-not-saved"
    exit_code = ExitCode.KEYRING
    template = N_("The keyring {keyring} did not keep the password: {reason}.")
    cure = N_("Use another keyring, or type the password each time.")


class BackendDied(VaultuiError):
    code = "backend-died"
    exit_code = ExitCode.BACKEND_DIED
    template = N_("The mount backend of {name} ended: {exit}.")
    cure = N_("The log says more: `vaultui locate log`.")


class BackendUnreachable(VaultuiError):
    code = "backend-unreachable"
    exit_code = ExitCode.BACKEND_UNREACHABLE
    template = N_("The mount backend of {name} does not answer: {reason}.")
    cure = N_("Wait and try again; `vaultui lock {name!q} --kill` ends it.")


class BackendTooOld(VaultuiError):
    code = "backend-too-old"
    exit_code = ExitCode.BACKEND_UNREACHABLE
    template = N_("The running backend of {name} does not know the request {request}.")
    cure = N_("Lock the vault and unlock it again.")


class MountBusy(VaultuiError):
    code = "mount-busy"
    exit_code = ExitCode.MOUNT_BUSY
    template = N_("{name} is in use by {holders}.")
    cure = N_("Close these, or lock with --wait, --kill or --lazy.")


class HookFailed(VaultuiError):
    code = "hook-failed"
    exit_code = ExitCode.HOOK
    template = N_("A hook of {name} failed: {reason}. Its command is: {command}.")
    cure = N_("Mend it, or lock without hooks: vaultui lock {name!q} --skip-hooks")


class NotOpen(VaultuiError):
    code = "not-open"
    exit_code = ExitCode.NOT_OPEN
    template = N_("{name} is {state}, not open.")
    cure = N_("Unlock it first: vaultui unlock {name!q}")


class AlreadyOpen(VaultuiError):
    code = "already-open"
    exit_code = ExitCode.NOT_OPEN
    template = N_("{name} is open.")
    cure = N_("Lock it first: vaultui lock {name!q}")


class ProcessNotSignalled(VaultuiError):
    code = "process-not-signalled"
    exit_code = ExitCode.OTHER
    template = N_("{process} could not be told to end: {reason}.")
    cure = N_("It belongs to another user: ask them, or use root.")


class PathUnknown(VaultuiError):
    code = "path-unknown"
    exit_code = ExitCode.OTHER
    template = N_("{path} has no other side: {reason}.")
    cure = N_("Give a path that exists, plain or encrypted, relative to the vault or absolute.")


class RuntimeDirUnsafe(VaultuiError):
    code = "runtime-dir-unsafe"
    exit_code = ExitCode.RUNTIME_DIR
    template = N_("The runtime directory {path} cannot be trusted: {reason}.")
    cure = N_("Remove it, or set XDG_RUNTIME_DIR to a directory that only you can enter.")


class LaunchFailed(VaultuiError):
    code = "launch-failed"
    exit_code = ExitCode.LAUNCH
    template = N_("{program} could not be started; the step {step} failed: {reason}.")
    cure = N_("Check that the installation is whole; `vaultui doctor` helps.")


class TimedOut(VaultuiError):
    code = "timed-out"
    exit_code = ExitCode.TIMEOUT
    template = N_("{what} took longer than {seconds} seconds.")
    cure = N_("Try again; the log may say what it is waiting for.")


class Cancelled(VaultuiError):
    code = "cancelled"
    exit_code = ExitCode.SIGINT
    template = N_("{what} was cancelled.")
    cure = N_("Nothing was changed.")


class TerminalMissing(VaultuiError):
    code = "terminal-missing"
    exit_code = ExitCode.TERMINAL
    template = N_("The application needs a terminal, and {reason}.")
    cure = N_("Start it in a terminal, or use the verbs: vaultui --help")


class OutputFailed(VaultuiError):
    code = "output-failed"
    exit_code = ExitCode.OTHER
    template = N_("The result could not be written to standard output: {reason}.")
    cure = N_(
        "What was asked for is done; look where the output goes, and ask for the result again."
    )


class FileNotMade(VaultuiError):
    code = "file-not-made"
    exit_code = ExitCode.OTHER
    template = N_("The file {path} could not be made: {reason}.")
    cure = N_("Choose another path; what is there already is left alone.")


class DesktopEntryFailed(VaultuiError):
    code = "desktop-entry-failed"
    exit_code = ExitCode.DESKTOP
    template = N_("The desktop entry {path} could not be installed: {reason}.")
    cure = N_("Check the permissions of that directory.")


class UnitNotWritten(VaultuiError):
    code = "unit-not-written"
    exit_code = ExitCode.SYSTEMD
    template = N_("The unit {path} could not be written: {reason}.")
    cure = N_("Check the permissions of that directory.")


class SystemdMissing(VaultuiError):
    code = "systemd-missing"
    exit_code = ExitCode.SYSTEMD
    template = N_("systemd, whose timers run tasks, cannot be asked: {reason}.")
    cure = N_("Without it, have cron run the task: vaultui run NAME TASK")


class ScheduleInvalid(VaultuiError):
    code = "schedule-invalid"
    exit_code = ExitCode.USAGE
    template = N_("{when} is no time that systemd knows.")
    cure = N_("Say hourly, daily, weekly, or a time as in systemd.time(7): Mon..Fri 18:00")


class TaskNotScheduled(VaultuiError):
    code = "task-not-scheduled"
    exit_code = ExitCode.SYSTEMD
    template = N_("{task} of {name} does not run by itself.")
    cure = N_("These do: vaultui tasks list")


class TaskCommandInvalid(VaultuiError):
    code = "task-command-invalid"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The command cannot be run: {reason}.")
    cure = N_("Write the program as one word, and its arguments behind it.")


class TaskCommandNotFound(VaultuiError):
    code = "task-command-not-found"
    exit_code = ExitCode.TASK_NOT_FOUND
    template = N_("There is no program {program}.")
    cure = N_("Check how it is spelled, or give its whole path.")


class TaskCommandNotExecutable(VaultuiError):
    code = "task-command-not-executable"
    exit_code = ExitCode.TASK_NOT_EXECUTABLE
    template = N_("{program} cannot be executed: {reason}.")
    cure = N_("Make it executable (chmod +x), or run what executes it: sh {program}")


class TaskOptionInvalid(VaultuiError):
    code = "task-option-invalid"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{option} cannot be {value}: {reason}.")
    cure = N_("`vaultui run --help` and the manual vaultui(1) say what it takes.")


class TaskUnknown(VaultuiError):
    code = "task-unknown"
    exit_code = ExitCode.TASK_FAILED
    template = N_("There is no task {task}.")
    cure = N_("`vaultui tasks` lists those that run and those that ended.")


class TaskOutOfMemory(VaultuiError):
    code = "task-out-of-memory"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{task} was killed: it needed more memory than it may have.")
    cure = N_("Give it more (--limit memory=2G), or less to do at once.")


class TaskOutOfTime(VaultuiError):
    code = "task-out-of-time"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{task} was ended: its time was up.")
    cure = N_("Give it more (--limit time=2h), or none: --limit without time.")


class TaskLost(VaultuiError):
    code = "task-lost"
    exit_code = ExitCode.TASK_FAILED
    template = N_("Nobody saw how {task} ended: those who watched it were killed, too.")
    cure = N_("What it has written is there: vaultui tasks output")


class TaskNameInvalid(VaultuiError):
    code = "task-name-invalid"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{name} cannot be the name of a saved task: {reason}.")
    cure = N_("Use 1 to 64 printable characters without a slash, not starting with a dash.")


class SavedTaskUnknown(VaultuiError):
    code = "saved-task-unknown"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{name} has no saved task {task}.")
    cure = N_("{similar}`vaultui tasks list {name}` lists them; a command goes behind `--`.")


class ControlGroupRefused(VaultuiError):
    code = "control-group-refused"
    exit_code = ExitCode.TASK_FAILED
    template = N_("Memory, CPU and processes cannot be limited here: {reason}.")
    cure = N_(
        "Leave out --limit, or run it as root or in a session of systemd, which lends its control "
        "groups to users."
    )


class NamespacesForbidden(VaultuiError):
    code = "namespaces-forbidden"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The namespaces that keep a task to itself cannot be had here: {reason}.")
    cure = "{how}"


class VaultKeptClosed(VaultuiError):
    code = "vault-kept-closed"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{name} is open for {owner} alone, and the task would be {user}.")
    cure = N_(
        "Lock it, and it is opened for the task alone; or let other users in (vaultui settings set "
        "allow_other true --vault {name}) and unlock it anew."
    )


class RuntimeMissing(VaultuiError):
    code = "oci-runtime-missing"
    exit_code = ExitCode.TASK_FAILED
    template = N_("No OCI runtime was found: {runtime}.")
    cure = N_("Install runc or crun, or give the path of one with --runtime.")


class ContainerNotCreated(VaultuiError):
    code = "container-not-created"
    exit_code = ExitCode.TASK_FAILED
    template = N_("{maker} could not create the container: {reason}.")
    cure = N_("`vaultui doctor` says what this system allows.")


class EngineUnreachable(VaultuiError):
    code = "engine-unreachable"
    exit_code = ExitCode.TASK_FAILED
    template = N_("No container engine answers at {where}: {reason}.")
    cure = N_(
        "Start one (systemctl --user start podman.socket, or the service of Docker), or name its "
        "socket in DOCKER_HOST."
    )


class EngineElsewhere(VaultuiError):
    code = "engine-elsewhere"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The container engine at {where} may be on another machine, where {name} is not.")
    cure = N_("Name the Unix socket of an engine on this machine: DOCKER_HOST=unix:///PATH")


class EngineKeptOut(VaultuiError):
    code = "engine-kept-out"
    exit_code = ExitCode.TASK_FAILED
    template = N_("Containers of the engine at {where} cannot enter {name}: {reason}.")
    cure = N_(
        "Let other users in and unlock it anew (vaultui settings set allow_other true --vault "
        "{name}), or use an engine of your own user (systemctl --user start podman.socket)."
    )


class EngineLibraryMissing(VaultuiError):
    code = "engine-library-missing"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The Python library docker, which speaks to container engines, is not installed.")
    cure = N_("Install vaultui with it: pipx install 'vaultui[engine]'")


class EngineIsOutside(VaultuiError):
    code = "engine-is-outside"
    exit_code = ExitCode.TASK_FAILED
    template = N_("A container engine cannot see what is private to a task.")
    cure = N_("Leave out --private, or have the container made by an OCI runtime: --driver oci")


class EngineLost(VaultuiError):
    code = "engine-lost"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The container engine at {where} stopped answering: {reason}.")
    cure = N_("The container {container} may still be there: look when the engine is back.")


class ImageMissing(VaultuiError):
    code = "image-missing"
    exit_code = ExitCode.TASK_FAILED
    template = N_("The container engine has no image {image}.")
    cure = N_("Fetch it first: podman pull {image}, or docker pull {image}")


class PrivilegedRefused(VaultuiError):
    code = "privileged-refused"
    exit_code = ExitCode.TASK_FAILED
    template = N_("A privileged container could do anything on this machine, and is not allowed.")
    cure = N_("Whoever means it allows them: vaultui settings set privileged_containers true")


class ProtocolError(VaultuiError):
    code = "protocol"
    exit_code = ExitCode.OTHER
    template = N_("A message of {what} could not be understood: {reason}.")
    cure = N_("Lock all vaults, and start vaultui again; two versions may be mixed.")
