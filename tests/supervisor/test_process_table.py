"""Every state has an answer to every event, and no answer leads out of an end."""

import itertools

import pytest

from vaultui.supervisor.process import TRANSITIONS, Event, State, may_leave_a_mount, next_state

ENDS = {State.ENDED, State.DIED, State.NOT_LAUNCHED}


def test_every_pair_of_state_and_event_is_decided() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, Event))


@pytest.mark.parametrize("state", sorted(ENDS, key=str))
@pytest.mark.parametrize("event", Event)
def test_an_end_is_an_end(state: State, event: Event) -> None:
    assert next_state(state, event) is state


@pytest.mark.parametrize("state", sorted(set(State) - ENDS, key=str))
def test_from_every_other_state_the_end_of_the_process_leads_to_an_end(state: State) -> None:
    assert next_state(state, Event.EXITED) in ENDS


@pytest.mark.parametrize("state", sorted(set(State) - ENDS - {State.PROTOCOL_BREACH}, key=str))
def test_we_can_stop_it_in_every_state(state: State) -> None:
    assert next_state(state, Event.STOP) is State.STOPPING


def test_every_state_is_reached_from_the_first() -> None:
    reached, new = set(), {State.LAUNCHING}
    while new:
        reached |= new
        new = {next_state(state, event) for state in new for event in Event} - reached
    assert reached == set(State)


def test_the_usual_way_of_a_mount_and_of_a_command() -> None:
    def walk(*events: Event) -> State:
        state = State.LAUNCHING
        for event in events:
            state = next_state(state, event)
        return state

    start = (Event.EXECUTED, Event.STARTING, Event.STEP)
    assert walk(*start, Event.MOUNTING, Event.READY, Event.SILENCE) is State.SERVING
    assert walk(*start, Event.READY) is State.SERVING
    assert walk(*start, Event.FAILED, Event.SILENCE, Event.EXITED) is State.ENDED
    assert walk(*start, Event.SILENCE) is State.DIED


def test_killing_is_harmless_exactly_before_the_mount() -> None:
    assert not may_leave_a_mount(State.STARTED)
    assert may_leave_a_mount(State.MOUNTING)
    assert may_leave_a_mount(State.SERVING)
    assert may_leave_a_mount(State.PROTOCOL_BREACH)
