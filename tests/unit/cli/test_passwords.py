"""Where a password comes from, asked of one session for several vaults."""

from __future__ import annotations

import argparse
import io
from types import SimpleNamespace

import pytest

from vaultui.cli.output import Output
from vaultui.cli.passwords import saved_password
from vaultui.cli.session import Session
from vaultui.model.errors import KeyringTimeout, KeyringUnavailable, VaultuiError


class SilentKeyring:
    """One that fails, after a time that is long for whoever has many vaults."""

    def __init__(self, error: VaultuiError) -> None:
        self.asked: list[str] = []
        self._error = error

    async def find(self, name: str, timeout_s: float) -> None:
        self.asked.append(name)
        raise self._error


@pytest.mark.parametrize(
    "error", [KeyringTimeout(seconds=5), KeyringUnavailable(reason="it is not running")]
)
def test_a_keyring_that_failed_is_not_asked_for_the_next_vault(error: VaultuiError) -> None:
    keyring = SilentKeyring(error)
    with Session(argparse.Namespace(), Output(out=io.StringIO(), err=io.StringIO())) as session:
        session.__dict__["vaults"] = SimpleNamespace(keyring=keyring)
        first, why = saved_password(session, "Work")
        second, why_again = saved_password(session, "Photos")
    assert (first, second) == (None, None)
    assert why == why_again != ""
    assert keyring.asked == ["Work"]
