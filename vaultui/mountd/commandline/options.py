"""What a command line asked for, as values.

`optiontable` says by which options; `pflag` has the rules by which words become options, and
`refusals` those that do not go together.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field


# No representation: it would show the master key.
@dataclass(repr=False)
class Options:
    """What the command line asked for; each option says in the table which field is its own."""

    positionals: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    """Names of the options that were there, whatever their value."""

    help: bool = False
    long_help: bool = False
    version: bool = False
    speed: bool = False
    init: bool = False
    passwd: bool = False
    info: bool = False
    fsck: bool = False
    xray: bool = False
    dump_master_key: bool = False
    encrypt_paths: bool = False
    decrypt_paths: bool = False

    aes_siv: bool = False
    xchacha: bool = False
    plaintext_names: bool = False
    deterministic_names: bool = False
    long_name_max: int = 255
    long_names: bool = True
    raw64: bool = True
    hkdf: bool = True
    scrypt_logn: int = 16
    argon2id: bool = False

    foreground: bool = False
    read_only: bool = False
    read_write: bool = False
    dev: bool = False
    nodev: bool = False
    suid: bool = False
    nosuid: bool = False
    exec: bool = False
    noexec: bool = False
    allow_other: bool = False
    force_owner: str = ""
    acl: bool = False
    noxattr: bool = False
    nonempty: bool = False
    idle_s: float = 0.0
    ctlsock: str = ""
    fsname: str = ""
    kernel_options: str = ""
    context: str = ""
    kernel_cache: bool = False
    serialize_reads: bool = False
    shared_storage: bool = False
    noprealloc: bool = False
    bad_names: list[str] = field(default_factory=list)
    conflict_copies: bool = False

    reverse: bool = False
    exclude: list[str] = field(default_factory=list)
    exclude_wildcard: list[str] = field(default_factory=list)
    exclude_from: list[str] = field(default_factory=list)
    one_file_system: bool = False

    config: str = ""
    passfile: list[str] = field(default_factory=list)
    extpass: list[str] = field(default_factory=list)
    master_key: str = ""
    zero_key: bool = False
    key_file: str = ""
    fido2: str = ""
    fido2_assert_options: list[str] = field(default_factory=list)

    quiet: bool = False
    nosyslog: bool = False
    notify_pid: int = 0
    debug: bool = False
    fuse_debug: bool = False
    warnings_end: bool = False
    cpu_profile: str = ""
    memory_profile: str = ""
    trace: str = ""
    nul_separated: bool = False
    openssl: str = "auto"
    ignored: bool | str = False
    """Of options that change nothing any more."""

    spec_fd: int = -1
    notify_fd: int = -1

    @property
    def has_master_key(self) -> bool:
        """Whether there is a master key in the place of a password."""
        return bool(self.master_key) or self.zero_key

    @property
    def actions(self) -> list[str]:
        """The actions on a volume that were asked for; none means to mount."""
        return [name for name in ("info", "init", "passwd", "fsck") if getattr(self, name)]

    @property
    def inspections(self) -> list[str]:
        """The actions that were asked for and want a file or a socket in place of CIPHERDIR."""
        names = ("xray", "dump_master_key", "encrypt_paths", "decrypt_paths")
        return [name for name in names if getattr(self, name)]

    @property
    def wants_background(self) -> bool:
        """True for a mount that somebody waits for: gocryptfs starts itself again then."""
        other = self.version or self.long_help or self.speed or self.actions or self.inspections
        # Whoever we started tells us, and stays where it is whatever the words behind say.
        started = self.notify_pid == os.getppid()
        return len(self.positionals) == 2 and not (self.foreground or other or started)
