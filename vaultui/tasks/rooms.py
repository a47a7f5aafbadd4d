"""Rooms as this user can have them, and why there are none where there are none."""

from __future__ import annotations

import os
from typing import Final

from vaultui.linux.errnos import reason_of
from vaultui.linux.usernamespaces import Barrier, barrier_behind, known_barrier
from vaultui.model.errors import LaunchFailed, NamespacesForbidden
from vaultui.model.language import N_, Phrase
from vaultui.wire.attributes import Namespace
from vaultui.wire.rooms import RoomSpec

_REASONS: Final = {
    Barrier.DEBIAN: N_("the system keeps them for root"),
    Barrier.COUNT: N_("the system allows no more of them"),
    Barrier.APPARMOR: N_("AppArmor keeps programs without a profile from using them"),
}
_CURES: Final = {
    Barrier.DEBIAN: N_("Allow them: sudo sysctl kernel.unprivileged_userns_clone=1"),
    Barrier.COUNT: N_("Allow some: sudo sysctl user.max_user_namespaces=10000"),
    Barrier.APPARMOR: N_(
        "Allow them: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give Python a "
        "profile with the rule userns."
    ),
    Barrier.ELSEWHERE: N_(
        "In a container, its engine has to allow them (--cap-add SYS_ADMIN, or --privileged); "
        "without them a task can run with the driver command, and without --private."
    ),
}

_COVERED: Final = N_("the system shows no task its own processes alone")
_UNCOVER: Final = N_(
    "In a container, its engine has to leave /proc uncovered (Podman: --security-opt unmask=ALL; "
    "Docker: --security-opt systempaths=unconfined); without that a task can run with the driver "
    "command."
)


def own_room(*more: Namespace) -> RoomSpec:
    """Return a room with a mount and a pid namespace, and `more` of them.

    Raises NamespacesForbidden where it is known that we can't have it.
    """
    kinds = (Namespace.MOUNT, Namespace.PID, *more)
    if os.geteuid() == 0:
        return RoomSpec(kinds)
    barrier = known_barrier()
    if barrier is not Barrier.NONE:
        raise _forbidden(barrier)
    return RoomSpec((Namespace.USER, *kinds))


def refusal(failure: LaunchFailed) -> NamespacesForbidden:
    """Return the error for a room that failed in one of NAMESPACE_STEPS."""
    cause = failure.__cause__
    number = cause.errno if isinstance(cause, OSError) and cause.errno else 0
    return _forbidden(barrier_behind(number), raw=failure.raw, step=failure.details.get("reason"))


def without_processes(failure: LaunchFailed) -> NamespacesForbidden:
    """Return the error for a view that can't have a /proc of its own; see shim.view."""
    reason, how = Phrase(_COVERED), Phrase(_UNCOVER)
    return NamespacesForbidden(raw=failure.raw, reason=reason, how=how, setting="/proc")


def refused(error: OSError) -> NamespacesForbidden:
    """Return the error for namespaces that the kernel did not give us when it was asked."""
    return _forbidden(barrier_behind(error.errno or 0), step=reason_of(error))


def _forbidden(barrier: Barrier, raw: str = "", step: object = "") -> NamespacesForbidden:
    reason = _REASONS.get(barrier) or (step if isinstance(step, str) else "")
    return NamespacesForbidden(
        raw=raw, reason=Phrase(reason), how=Phrase(_CURES[barrier]), setting=barrier.value
    )
