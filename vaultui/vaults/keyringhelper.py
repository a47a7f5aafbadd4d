"""The keyring, in a process of its own: `python -I -m vaultui.vaults.keyringhelper`.

Answers one request on standard output, as wire/keyring.py draws it. Only back ends that
keep secrets encrypted are used, and what was saved is read back. It may wait for ever, on a
keyring that hangs or on a person: the front end ends it then.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from vaultui.linux.hardening import protect_process
from vaultui.model.errors import (
    KeyringLocked,
    KeyringNotSaved,
    KeyringUnavailable,
    VaultuiError,
)
from vaultui.model.language import N_, Phrase
from vaultui.model.secret import Secret
from vaultui.wire.framing import read_message, read_secret, write_message, write_secret
from vaultui.wire.handshake import Failed
from vaultui.wire.keyring import KeyringAnswer, KeyringOperation, KeyringRequest

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend
    from secretstorage import Collection

SERVICE: Final = "vaultui"
_ACCOUNT: Final = re.compile(r"[0-9a-f]{16}")
"""What the id of a vault looks like."""

_SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105 - a class, not a secret
_CHAINER = "keyring.backends.chainer.ChainerBackend"
_LABELS: Final = {
    _SECRET_SERVICE: "Secret Service",
    "keyring.backends.libsecret.Keyring": "Secret Service (libsecret)",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet 4",
}
"""Back ends that keep secrets encrypted. Others (null, plaintext, fail) are refused by name."""

_PROVIDERS: Final = {"gnome-keyring-d": "GNOME Keyring", "keepassxc": "KeePassXC"}
"""Programs that answer for the Secret Service, by the kernel's 15 characters of their name."""


def main() -> int:
    """Serve the request on descriptor 0 and return the exit code."""
    protect_process()
    # Libraries may print: only what we write to `answer` reaches the front end.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        request = read_message(0, KeyringRequest)
        if request is None:
            return 1
        _serve(request, answer)
    except VaultuiError as error:
        write_message(answer, Failed(error.to_wire()))
    except Exception as error:
        # A library's failure, told by its kind: its text might repeat what it was given.
        reason = f"{type(error).__module__}.{type(error).__name__}"
        write_message(answer, Failed(KeyringUnavailable(reason=reason).to_wire()))
    return 0


def _serve(request: KeyringRequest, answer: int) -> None:
    if request.operation is KeyringOperation.SAVE:
        with read_secret(0) as password:
            write_message(answer, _save(request, password))
        return
    backend = _backend()
    label = _label(backend)
    if request.operation is KeyringOperation.STATE:
        write_message(answer, KeyringAnswer(keyring=label, locked=_is_locked(backend)))
    elif request.operation is KeyringOperation.CLEAR:
        count = _clear(request, label) if _uses_secret_service(backend) else 0
        write_message(answer, KeyringAnswer(keyring=label, count=count))
    elif request.operation is KeyringOperation.DELETE:
        deleted = _prepare(backend, request, label) and _delete(backend, request.account)
        write_message(answer, KeyringAnswer(keyring=label, found=deleted))
    else:
        found = None
        if _prepare(backend, request, label):
            found = backend.get_password(SERVICE, request.account)
        write_message(answer, KeyringAnswer(keyring=label, found=found is not None))
        if found is not None:
            with Secret(bytearray(found.encode("utf-8"))) as password:
                write_secret(answer, password)


def _save(request: KeyringRequest, password: Secret) -> KeyringAnswer:
    backend = _backend()
    label = _label(backend)
    with password.view as view:
        try:
            text = str(view, "utf-8")
        except UnicodeDecodeError as error:
            reason = N_("it keeps text, and this password is not UTF-8")
            raise KeyringNotSaved(keyring=label, reason=reason) from error
    _prepare(backend, request, label)
    backend.set_password(SERVICE, request.account, text)
    if backend.get_password(SERVICE, request.account) != text:
        raise KeyringNotSaved(keyring=label, reason=N_("it gave back something else"))
    return KeyringAnswer(keyring=label, found=True)


def _delete(backend: KeyringBackend, account: str) -> bool:
    from keyring.errors import PasswordDeleteError

    try:
        backend.delete_password(SERVICE, account)
    except PasswordDeleteError:
        return False
    return True


def _clear(request: KeyringRequest, label: str) -> int:
    """Delete every item of ours in the Secret Service; return how many there were."""
    import secretstorage

    count = 0
    with closing(secretstorage.dbus_init()) as connection:
        for item in list(secretstorage.search_items(connection, {"service": SERVICE})):
            # The name of the service is anybody's; that of a vault's id is ours.
            if not _ACCOUNT.fullmatch(item.get_attributes().get("username", "")):
                continue
            if item.is_locked() and not request.may_prompt:
                raise KeyringLocked(keyring=label)
            item.delete()
            count += 1
    return count


# -- which back end ---------------------------------------------------------------------------


def _backend() -> KeyringBackend:
    """Return a back end of the allow-list; a configured one outside it is named and refused."""
    from keyring import core

    try:
        core.init_backend(limit=_is_allowed)
        backend = core.get_keyring()
    except (ImportError, AttributeError, RuntimeError) as error:
        # Only a configured back end is loaded without being probed first.
        raise KeyringUnavailable(
            reason=Phrase("the configured back end fails: {error}", error=str(error))
        ) from error
    if _class_name(backend) == "keyring.backends.fail.Keyring":
        raise KeyringUnavailable(reason=_why_none())
    if not _is_allowed(backend):
        reason = Phrase(
            "the configured back end {name} does not keep secrets encrypted",
            name=_class_name(backend),
        )
        raise KeyringUnavailable(reason=reason)
    return backend


def _is_allowed(backend: KeyringBackend) -> bool:
    # The chainer asks this function about each of its links. A chain of none is no keyring:
    # it would lose what is saved without a word.
    return all(_class_name(link) in _LABELS for link in _links(backend))


def _class_name(backend: KeyringBackend) -> str:
    kind = type(backend)
    return f"{kind.__module__}.{kind.__qualname__}"


def _links(backend: KeyringBackend) -> list[KeyringBackend]:
    """Return the back ends that a chainer asks in turn; of another one, itself."""
    if _class_name(backend) == _CHAINER:
        return list(getattr(backend, "backends", ())) or [backend]
    return [backend]


def _uses_secret_service(backend: KeyringBackend) -> bool:
    return any(_class_name(link) == _SECRET_SERVICE for link in _links(backend))


def _why_none() -> str:
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return N_("there is no D-Bus session here")
    return N_("no Secret Service or KWallet answers on the D-Bus session")


def _label(backend: KeyringBackend) -> str:
    first = _links(backend)[0]
    label = _LABELS[_class_name(first)]
    if _class_name(first) == _SECRET_SERVICE:
        provider = _PROVIDERS.get(_provider())
        return f"{provider} ({label})" if provider else label
    return label


def _provider() -> str:
    """Return the command of the process that owns the Secret Service; empty if hidden."""
    from jeepney import message_bus
    from jeepney.io.blocking import Proxy, open_dbus_connection

    try:
        with closing(open_dbus_connection()) as connection:
            bus = Proxy(message_bus, connection)
            (pid,) = bus.GetConnectionUnixProcessID("org.freedesktop.secrets")
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:  # noqa: PTH123
            return comm.read().strip()
    except Exception:
        # Only a nicer word is lost. The daemon may also run where its pid means nothing to us.
        return ""


# -- locked or not ----------------------------------------------------------------------------


def _prepare(backend: KeyringBackend, request: KeyringRequest, label: str) -> bool:
    """Return whether it is worth asking the back end; False when it surely holds nothing.

    A locked collection asks a person for its password and waits. Where nothing can ask,
    that would be for ever, so KeyringLocked is raised instead.
    """
    if not _uses_secret_service(backend):
        return True
    saving = request.operation is KeyringOperation.SAVE
    with _default_collection() as collection:
        if collection is None:
            if saving and not request.may_prompt:
                reason = N_("it has no collection yet, and nothing here can ask for a new password")
                raise KeyringUnavailable(reason=f"{label}: {reason}")
            return saving
        if not collection.is_locked() or request.may_prompt:
            return True
        # A locked collection still tells which items it has: none of ours, nothing to unlock.
        attributes = {"service": SERVICE, "username": request.account}
        if saving or any(True for _ in collection.search_items(attributes)):
            raise KeyringLocked(keyring=f"{collection.get_label()} of {label}")
        return False


def _is_locked(backend: KeyringBackend) -> bool:
    if not _uses_secret_service(backend):
        return False
    with _default_collection() as collection:
        return collection is not None and collection.is_locked()


@contextmanager
def _default_collection() -> Iterator[Collection | None]:
    import secretstorage

    with closing(secretstorage.dbus_init()) as connection:
        try:
            collection = secretstorage.get_collection_by_alias(connection, "default")
        except secretstorage.ItemNotFoundException:
            collection = None
        yield collection


if __name__ == "__main__":
    sys.exit(main())
