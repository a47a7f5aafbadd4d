"""What a supervised process can be in, what can happen to it, and what comes of each pair.

The table is complete: `launch` and `oneshot` look every event up here, and whatever a
backend may not do is a PROTOCOL_BREACH, after which it is ended.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    LAUNCHING = "launching"
    """The shim is at work; nothing of the backend's code has run."""
    EXECUTED = "executed"
    """The exec happened; the backend has not spoken yet."""
    STARTED = "started"
    """It said Starting; it can be killed without leaving anything behind."""
    MOUNTING = "mounting"
    """The kernel may list the mount already: a kill would leave a dead one."""
    SERVING = "serving"
    """It said Ready, and the mount table agrees."""
    STOPPING = "stopping"
    """It was told to end, or said that it will."""
    ENDED = "ended"
    """It is gone, as it was meant to be."""
    DIED = "died"
    """It is gone, and nobody had asked for that."""
    NOT_LAUNCHED = "not-launched"
    """It never ran."""
    PROTOCOL_BREACH = "protocol-breach"
    """It said what it may not say now; it is ended like a process that does not answer."""


class Event(Enum):
    EXECUTED = "executed"
    """End of file on the status pipe, after Forked."""
    LAUNCH_FAILED = "launch-failed"
    """StepFailed, or end of file before Forked."""
    STARTING = "starting"
    STEP = "step"
    """Any step but mounting; for a one-shot command its progress, too."""
    MOUNTING = "mounting"
    READY = "ready"
    """For a one-shot command: its result."""
    FAILED = "failed"
    SILENCE = "silence"
    """End of file on the notify pipe without Ready or Failed."""
    STOP = "stop"
    """Ours: cancelled, out of time, or asked to shut down."""
    EXITED = "exited"
    """The pidfd became readable."""


S, E = State, Event
B = State.PROTOCOL_BREACH

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (S.LAUNCHING, E.EXECUTED): S.EXECUTED,
    (S.LAUNCHING, E.LAUNCH_FAILED): S.NOT_LAUNCHED,
    (S.LAUNCHING, E.STARTING): B,
    (S.LAUNCHING, E.STEP): B,
    (S.LAUNCHING, E.MOUNTING): B,
    (S.LAUNCHING, E.READY): B,
    (S.LAUNCHING, E.FAILED): B,
    (S.LAUNCHING, E.SILENCE): S.NOT_LAUNCHED,
    (S.LAUNCHING, E.STOP): S.STOPPING,
    (S.LAUNCHING, E.EXITED): S.NOT_LAUNCHED,
    (S.EXECUTED, E.EXECUTED): B,
    (S.EXECUTED, E.LAUNCH_FAILED): B,
    (S.EXECUTED, E.STARTING): S.STARTED,
    (S.EXECUTED, E.STEP): B,  # Starting comes before anything that can fail
    (S.EXECUTED, E.MOUNTING): B,
    (S.EXECUTED, E.READY): B,
    (S.EXECUTED, E.FAILED): S.STOPPING,  # it could not even read its specification
    (S.EXECUTED, E.SILENCE): S.DIED,
    (S.EXECUTED, E.STOP): S.STOPPING,
    (S.EXECUTED, E.EXITED): S.DIED,
    (S.STARTED, E.EXECUTED): B,
    (S.STARTED, E.LAUNCH_FAILED): B,
    (S.STARTED, E.STARTING): B,
    (S.STARTED, E.STEP): S.STARTED,
    (S.STARTED, E.MOUNTING): S.MOUNTING,
    (S.STARTED, E.READY): S.SERVING,  # a one-shot command never mounts
    (S.STARTED, E.FAILED): S.STOPPING,
    (S.STARTED, E.SILENCE): S.DIED,
    (S.STARTED, E.STOP): S.STOPPING,
    (S.STARTED, E.EXITED): S.DIED,
    (S.MOUNTING, E.EXECUTED): B,
    (S.MOUNTING, E.LAUNCH_FAILED): B,
    (S.MOUNTING, E.STARTING): B,
    (S.MOUNTING, E.STEP): S.MOUNTING,
    (S.MOUNTING, E.MOUNTING): S.MOUNTING,
    (S.MOUNTING, E.READY): S.SERVING,
    (S.MOUNTING, E.FAILED): S.STOPPING,
    (S.MOUNTING, E.SILENCE): S.DIED,
    (S.MOUNTING, E.STOP): S.STOPPING,
    (S.MOUNTING, E.EXITED): S.DIED,
    (S.SERVING, E.EXECUTED): B,
    (S.SERVING, E.LAUNCH_FAILED): B,
    (S.SERVING, E.STARTING): B,
    (S.SERVING, E.STEP): B,
    (S.SERVING, E.MOUNTING): B,
    (S.SERVING, E.READY): B,
    (S.SERVING, E.FAILED): B,
    (S.SERVING, E.SILENCE): S.SERVING,  # the notify pipe ends after Ready
    (S.SERVING, E.STOP): S.STOPPING,
    (S.SERVING, E.EXITED): S.DIED,
    # What it had on its way when it was told to end is read and means nothing any more.
    (S.STOPPING, E.EXECUTED): S.STOPPING,
    (S.STOPPING, E.LAUNCH_FAILED): S.ENDED,
    (S.STOPPING, E.STARTING): S.STOPPING,
    (S.STOPPING, E.STEP): S.STOPPING,
    (S.STOPPING, E.MOUNTING): S.STOPPING,
    (S.STOPPING, E.READY): S.STOPPING,
    (S.STOPPING, E.FAILED): S.STOPPING,
    (S.STOPPING, E.SILENCE): S.STOPPING,
    (S.STOPPING, E.STOP): S.STOPPING,
    (S.STOPPING, E.EXITED): S.ENDED,
    **{(S.ENDED, event): S.ENDED for event in Event},
    **{(S.DIED, event): S.DIED for event in Event},
    **{(S.NOT_LAUNCHED, event): S.NOT_LAUNCHED for event in Event},
    **{(B, event): B for event in Event},
    (B, E.EXITED): S.DIED,
}


def next_state(state: State, event: Event) -> State:
    """Return what comes of `event` in `state`; every pair has an answer."""
    return TRANSITIONS[state, event]


def may_leave_a_mount(state: State) -> bool:
    """Return whether killing the process in this state can leave a dead mount behind."""
    return state in (State.MOUNTING, State.SERVING, State.PROTOCOL_BREACH)
