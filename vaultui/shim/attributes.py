"""What a new process is given between fork and exec, step by step.

The order matters, and is the same for every process. The session comes before the signals, so
that no terminal reaches the process with default handlers; the root directory before the
credentials, which may not change it; the parent-death signal after them, since they clear it;
the working directory is looked for with the rights that the program will have; the descriptors
move late, since the steps before may need one; limits and what gives up privileges come last.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from vaultui.shim import descriptors, limits
from vaultui.shim.idmaps import IdMaps, write_own
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes, Namespace
from vaultui.wire.launchspec import EXIT_LAUNCH_FAILED, LaunchSpec, StepFailed


@dataclass
class _Child:
    """The process that takes the steps."""

    spec: LaunchSpec
    fds: Sequence[int]
    status: int
    """Where the step is told that fails; it moves with the descriptors."""
    maps: IdMaps | None
    """Of the user namespace, where the parent writes them."""
    parent: int
    """Whose death is meant by the parent-death signal; 0 where that is not known."""

    @property
    def wanted(self) -> Attributes:
        return self.spec.attributes


def start(spec: LaunchSpec, fds: Sequence[int], status: int) -> int:
    """Fork, and let the child become the program as `become` has it; return its pid.

    Raises OSError when there can be no more processes. Returns when the child has the maps of its
    user namespace, where it has one, and does not wait for its exec.
    """
    maps = IdMaps.wanted_by(spec.attributes)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _take_all_steps(_Child(spec, fds, status, maps, parent))
    if maps is not None:
        maps.serve(pid)
    return pid


def become(spec: LaunchSpec, fds: Sequence[int], status: int) -> NoReturn:
    """Take all steps and execute the program; never returns.

    The step that fails and its errno go to the `status` descriptor, and the process exits
    with 253. `fds` is `spec.fds` with its placeholders filled in.
    """
    _take_all_steps(_Child(spec, fds, status, None, spec.attributes.parent_pid))


def _take_all_steps(child: _Child) -> NoReturn:
    step = "start"
    try:
        for name, take in STEPS:
            step = name
            take(child)
        step = "exec"
        spec = child.spec
        os.execve(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - no shell is wanted
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) and error.errno else 0
        framing.write_message(child.status, StepFailed(step, number, str(error)))
    finally:
        os._exit(EXIT_LAUNCH_FAILED)


def _keep_capabilities(child: _Child) -> None:
    if child.wanted.ambient_capabilities:
        # Here and below: ctypes costs as much as the rest of the shim, and few need it.
        from vaultui.linux import prctl

        prctl.keep_capabilities()


def _wait_for_id_maps(child: _Child) -> None:
    if child.maps is not None:
        child.maps.wait()


def _start_session(child: _Child) -> None:
    # The leader of a session can't start another one, and has what it needs already.
    if child.wanted.new_session and os.getsid(0) != os.getpid():
        os.setsid()


def _join_process_group(child: _Child) -> None:
    group = child.wanted.process_group
    if group < 0 and child.wanted.foreground >= 0:
        group = 0
    # A session's leader has a group of its own, and may not change it.
    if group >= 0 and os.getpgrp() != (group or os.getpid()):
        os.setpgid(0, group)


def _go_to_foreground(child: _Child) -> None:
    if child.wanted.foreground >= 0:
        from vaultui.linux import controllingterminal

        controllingterminal.put_in_foreground(child.wanted.foreground, os.getpgrp())


def _restore_signals(_child: _Child) -> None:
    """Give every signal its default action, and block none.

    Python ignores SIGPIPE, and an ignored signal stays ignored over an exec.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        # Some numbers belong to the C library and can't be set.
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _unshare_namespaces(child: _Child) -> None:
    kinds = set(child.wanted.namespaces)
    if child.maps is not None:
        kinds.discard(Namespace.USER)
    if not kinds:
        return
    from vaultui.linux import namespaces

    namespaces.unshare(*(kind.value for kind in kinds))
    if Namespace.USER in kinds:
        write_own(child.wanted)


def _make_mounts_private(child: _Child) -> None:
    if Namespace.MOUNT in child.wanted.namespaces:
        from vaultui.linux import mounting

        mounting.make_private()


def _change_root(child: _Child) -> None:
    if child.wanted.chroot:
        os.chroot(child.wanted.chroot)
        # Until then a path without a slash in front leads out of it.
        os.chdir("/")


def _set_groups(child: _Child) -> None:
    if child.wanted.groups is not None:
        from vaultui.linux import idmaps

        if idmaps.may_set_groups():
            os.setgroups(child.wanted.groups)


def _set_gid(child: _Child) -> None:
    gid = child.wanted.gid
    if gid >= 0:
        # Real, effective and saved: there is no way back.
        os.setresgid(gid, gid, gid)


def _set_uid(child: _Child) -> None:
    uid = child.wanted.uid
    if uid >= 0:
        os.setresuid(uid, uid, uid)


def _make_capabilities_ambient(child: _Child) -> None:
    if child.wanted.ambient_capabilities:
        from vaultui.linux import capabilities

        capabilities.make_ambient(child.wanted.ambient_capabilities)


def _change_directory(child: _Child) -> None:
    os.chdir(child.wanted.cwd)


def _set_parent_death_signal(child: _Child) -> None:
    number = child.wanted.parent_death_signal
    if not number:
        return
    from vaultui.linux import prctl

    prctl.set_parent_death_signal(number)
    if child.parent and os.getppid() != child.parent:
        os.kill(os.getpid(), number)


def _place_descriptors(child: _Child) -> None:
    child.status = descriptors.place(child.fds, child.status)


def _settle_terminal(child: _Child) -> None:
    wanted = child.wanted
    if not wanted.drop_terminal and wanted.controlling_terminal < 0:
        return
    from vaultui.linux import controllingterminal

    if wanted.drop_terminal:
        controllingterminal.give_up()
    if wanted.controlling_terminal >= 0:
        controllingterminal.take(wanted.controlling_terminal)


def _set_limits(child: _Child) -> None:
    for limit in child.wanted.rlimits:
        limits.set_limit(limit)


def _set_open_file_limit(child: _Child) -> None:
    if child.spec.nofile_soft:
        limits.set_open_files(child.spec.nofile_soft)


def _give_up_new_privileges(child: _Child) -> None:
    if child.wanted.no_new_privileges:
        from vaultui.linux import prctl

        prctl.set_no_new_privileges()


def _be_traced(child: _Child) -> None:
    if child.wanted.ptrace_me:
        from vaultui.linux import ptrace

        ptrace.trace_me()


STEPS: Final[tuple[tuple[str, Callable[[_Child], None]], ...]] = (
    ("kept capabilities", _keep_capabilities),
    ("id maps", _wait_for_id_maps),
    ("session", _start_session),
    ("process group", _join_process_group),
    ("foreground", _go_to_foreground),
    ("signals", _restore_signals),
    ("namespaces", _unshare_namespaces),
    ("mount propagation", _make_mounts_private),
    ("root directory", _change_root),
    ("groups", _set_groups),
    ("group", _set_gid),
    ("user", _set_uid),
    ("ambient capabilities", _make_capabilities_ambient),
    ("working directory", _change_directory),
    ("parent-death signal", _set_parent_death_signal),
    ("descriptors", _place_descriptors),
    ("terminal", _settle_terminal),
    ("limits", _set_limits),
    ("open-file limit", _set_open_file_limit),
    ("no new privileges", _give_up_new_privileges),
    ("tracing", _be_traced),
)
"""Their names are those in StepFailed."""
