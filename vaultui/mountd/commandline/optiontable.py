"""Every option of vaultfs, in one table.

An option is one row of `GROUPS`: its names, a line of help, what its value is, and the field
of `Options` that takes it. The options are gocryptfs's, with a few of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vaultui.model.records import record
from vaultui.mountd.commandline.optionvalues import (
    parse_bool,
    parse_duration,
    parse_int,
    parse_uint8,
)


@record(frozen=True)
class Option:
    names: tuple[str, ...]
    help: str
    """A line for people; empty for options that no person gives."""
    target: str
    kind: Callable[[str], Any] = parse_bool
    """Turns the text of a value into the value; raises ValueError with the reason."""
    value: str = ""
    """What the value is called in the help."""
    common: bool = False
    """Shown in the short help, too."""

    @property
    def is_flag(self) -> bool:
        return self.kind is parse_bool


GROUPS: Final = {
    "Actions; without one, CIPHERDIR is mounted on MOUNTPOINT": (
        Option(("init",), "Make a new volume in CIPHERDIR", "init", common=True),
        Option(("passwd",), "Change the password", "passwd", common=True),
        Option(("info",), "Show what the volume config says", "info", common=True),
        Option(("fsck",), "Read the whole volume and name what is damaged", "fsck", common=True),
        Option(("speed",), "Measure the content ciphers on this machine", "speed", common=True),
        Option(("xray",), "Show the parts of an encrypted file, given for CIPHERDIR", "xray"),
        Option(
            ("dumpmasterkey",),
            "Show the master key of a volume config, given for CIPHERDIR",
            "dump_master_key",
        ),
        Option(
            ("encrypt-paths",),
            "Encrypt the paths on standard input, by the control socket given for CIPHERDIR",
            "encrypt_paths",
        ),
        Option(("decrypt-paths",), "Decrypt paths, in the same way", "decrypt_paths"),
        Option(
            ("version",), "Show the versions of this program and its parts", "version", common=True
        ),
        Option(("help", "h"), "Show the common options", "help", common=True),
        Option(("hh",), "Show all options", "long_help", common=True),
    ),
    "What a volume is like (with -init, -masterkey and -zerokey)": (
        Option(("aessiv",), "Encrypt content with AES-SIV-512", "aes_siv", common=True),
        Option(("xchacha",), "Encrypt content with XChaCha20-Poly1305", "xchacha", common=True),
        Option(("plaintextnames",), "Leave names as they are", "plaintext_names", common=True),
        Option(
            ("deterministic-names",),
            "Encrypt a name in the same way in each directory",
            "deterministic_names",
        ),
        Option(
            ("longnamemax",),
            "Longest encrypted name that is kept as it is, 62 to 255 bytes",
            "long_name_max",
            parse_uint8,
            "N",
        ),
        Option(
            ("scryptn",),
            "Cost of deriving the key as a power of two, 10 to 28 (also with -passwd)",
            "scrypt_logn",
            parse_int,
            "N",
        ),
        Option(
            ("argon2id",),
            "Derive the key with Argon2id, which gocryptfs does not know (also with -passwd)",
            "argon2id",
        ),
        Option(("hkdf",), "Derive keys with HKDF; =false for volumes before 1.3", "hkdf"),
        Option(("raw64",), "Encode names without padding; =false for volumes before 1.2", "raw64"),
        Option(
            ("longnames",),
            "Hash long names; =false for volumes before 0.9",
            "long_names",
        ),
    ),
    "Mounting": (
        Option(("fg", "f"), "Stay in the foreground", "foreground", common=True),
        Option(("ro",), "Mount read-only; wins over -rw", "read_only", common=True),
        Option(("rw",), "Mount read-write (the default)", "read_write"),
        Option(("nodev",), "Refuse device files (the default); wins over -dev", "nodev"),
        Option(("dev",), "Allow device files; needs root", "dev"),
        Option(
            ("nosuid",), "Ignore set-uid and set-gid bits (the default); wins over -suid", "nosuid"
        ),
        Option(("suid",), "Obey set-uid and set-gid bits; needs root", "suid"),
        Option(("noexec",), "Refuse to execute programs; wins over -exec", "noexec"),
        Option(("exec",), "Allow to execute programs (the default)", "exec"),
        Option(
            ("allow_other",),
            "Let other users in, as far as permissions allow it",
            "allow_other",
            common=True,
        ),
        Option(
            ("force_owner",),
            "Show everything as owned by them; lets other users in",
            "force_owner",
            str,
            "UID:GID",
        ),
        Option(("acl",), "Enforce POSIX access control lists", "acl"),
        Option(("noxattr",), "Do without extended attributes", "noxattr"),
        Option(
            ("idle", "i"),
            "Unmount after so long without use, as 500s or 1h30m",
            "idle_s",
            parse_duration,
            "TIME",
            common=True,
        ),
        Option(
            ("ctlsock",),
            "Make a control socket there, for questions about paths",
            "ctlsock",
            str,
            "PATH",
            common=True,
        ),
        Option(("nonempty",), "Mount over a directory with content", "nonempty", common=True),
        Option(("fsname",), "Source that the mount table shows", "fsname", str, "NAME"),
        Option(
            ("badname",),
            "Show undecryptable names on disk that match the pattern (repeatable)",
            "bad_names",
            str,
            "PATTERN",
        ),
        Option(
            ("conflict-copies",),
            "Show conflict copies of sync clients under plain names",
            "conflict_copies",
        ),
        Option(
            ("sharedstorage",),
            "Others change CIPHERDIR, too: believe nothing without looking",
            "shared_storage",
        ),
        Option(("noprealloc",), "Write without reserving the space for it before", "noprealloc"),
        Option(("kernel_cache",), "Keep the kernel's cache of a file over opens", "kernel_cache"),
        Option(("serialize_reads",), "Read one piece after the other", "serialize_reads"),
        Option(("context",), "SELinux context of the whole mount", "context", str, "CONTEXT"),
        Option(
            ("ko",), "Options for the kernel, separated by commas", "kernel_options", str, "OPTIONS"
        ),
        Option(
            ("o",), "Options of this program, as mount(8) gives them", "ignored", str, "OPTIONS"
        ),
    ),
    "Reverse mode": (
        Option(
            ("reverse",), "Show the plain CIPHERDIR encrypted, read-only", "reverse", common=True
        ),
        Option(("exclude", "e"), "Leave out this path (repeatable)", "exclude", str, "PATH"),
        Option(
            ("exclude-wildcard", "ew"),
            "Leave out what matches the gitignore pattern (repeatable)",
            "exclude_wildcard",
            str,
            "PATTERN",
        ),
        Option(
            ("exclude-from",),
            "Read gitignore patterns from the file (repeatable)",
            "exclude_from",
            str,
            "FILE",
        ),
        Option(
            ("one-file-system",),
            "Show what is mounted inside as empty directories",
            "one_file_system",
        ),
    ),
    "Passwords and keys": (
        Option(
            ("passfile",),
            "The password is the first line of the file (repeatable)",
            "passfile",
            str,
            "FILE",
            common=True,
        ),
        Option(
            ("extpass",),
            "The password is what the program prints (repeatable, for its words)",
            "extpass",
            str,
            "PROGRAM",
            common=True,
        ),
        Option(("config",), "Volume config to use instead", "config", str, "FILE", common=True),
        Option(
            ("masterkey",),
            'Use this master key instead of a password; "stdin" to type it',
            "master_key",
            str,
            "KEY",
            common=True,
        ),
        Option(("zerokey",), "Use a master key of zeros, for tests", "zero_key"),
        Option(
            ("keyfile",),
            "The content of the file is a key, alone or together with the password",
            "key_file",
            str,
            "FILE",
        ),
        Option(("fido2",), "Use a FIDO2 token instead of a password", "fido2", str, "DEVICE"),
        Option(
            ("fido2-assert-option",),
            "What the token is to check, such as pin=true (repeatable)",
            "fido2_assert_options",
            str,
            "OPTION",
        ),
    ),
    "Output and other programs": (
        Option(("q", "quiet"), "Print warnings and errors only", "quiet", common=True),
        Option(
            ("nosyslog",),
            "Keep printing in the background, instead of using the system log",
            "nosyslog",
            common=True,
        ),
        Option(
            ("notifypid",),
            "Send SIGUSR1 to the process when mounted, and become a daemon",
            "notify_pid",
            parse_int,
            "PID",
        ),
        Option(
            ("0",),
            "Paths end with a zero byte (with -encrypt-paths, -decrypt-paths)",
            "nul_separated",
        ),
        Option(("debug", "d"), "Say more about what is done", "debug"),
        Option(("fusedebug",), "Show the requests of the kernel", "fuse_debug"),
        Option(("wpanic",), "End with exit code 2 at the first warning", "warnings_end"),
        Option(
            ("cpuprofile",),
            "Write a profile of the time spent (pstats)",
            "cpu_profile",
            str,
            "FILE",
        ),
        Option(
            ("memprofile",),
            "Write a profile of the memory in use (tracemalloc)",
            "memory_profile",
            str,
            "FILE",
        ),
        Option(("trace",), "Write a line for each request of the kernel", "trace", str, "FILE"),
    ),
    "Accepted, and without effect": (
        Option(
            ("openssl",), "The ciphers are always OpenSSL's or libsodium's", "openssl", str, "auto"
        ),
        Option(("nofail",), "For systemd, in fstab", "ignored"),
        Option(("devrandom",), "Of older versions of gocryptfs", "ignored"),
        Option(("forcedecode",), "Of older versions of gocryptfs", "ignored"),
    ),
}
"""The rows, under the headings of the long help."""

OPTIONS: Final = (
    *(option for group in GROUPS.values() for option in group),
    Option(("spec-fd",), "", "spec_fd", parse_int),
    Option(("notify-fd",), "", "notify_fd", parse_int),
)
