"""What a new process is given between fork and exec, step by step.

The order matters, and is the same for every process. A new user namespace comes first, since the
others belong to it, and since it forgets that capabilities are to be kept. The session comes
before the signals, so that no terminal reaches the process with default handlers; the root
directory before the credentials, which may not change it; the parent-death signal after them,
since they clear it; the working directory is looked for with the rights that the program will
have; the descriptors move late, since the steps before may need one; limits and what gives up
privileges come last.

All steps are planned before the first is taken: with another root directory, or as another user,
no module may be found any more. What needs ctypes is imported in the planning, and by those alone
who ask for it, since it costs as much as the rest of the shim.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

from vaultui.shim import descriptors, limits
from vaultui.shim.idmaps import IdMaps, write_own
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes, Namespace
from vaultui.wire.launchspec import LaunchSpec, StepFailed
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED

Action = Callable[[], object]


@dataclass
class _Child:
    """The process that takes the steps."""

    spec: LaunchSpec
    fds: Sequence[int]
    status: int
    """Where the step is told that fails; it moves with the descriptors."""
    parent: int
    """Whose death is meant by the parent-death signal; 0 where that is not known."""
    maps: IdMaps | None = None
    """Of the user namespace, where the parent writes them."""
    begin: Action | None = None

    @property
    def wanted(self) -> Attributes:
        return self.spec.attributes


def start(spec: LaunchSpec, fds: Sequence[int], status: int, *, begin: Action | None = None) -> int:
    """Fork, and let the child become the program as `become` has it; return its pid.

    Returns at once, or when the child has the maps of its user namespace. Raises OSError when
    there can be no more processes.
    """
    maps = IdMaps.wanted_by(spec.attributes)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _take_all_steps(_Child(spec, fds, status, parent, maps, begin))
    if maps is not None:
        maps.serve(pid)
    return pid


def become(
    spec: LaunchSpec, fds: Sequence[int], status: int, *, begin: Action | None = None
) -> NoReturn:
    """Take all steps and execute the program; never returns.

    The step that fails and its errno go to the `status` descriptor, and the process exits
    with 253. `fds` is `spec.fds` with its placeholders filled in. `begin` comes before the first
    step, when all of them are planned: it may wait, and enters the control group.
    """
    parent = spec.attributes.parent_pid
    _take_all_steps(_Child(spec, fds, status, parent, begin=begin))


def _take_all_steps(child: _Child) -> NoReturn:
    step = "start"
    try:
        descriptors.close_all_on_exec()
        planned: list[tuple[str, Action]] = []
        for name, plan in STEPS:
            step = name
            if (action := plan(child)) is not None:
                planned.append((name, action))
        for name, action in planned:
            step = name
            action()
        step = "exec"
        spec = child.spec
        os.execve(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - no shell is wanted
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) and error.errno else 0
        framing.write_message(child.status, StepFailed(step, number, str(error)))
    finally:
        os._exit(EXIT_LAUNCH_FAILED)


def _begin(child: _Child) -> Action | None:
    return child.begin


def _leave_users(child: _Child) -> Action | None:
    if Namespace.USER not in child.wanted.namespaces:
        return None
    from vaultui.linux import namespaces

    return partial(namespaces.unshare, Namespace.USER.value)


def _keep_capabilities(child: _Child) -> Action | None:
    if not child.wanted.ambient_capabilities:
        return None
    from vaultui.linux import prctl

    return prctl.keep_capabilities


def _have_id_maps(child: _Child) -> Action | None:
    if Namespace.USER not in child.wanted.namespaces:
        return None
    return partial(write_own, child.wanted) if child.maps is None else child.maps.wait


def _start_session(child: _Child) -> Action | None:
    # The leader of a session can't start another one, and has what it needs already.
    if not child.wanted.new_session or os.getsid(0) == os.getpid():
        return None
    return os.setsid


def _join_process_group(child: _Child) -> Action | None:
    group = child.wanted.process_group
    if group < 0:
        if child.wanted.foreground < 0:
            return None
        group = 0

    def join() -> None:
        # A session's leader has a group of its own, and may not change it.
        if os.getpgrp() != (group or os.getpid()):
            os.setpgid(0, group)

    return join


def _go_to_foreground(child: _Child) -> Action | None:
    terminal = child.wanted.foreground
    if terminal < 0:
        return None
    from vaultui.linux import controllingterminal

    return lambda: controllingterminal.put_in_foreground(terminal, os.getpgrp())


def _restore_signals(_child: _Child) -> Action:
    """Give every signal its default action, and block none.

    Python ignores SIGPIPE, and an ignored signal stays ignored over an exec.
    """

    def restore() -> None:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            # Some numbers belong to the C library and can't be set.
            if signal.getsignal(number) not in (signal.SIG_DFL, None):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return restore


def _unshare_namespaces(child: _Child) -> Action | None:
    kinds = {kind.value for kind in child.wanted.namespaces} - {Namespace.USER.value}
    if not kinds:
        return None
    from vaultui.linux import namespaces

    return partial(namespaces.unshare, *kinds)


def _make_mounts_private(child: _Child) -> Action | None:
    if Namespace.MOUNT not in child.wanted.namespaces:
        return None
    from vaultui.linux import mounting

    return mounting.make_private


def _change_root(child: _Child) -> Action | None:
    if not child.wanted.chroot:
        return None

    def change() -> None:
        os.chroot(child.wanted.chroot)
        # Until then a path without a slash in front leads out of it.
        os.chdir("/")

    return change


def _set_groups(child: _Child) -> Action | None:
    wanted = child.wanted
    if wanted.groups is None:
        return None
    from vaultui.linux import idmaps

    own = Namespace.USER in wanted.namespaces
    may = wanted.setgroups if own else idmaps.may_set_groups()
    return partial(os.setgroups, wanted.groups) if may else None


def _set_gid(child: _Child) -> Action | None:
    gid = child.wanted.gid
    # Real, effective and saved: there is no way back.
    return None if gid < 0 else partial(os.setresgid, gid, gid, gid)


def _set_uid(child: _Child) -> Action | None:
    uid = child.wanted.uid
    return None if uid < 0 else partial(os.setresuid, uid, uid, uid)


def _make_capabilities_ambient(child: _Child) -> Action | None:
    names = child.wanted.ambient_capabilities
    if not names:
        return None
    from vaultui.linux import capabilities

    return partial(capabilities.make_ambient, names)


def _change_directory(child: _Child) -> Action:
    return partial(os.chdir, child.wanted.cwd)


def _set_parent_death_signal(child: _Child) -> Action | None:
    number = child.wanted.parent_death_signal
    if not number:
        return None
    from vaultui.linux import prctl

    def set_signal() -> None:
        prctl.set_parent_death_signal(number)
        if child.parent and os.getppid() != child.parent:
            os.kill(os.getpid(), number)

    return set_signal


def _place_descriptors(child: _Child) -> Action:
    def place() -> None:
        child.status = descriptors.place(child.fds, child.status)

    return place


def _settle_terminal(child: _Child) -> Action | None:
    wanted = child.wanted
    if not wanted.drop_terminal and wanted.controlling_terminal < 0:
        return None
    from vaultui.linux import controllingterminal

    def settle() -> None:
        if wanted.drop_terminal:
            controllingterminal.give_up()
        if wanted.controlling_terminal >= 0:
            controllingterminal.take(wanted.controlling_terminal)

    return settle


def _set_limits(child: _Child) -> Action:
    def set_all() -> None:
        for limit in child.wanted.rlimits:
            limits.set_limit(limit)

    return set_all


def _set_open_file_limit(child: _Child) -> Action | None:
    wanted = child.spec.nofile_soft
    return partial(limits.set_open_files, wanted) if wanted else None


def _give_up_new_privileges(child: _Child) -> Action | None:
    if not child.wanted.no_new_privileges:
        return None
    from vaultui.linux import prctl

    return prctl.set_no_new_privileges


def _be_traced(child: _Child) -> Action | None:
    if not child.wanted.ptrace_me:
        return None
    from vaultui.linux import ptrace

    return ptrace.trace_me


STEPS: Final[tuple[tuple[str, Callable[[_Child], Action | None]], ...]] = (
    ("control group", _begin),
    ("user namespace", _leave_users),
    ("kept capabilities", _keep_capabilities),
    ("id maps", _have_id_maps),
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
"""Each plans what is to be done, or nothing. Their names are those in StepFailed."""
