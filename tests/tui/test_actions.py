"""Proves that the table of actions is complete: each does something, and has its keys alone."""

from __future__ import annotations

from collections import Counter
from typing import Final, cast

import pytest

from vaultui.model.states import VaultState
from vaultui.tui.actions import ACTIONS, BY_ID, refusal
from vaultui.tui.app import VaultuiApp
from vaultui.tui.flows import Flows
from vaultui.tui.keymap import taken_by

OF_SCREENS: Final = {"vault.mark", "vault.processes", "view.filter", "view.maximise"}
OF_THE_APPLICATION: Final = {"view.freeze", "app.help", "app.commands", "app.quit", "vault.repair"}


def test_every_action_has_a_flow_a_screen_or_the_application_behind_it() -> None:
    flows = Flows(cast("VaultuiApp", None))
    with_vault, without = set(flows._with_vault), set(flows._without)
    assert with_vault | without | OF_SCREENS | OF_THE_APPLICATION == set(BY_ID)
    assert all(BY_ID[name].why_not is not None for name in with_vault)
    assert all(BY_ID[name].why_not is None for name in without)


def test_no_key_means_two_things() -> None:
    keys = Counter(key for action in ACTIONS for key in action.keys.split(","))
    assert [key for key, count in keys.items() if count > 1] == []
    for action in ACTIONS:
        assert {taken_by(key, {}) for key in action.keys.split(",")} == {action.id}
    assert not {"j", "k", "h", "g", "G"} & set(keys)


@pytest.mark.parametrize("state", VaultState)
def test_in_every_state_something_can_be_done_and_what_cannot_says_why(state: VaultState) -> None:
    from standin import StandIn

    vaults = StandIn()
    vaults.put("Work", state=state)
    status = vaults.status_of("Work")
    reasons = {action.id: refusal(action, status) for action in ACTIONS}
    assert all("{" not in reason for reason in reasons.values())
    assert not reasons["vault.copy-path"]
    closed = {VaultState.LOCKED, VaultState.BROKEN}
    assert (not reasons["vault.unlock"]) == (state in closed)
    in_use = {VaultState.OPEN, VaultState.BUSY, VaultState.LOCKING, VaultState.HUNG}
    assert (not reasons["vault.lock"]) == (state in in_use)
    assert (not reasons["vault.delete"]) == (state in closed | {VaultState.MISSING})
