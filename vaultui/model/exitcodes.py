"""Exit codes of every program of ours.

Numbers below 40 keep the meaning that gocryptfs gives them, as the program really
behaves and not as its documentation has it: an empty password is 9 and not 22, a missing
volume config is 11 and not 23. From 40 on they are ours.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    USAGE = 1
    CIPHERDIR = 6
    INIT = 7
    LOAD_CONF = 8
    READ_PASSWORD = 9
    MOUNTPOINT = 10
    OTHER = 11
    PASSWORD_INCORRECT = 12
    SCRYPT_PARAMS = 13
    MASTER_KEY = 14
    SIGINT = 15
    FORK_CHILD = 17
    FUSE_NEW_SERVER = 19
    CTLSOCK = 20
    WRITE_CONF = 24
    PROFILER = 25
    FSCK_ERRORS = 26
    DEPRECATED_FS = 27
    EXCLUDE = 29
    DEV_NULL = 30
    FIDO2 = 31

    SETTINGS = 40
    VAULT_UNKNOWN = 41
    VAULT_EXISTS = 42
    CIPHERDIR_IN_USE = 43
    KEYRING = 44
    BACKEND_DIED = 45
    BACKEND_UNREACHABLE = 46
    MOUNT_BUSY = 47
    NOT_OPEN = 48
    RUNTIME_DIR = 49
    LAUNCH = 50
    TIMEOUT = 51
    DOCTOR_FINDINGS = 52
    TERMINAL = 53
    DESKTOP = 54
    HOOK = 55
    SYSTEMD = 56

    TASK_FAILED = 125
    """Of `run`, any failure of ours: its other exit codes are the task's own."""
    TASK_NOT_EXECUTABLE = 126
    TASK_NOT_FOUND = 127
