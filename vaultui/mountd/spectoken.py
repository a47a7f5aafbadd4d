"""A token in the place of a password, with a person at the front end.

Its PIN comes with the Spec, or an empty secret in its place. Nobody can be asked for it from
here: the front end asks, when it is told that the token wants one, and starts again.
"""

from __future__ import annotations

from collections.abc import Callable

from vaultui.format.features import FeatureFlag
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import Fido2PinNeeded
from vaultui.model.secret import Secret


def exchanged(
    given: Secret, conf: VolumeConf | None, device: str, tell_touch: Callable[[], None]
) -> Secret:
    """Return what opens the volume of the config: `given`, or what the token makes of it.

    `given` is the PIN then, and wiped. `tell_touch` is called when the token waits for a finger.
    """
    if conf is None or not conf.features.has(FeatureFlag.FIDO2):
        return given
    # Imported here: other volumes do without the library.
    from vaultui.mountd.tokens import token

    with given as pin:
        return token.read_secret(device, conf.fido2, _Holder(pin, tell_touch))


class _Holder:
    """Whoever gave the PIN already, or did not know that it is wanted."""

    def __init__(self, pin: Secret, tell_touch: Callable[[], None]) -> None:
        self._pin = pin
        self.touch = tell_touch

    def pin(self, device: str) -> Secret:
        if not self._pin:
            raise Fido2PinNeeded(device=device)
        return self._pin.copy()
