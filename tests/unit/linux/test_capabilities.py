"""Names and numbers of capabilities, and which of them we have."""

import errno
import os
import re
from pathlib import Path

import pytest
from capabilities import needs
from forkedwork import run_in_child
from ordinaryuser import run_as_user

from vaultui.linux import capabilities, prctl

HEADER = Path("/usr/include/linux/capability.h")


def test_the_names_have_their_numbers() -> None:
    # The header comes with the C library's, which building pyfuse3 needs.
    found = re.findall(r"^#define CAP_(\w+)\s+(\d+)$", HEADER.read_text(), re.MULTILINE)
    assert {name.lower(): int(number) for name, number in found} == {
        name: number for number, name in enumerate(capabilities.NAMES)
    }


@needs("root")
def test_root_may_administer() -> None:
    assert capabilities.has("sys_admin", "setuid", "checkpoint_restore")


@needs("ordinary-user")
def test_an_ordinary_user_has_none_and_can_pass_none_on() -> None:
    def work() -> None:
        assert not capabilities.has("sys_admin")
        assert not capabilities.has("checkpoint_restore")
        with pytest.raises(PermissionError):
            capabilities.make_ambient(["sys_admin"])

    run_as_user(work)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(OSError) as caught:
        capabilities.make_ambient(["sys_everything"])
    assert caught.value.errno == errno.EINVAL


@needs("root")
def test_what_is_kept_can_be_passed_on_by_somebody_else_and_the_rest_is_gone_then() -> None:
    def work() -> None:
        prctl.keep_capabilities()
        os.setresuid(1234, 1234, 1234)
        assert not capabilities.has("kill")
        capabilities.make_ambient(["kill", "checkpoint_restore"])
        os.execv("/bin/grep", ["grep", "-q", "CapEff:\t0000010000000020", "/proc/self/status"])

    run_in_child(work)
