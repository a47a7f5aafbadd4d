"""What a token is asked, from a config that anybody may have written."""

from __future__ import annotations

import pytest

from vaultui.model.errors import Fido2TokenFailed
from vaultui.mountd.commandline import fido2


@pytest.mark.parametrize("options", [5, "up", {"up": True}, ["up", 5], ["a\0b"]])
def test_a_config_with_senseless_options_for_the_token_is_told_and_no_crash(
    options: object,
) -> None:
    with pytest.raises(Fido2TokenFailed, match="damaged"):
        fido2.read_secret("/dev/null", {"AssertOptions": options})
