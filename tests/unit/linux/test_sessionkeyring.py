"""Leaving the keys of the session, in a process of somebody who owns none of them."""

from pathlib import Path

from ordinaryuser import run_as_user

from vaultui.linux import sessionkeyring


def test_whoever_leaves_has_an_empty_keyring_in_the_place_of_the_old_one() -> None:
    def leave() -> None:
        before = session_keyrings()
        sessionkeyring.leave()
        after = session_keyrings()
        (new,) = set(after) - set(before)
        assert after[new] == "empty"

    run_as_user(leave)


def session_keyrings() -> dict[str, str]:
    """Return the session keyrings that this process may look at, and what is in each."""
    lines = [line.split() for line in Path("/proc/keys").read_text().splitlines()]
    return {line[0]: line[-1] for line in lines if line[8].startswith("_ses")}
