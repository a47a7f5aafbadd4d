"""recovery: the key on paper is made, shown once, proven, and rehearsed with."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from vaultui.cli.currentkey import with_key
from vaultui.cli.describe import slot_data
from vaultui.cli.output import place, shell_word, shown, size
from vaultui.cli.privatescreen import private_screen
from vaultui.cli.prompt import has_terminal
from vaultui.cli.recoveryscreen import show_once, typed_right
from vaultui.cli.session import Session
from vaultui.model.errors import (
    PasswordUnavailable,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import N_, _, ngettext
from vaultui.model.secret import Secret
from vaultui.vaults import (
    Compatibility,
    Drilled,
    DrillStep,
    Key,
    KeyAdded,
    NewKey,
    SlotInfo,
    SlotKind,
    SlotOpened,
    compatibility_in_words,
    key_in_words,
    new_file,
    write_sheet,
)
from vaultui.vaults.passphrase import from_file, protect

_STEPS: Final = {
    DrillStep.VERIFYING: N_("Trying the recovery key…"),
    DrillStep.OPENING: N_("Opening the vault with it…"),
    DrillStep.READING: N_("Reading some files…"),
    DrillStep.LOCKING: N_("Locking it again…"),
}


@dataclass(frozen=True)
class Made:
    """A recovery key that is in the volume, and was shown."""

    added: KeyAdded
    sheet: str
    """Path of the sheet for printing; empty for none."""
    verified: bool
    """It was typed back, and opened the vault."""


def recovery_verb(session: Session) -> int:
    """Tell which recovery keys there are, or do what the action says."""
    actions = {"create": create_recovery, "verify": _verify, "drill": _drill}
    return actions.get(session.arguments.action, _tell_which)(session)


def _tell_which(session: Session) -> int:
    name, output = session.arguments.name, session.output
    slots = session.run(session.vaults.keys.slots(name))
    found = [
        (number, slot)
        for number, slot in enumerate(slots, start=1)
        if slot.kind == SlotKind.RECOVERY_KEY
    ]
    if output.as_json:
        output.data({"name": name, "recovery_keys": [slot_data(*each) for each in found]})
        return 0
    for number, slot in found:
        output.line(
            _(
                "Key {number} of {name} is a {key}.",
                number=number,
                name=shown(name),
                key=shown(key_in_words(slot)),
            )
        )
    if found:
        output.line(
            _("Does the paper still open it?  vaultui recovery {name} drill", name=shell_word(name))
        )
    else:
        output.line(
            _(
                "{name} has no recovery key.  vaultui recovery {word} create",
                name=shown(name),
                word=shell_word(name),
            )
        )
    return 0


def create_recovery(session: Session) -> int:
    """Make a recovery key, show it, and have it typed back."""
    check_can_show(session)
    name = session.arguments.name
    made = with_key(session, name, lambda key, _: new_recovery_key(session, name, key))
    if session.output.as_json:
        session.output.data({"name": name, **made_data(made)})
    else:
        tell_made(session, name, made)
    return 0


def check_can_show(session: Session) -> None:
    """Raise UsageError where a recovery key would be made for nobody to see."""
    if not has_terminal() and session.arguments.qr_svg is None:
        raise UsageError(
            what=N_("A recovery key is shown on a terminal, and here is none; give --qr-svg FILE")
        )


def new_recovery_key(session: Session, name: str, key: Key) -> Made:
    """Add a recovery key to a vault that `key` opens, show it once, and wipe it."""
    arguments = session.arguments
    sheet = arguments.qr_svg
    with new_file(sheet) if sheet is not None else nullcontext() as file:
        session.output.step(_("Making the recovery key…"))
        new = NewKey(SlotKind.RECOVERY_KEY, label=getattr(arguments, "label", ""))
        added = session.run(session.vaults.keys.add(name, key, new))
        session.output.clear_step()
        recovery_key = added.recovery_key
        assert recovery_key is not None
        if file is not None:
            try:
                write_sheet(file, name, recovery_key)
            except VaultuiError:
                # A key that nobody has seen is no use, and must not stay.
                recovery_key.wipe()
                session.run(session.vaults.keys.remove(name, key, added.slot))
                raise
    try:
        verified = has_terminal() and show_once(session, name, recovery_key)
    finally:
        recovery_key.wipe()
    return Made(added, "" if file is None else file.path, verified)


def made_data(made: Made) -> dict[str, object]:
    """Return what was made as `--json` has it; the key itself is in no output."""
    return {
        "slot": slot_data(made.added.number, made.added.slot),
        "gocryptfs": made.added.compatibility.value,
        "sheet": made.sheet or None,
        "verified": made.verified,
    }


def tell_made(session: Session, name: str, made: Made) -> None:
    """Print what was made, what it means, and what is to be done yet."""
    output, vault = session.output, shown(name)
    output.line(
        _(
            "Key {number} of {vault} is a {key}.",
            number=made.added.number,
            vault=vault,
            key=shown(key_in_words(made.added.slot)),
        )
    )
    if made.added.compatibility is not Compatibility.UNCHANGED:
        output.item("", compatibility_in_words(made.added.compatibility))
    if made.sheet:
        output.line(
            _(
                "Print {sheet}, then delete it: whoever has it opens {vault}.",
                sheet=place(made.sheet),
                vault=vault,
            )
        )
    if made.verified:
        output.line(_("What was typed back opens {vault}.", vault=vault))
    else:
        output.line(
            _("It was not typed back.  vaultui recovery {name} verify", name=shell_word(name))
        )


def _verify(session: Session) -> int:
    name, output = session.arguments.name, session.output
    typed, opened = _from_paper(session, name)
    typed.wipe()
    if output.as_json:
        output.data({"name": name, "slot": _numbered(session, name, opened.slot)})
    else:
        output.line(
            _(
                "It opens {name}: {key}.",
                name=shown(name),
                key=shown(key_in_words(opened.slot)),
            )
        )
    return 0


def _drill(session: Session) -> int:
    name, output = session.arguments.name, session.output
    vault = shown(name)

    def tell(text: str) -> None:
        if not output.as_json:
            output.line(text)

    tell(_("As if the password of {vault} were forgotten. Nothing is changed.", vault=vault))
    tell(_("1. Take the paper, and type the recovery key where the password is asked for."))
    typed, opened = _from_paper(session, name)
    with typed:
        tell(_("   It is right: {key}.", key=shown(key_in_words(opened.slot))))
        tell(_("2. Open the vault with it:  vaultui unlock {name}", name=shell_word(name)))
        drilled = session.run(
            session.vaults.volume.drill(name, typed, lambda step: output.step(_(_STEPS[step])))
        )
    if output.as_json:
        data = {"rehearsed": drilled.rehearsed, "files": drilled.files, "bytes": drilled.bytes}
        slot = _numbered(session, name, opened.slot)
        output.data({"name": name, "slot": slot, **data, "problem": drilled.problem or None})
        return 0
    output.item("   ", _rehearsal(drilled))
    output.line(_("3. Set a new password, with the recovery key in the place of the old one:"))
    output.line(_("   vaultui passwd {name}  (That is not done now.)", name=shell_word(name)))
    output.line(_("A recovery key needs the volume config, gocryptfs.conf: keep a copy of it."))
    return 0


def _rehearsal(drilled: Drilled) -> str:
    if not drilled.rehearsed:
        return _(
            "Not done now, because it is open or can't be opened. The key is right all the same."
        )
    if drilled.problem:
        return _(
            "It opened, but reading failed: {problem}. `vaultui check` tells more.",
            problem=_(drilled.problem),
        )
    if not drilled.files:
        return _("It opened, there was no file to read in it, and it is locked again.")
    return ngettext(
        "It opened, {count} file ({size}) could be read, and it is locked again.",
        "It opened, {count} files ({size}) could be read, and it is locked again.",
        drilled.files,
        size=size(drilled.bytes),
    )


def _from_paper(session: Session, name: str) -> tuple[Secret, SlotOpened]:
    """Return a recovery key that opens the vault, and which of its keys it is."""
    vaults = session.vaults
    path = session.arguments.recovery_key_file
    if path is not None:
        protect()
        given = from_file(path)
        try:
            return given, session.run(vaults.keys.verify_recovery(name, given))
        except BaseException:
            given.wipe()
            raise
    vaults.entry(name)
    if not has_terminal():
        reason = N_("there is no terminal for its recovery key, and no --recovery-key-file")
        raise PasswordUnavailable(name=name, reason=reason)
    with private_screen(ascii_only=session.output.ascii_only) as screen:
        screen.clear()
        screen.line(_("Type what is on the paper; dashes, blanks and case don't matter."))
        return typed_right(session, screen, name)


def _numbered(session: Session, name: str, slot: SlotInfo) -> dict[str, object]:
    slots = session.run(session.vaults.keys.slots(name))
    return slot_data([other.id for other in slots].index(slot.id) + 1, slot)
