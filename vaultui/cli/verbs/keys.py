"""slots, passwd: what opens a vault."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

from vaultui.cli.currentkey import with_key, with_key_or_token
from vaultui.cli.describe import slot_data
from vaultui.cli.output import shown
from vaultui.cli.passwords import named_new_password, new_password
from vaultui.cli.prompt import confirmed, has_terminal
from vaultui.cli.session import Session
from vaultui.cli.verbs.recovery import create_recovery
from vaultui.model.errors import LastKeySlot, UsageError
from vaultui.model.language import N_, _
from vaultui.vaults import (
    Compatibility,
    Derivation,
    Key,
    KeyAdded,
    KeysChanged,
    NewKey,
    PasswordSource,
    SavedPassword,
    SlotInfo,
    SlotKind,
    SlotOpened,
    change_in_words,
    compatibility_in_words,
    derivation_in_words,
    find_slot,
    key_in_words,
    kind_in_words,
    made_on,
    new_key_file,
)
from vaultui.vaults.key import check_readable

_ID_SHOWN = 8
"""Characters of an ID: enough to tell 32 keys apart."""


def slots_verb(session: Session) -> int:
    """List the keys of a vault, or do what the action says."""
    actions = {
        "add": _add,
        "remove": _remove,
        "verify": _verify,
        "convert": _convert,
    }
    return actions.get(session.arguments.action, _list)(session)


def _list(session: Session) -> int:
    name, output = session.arguments.name, session.output
    slots = session.run(session.vaults.keys.slots(name))
    if output.as_json:
        data = [slot_data(number, slot) for number, slot in enumerate(slots, start=1)]
        output.data({"name": name, "slots": data})
        return 0
    rows = [
        (
            str(number),
            shown(kind_in_words(slot.kind)),
            shown(derivation_in_words(slot.key_derivation)),
            made_on(slot) or "—",
            slot.id[:_ID_SHOWN] or "—",
            shown(slot.label) or "—",
        )
        for number, slot in enumerate(slots, start=1)
    ]
    output.table((_("Key"), _("Kind"), _("Derivation"), _("Made"), "ID", _("Label")), rows)
    if slots[0].id:
        output.line(_("gocryptfs does not open {name}; vaultui and vaultfs do.", name=shown(name)))
    return 0


def _add(session: Session) -> int:
    arguments, output = session.arguments, session.output
    name = arguments.name
    kind = _kind(session)
    if kind is SlotKind.RECOVERY_KEY:
        return create_recovery(session)
    if arguments.new_key_file is not None:
        check_readable(arguments.new_key_file)
    with ExitStack() as stack:
        named = named_new_password(session)
        if named is not None:
            stack.enter_context(named)
        path = arguments.new_key_file or ""
        if arguments.make_key_file is not None:
            path = stack.enter_context(new_key_file(arguments.make_key_file))

        def attempt(key: Key, _source: PasswordSource) -> KeyAdded:
            with ExitStack() as asked:
                password = named
                if password is None and kind is not SlotKind.KEY_FILE:
                    _check(session, key)
                    password = asked.enter_context(new_password(session, name))
                new = NewKey(kind, password, path, arguments.label, derivation)
                output.step(_("Adding the key…"))
                return session.run(session.vaults.keys.add(name, key, new))

        derivation = Derivation(arguments.derivation)
        added = with_key(session, name, attempt)
    if output.as_json:
        slot = slot_data(added.number, added.slot)
        output.data({"name": name, "slot": slot, "gocryptfs": added.compatibility.value})
        return 0
    output.line(
        _(
            "Key {number} of {name} is a {key}.",
            number=added.number,
            name=shown(name),
            key=shown(key_in_words(added.slot)),
        )
    )
    if added.compatibility is not Compatibility.UNCHANGED:
        output.item("", compatibility_in_words(added.compatibility))
    return 0


def _kind(session: Session) -> SlotKind:
    arguments = session.arguments
    has_file = arguments.new_key_file is not None or arguments.make_key_file is not None
    named = arguments.new_password_file is not None or arguments.new_password_fd is not None
    has_password = arguments.password or named
    if arguments.recovery:
        if has_file or has_password:
            raise UsageError(what=N_("A recovery key goes together with no other"))
        return SlotKind.RECOVERY_KEY
    if arguments.qr_svg is not None:
        raise UsageError(what=N_("--qr-svg is for a recovery key"))
    if not has_file and not has_password:
        raise UsageError(
            what=N_(
                "Say which kind of key: --password, --new-key-file FILE, --make-key-file FILE, or "
                "--recovery"
            )
        )
    if not has_file:
        return SlotKind.PASSWORD
    return SlotKind.PASSWORD_AND_KEY_FILE if has_password else SlotKind.KEY_FILE


def _check(session: Session, key: Key) -> SlotInfo:
    """Return which key it is: a wrong one is told before a new password is asked for."""
    session.output.step(_("Checking the key…"))
    try:
        return session.run(session.vaults.keys.verify(session.arguments.name, key)).slot
    finally:
        session.output.clear_step()


def _remove(session: Session) -> int:
    arguments, output = session.arguments, session.output
    name = arguments.name
    slots = session.run(session.vaults.keys.slots(name))
    number, slot = find_slot(slots, arguments.which)
    if len(slots) == 1:
        raise LastKeySlot
    what = _("key {number}, {key}", number=number, key=shown(key_in_words(slot)))
    if not arguments.yes:
        if not has_terminal():
            raise UsageError(what=N_("Say --yes to remove a key without being asked"))
        left = [other for other in slots if other is not slot]
        output.item("", _("Without it, {sentence}", sentence=_left_sentence(name, left)))
        if not confirmed(_("Remove {what}, from {name}?", what=what, name=shown(name))):
            output.line(_("Nothing was changed."))
            return 0
        output.note(_("Show that it can still be opened, with a key that stays."))

    def attempt(key: Key, _source: PasswordSource) -> KeysChanged:
        output.step(_("Removing the key…"))
        return session.run(session.vaults.keys.remove(name, key, slot))

    changed = with_key(session, name, attempt)
    if output.as_json:
        output.data({"name": name, "removed": slot_data(number, slot), **_changed_data(changed)})
        return 0
    key_words = shown(key_in_words(slot))
    output.line(_("Key {number}, {key}, is removed.", number=number, key=key_words))
    output.item("", _left_sentence(name, changed.slots))
    output.line(_("Old copies of its volume config still open with the removed key."))
    _tell(session, changed)
    return 0


def _left_sentence(name: str, slots: Sequence[SlotInfo]) -> str:
    """Return what opens a vault besides the key that goes."""
    words = [shown(key_in_words(slot)) for slot in slots]
    return _("{name} opens with: {keys}.", name=shown(name), keys="; ".join(words))


def _verify(session: Session) -> int:
    name, output = session.arguments.name, session.output

    def attempt(key: Key, _source: PasswordSource) -> SlotOpened:
        if not key.fido2_device:
            output.step(_("Trying the key…"))
        return session.run(session.vaults.keys.verify(name, key))

    opened = with_key_or_token(session, name, attempt)
    slots = session.run(session.vaults.keys.slots(name))
    number = [slot.id for slot in slots].index(opened.slot.id) + 1
    if output.as_json:
        slot = slot_data(number, opened.slot)
        output.data({"name": name, "slot": slot, "derivation_s": opened.derivation_s})
        return 0
    output.line(
        _(
            "It opens {name}: key {number}, {key}.",
            name=shown(name),
            number=number,
            key=shown(key_in_words(opened.slot)),
        )
    )
    if opened.slot.key_derivation != "none":
        output.line(_("Deriving it took {seconds:.1f} s.", seconds=opened.derivation_s))
    return 0


def _convert(session: Session) -> int:
    name, output = session.arguments.name, session.output
    derivation = Derivation(session.arguments.derivation)

    def attempt(key: Key, _source: PasswordSource) -> KeysChanged:
        output.step(_("Converting the key…"))
        return session.run(session.vaults.keys.convert(name, key, derivation))

    changed = with_key(session, name, attempt)
    if output.as_json:
        output.data({"name": name, **_changed_data(changed)})
        return 0
    how = "Argon2id" if derivation is Derivation.ARGON2ID else "scrypt"
    output.line(_("The key of {name} is derived with {how} now.", name=shown(name), how=how))
    output.line(_("Old copies of its volume config open as they did."))
    _tell(session, changed)
    return 0


def passwd_verb(session: Session) -> int:
    """Change the password of a volume, and the saved one with it."""
    arguments, output = session.arguments, session.output
    name = arguments.name
    if arguments.new_key_file is not None:
        check_readable(arguments.new_key_file)
    named = named_new_password(session)

    def attempt(key: Key, _source: PasswordSource) -> KeysChanged:
        if named is None:
            _check(session, key)
        with named.copy() if named is not None else new_password(session, name) as new:
            output.step(_("Changing the password…"))
            return session.run(
                session.vaults.keys.change_password(
                    name,
                    key,
                    new,
                    derivation=Derivation(arguments.derivation),
                    new_key_file=arguments.new_key_file or "",
                )
            )

    with nullcontext() if named is None else named:
        changed = with_key(session, name, attempt)
    if output.as_json:
        output.data({"name": name, **_changed_data(changed)})
        return 0
    output.line(_("The password of {name} is changed.", name=shown(name)))
    output.line(_("Old copies of its volume config still open with the old password."))
    _tell(session, changed)
    return 0


def _changed_data(changed: KeysChanged) -> dict[str, Any]:
    return {
        "slots": [slot_data(number, slot) for number, slot in enumerate(changed.slots, start=1)],
        "gocryptfs": changed.compatibility.value,
        "saved_password": changed.saved.value,
        "saved_password_stale": changed.saved is SavedPassword.STALE,
    }


def _tell(session: Session, changed: KeysChanged) -> None:
    if words := change_in_words(changed):
        session.output.item("", shown(words))
