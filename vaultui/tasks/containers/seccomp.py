"""Which system calls a container may make, as the OCI runtime specification writes it down.

The default is a list of what programs need, in groups: whatever is not on it does not exist for
them (ENOSYS), as on a kernel that is too old, so that programs take the way they have for that.
What asks for power over the machine is refused with EPERM, as an ordinary user meets it. Names
that the runtime's libseccomp does not know are left out by the runtime.
"""

from __future__ import annotations

import errno
import json
import platform
from pathlib import Path
from typing import Any, Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_
from vaultui.tasks.containers.spec import Seccomp

_FILES: Final = """
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
    faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2
    fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr
    fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
    getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
    io_setup io_submit ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr
    lremovexattr lseek _llseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat newfstatat
    oldfstat oldlstat oldstat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64
    pwritev pwritev2 read readahead readlink readlinkat readv removexattr rename renameat
    renameat2 rmdir sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx
    symlink symlinkat sync sync_file_range sync_file_range2 syncfs tee truncate truncate64 umask
    unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
"""
_WAITING: Final = """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 pause poll ppoll ppoll_time64 pselect6 pselect6_time64
    select _newselect signalfd signalfd4
"""
_MEMORY: Final = """
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock
    mlock2 mlockall mmap mmap2 mprotect mremap msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages
"""
_PROCESSES: Final = """
    arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue
    futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu
    getpgid getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid ioprio_get
    ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt
    pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area
    set_tid_address set_tls setpgid setpriority setrlimit setsid sysinfo tgkill times tkill
    ugetrlimit uname vfork wait4 waitid waitpid breakpoint cacheflush riscv_flush_icache
    riscv_hwprobe s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr
"""
_USERS: Final = """
    chroot getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
    getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32
    setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid
    setresuid32 setreuid setreuid32 setuid setuid32
"""
_SIGNALS: Final = """
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack signal
    sigpending sigprocmask sigreturn sigsuspend
"""
_TIME: Final = """
    alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
    clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
_TALKING: Final = """
    accept accept4 bind connect getpeername getrandom getsockname getsockopt ipc listen
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg semctl semget semop semtimedop semtimedop_time64 send sendmmsg
    sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall socketpair
"""
_ALLOWED: Final = tuple(
    name
    for group in (_FILES, _WAITING, _MEMORY, _PROCESSES, _USERS, _SIGNALS, _TIME, _TALKING)
    for name in group.split()
)

_REFUSED: Final = """
    acct add_key bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 delete_module
    fanotify_init finit_module fsconfig fsmount fsopen fspick get_mempolicy init_module
    io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load
    keyctl lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages
    name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd
    pivot_root process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot request_key
    set_mempolicy sethostname setdomainname setns settimeofday stime swapoff swapon syslog
    _sysctl umount umount2 unshare userfaultfd vhangup vm86 vm86old
"""

_NAMESPACE_FLAGS: Final = 0x7E020000
"""All CLONE_NEW* of clone(2) but the one for time, which only unshare(2) and clone3(2) know."""
_AF_VSOCK: Final = 40
"""Reaches the host of a virtual machine: socket(2)."""
_PERSONALITIES: Final = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Linux as it is, 32 bits, another kernel version, both, and just asking: personality(2)."""
_ARCHITECTURES: Final = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
}
"""With those that run beside it; a machine that is not here takes its own alone."""

_ALLOW: Final = "SCMP_ACT_ALLOW"
_ERRNO: Final = "SCMP_ACT_ERRNO"


def asked_for(asked: str) -> tuple[Seccomp, str]:
    """Return which profile a request means, and the JSON of one in a file.

    Raises TaskOptionInvalid when that file can't be read or holds no profile.
    """
    match asked:
        case "" | "default":
            return Seccomp.DEFAULT, ""
        case "none":
            return Seccomp.NONE, ""
    try:
        text = Path(asked).read_text()
        profile = json.loads(text)
    except OSError as error:
        raise _invalid(asked, reason_of(error)) from error
    except ValueError as error:
        raise _invalid(asked, N_("it is not JSON")) from error
    if not isinstance(profile, dict) or "defaultAction" not in profile:
        raise _invalid(asked, N_("it has no defaultAction, so it is no seccomp profile"))
    return Seccomp.CUSTOM, text


def profile_of(kind: Seccomp, custom: str) -> dict[str, Any] | None:
    """Return what the configuration of the container says; None for no filter at all."""
    match kind:
        case Seccomp.NONE:
            return None
        case Seccomp.CUSTOM:
            profile: dict[str, Any] = json.loads(custom)
            return profile
        case Seccomp.DEFAULT:
            return _default()


def _default() -> dict[str, Any]:
    profile: dict[str, Any] = {
        "defaultAction": _ERRNO,
        "defaultErrnoRet": errno.ENOSYS,
        "syscalls": [
            {"names": list(_ALLOWED), "action": _ALLOW},
            {"names": _REFUSED.split(), "action": _ERRNO, "errnoRet": errno.EPERM},
            # Threads and processes, but none in namespaces of its own. The flags of clone3 are
            # out of reach of a filter, and the C library takes clone where there is no clone3.
            _allow_if("clone", _flags_argument(), _NAMESPACE_FLAGS, "SCMP_CMP_MASKED_EQ", two=0),
            {"names": ["clone3"], "action": _ERRNO, "errnoRet": errno.ENOSYS},
            _allow_if("socket", 0, _AF_VSOCK, "SCMP_CMP_NE"),
            *(_allow_if("personality", 0, number, "SCMP_CMP_EQ") for number in _PERSONALITIES),
        ],
    }
    if (architectures := _ARCHITECTURES.get(platform.machine())) is not None:
        profile["architectures"] = list(architectures)
    return profile


def _flags_argument() -> int:
    """Return which argument of clone(2) has the flags; the order depends on the architecture."""
    return 1 if platform.machine() in ("s390", "s390x") else 0


def _allow_if(name: str, index: int, value: int, op: str, *, two: int = 0) -> dict[str, Any]:
    argument = {"index": index, "value": value, "valueTwo": two, "op": op}
    return {"names": [name], "action": _ALLOW, "args": [argument]}


def _invalid(asked: str, reason: str) -> TaskOptionInvalid:
    return TaskOptionInvalid(option="--seccomp", value=asked, reason=reason)
