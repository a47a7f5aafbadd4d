"""forget, forget-password, delete, uninstall: what goes."""

from __future__ import annotations

import os
import shlex

from vaultui.cli.describe import entry_data
from vaultui.cli.output import error_data, place, shown, size
from vaultui.cli.prompt import ask_line, confirmed, has_terminal, open_terminal
from vaultui.cli.session import Session
from vaultui.model.errors import Cancelled, DeletionUnfinished, UsageError
from vaultui.model.language import Phrase, _, ngettext
from vaultui.vaults import DeletionScope


def forget_verb(session: Session) -> int:
    """Take a vault out of the registry."""
    name = session.arguments.name
    deleted = False
    if session.arguments.saved_password:
        # First, because the keyring knows it by an id that is gone afterwards.
        deleted = session.run(session.vaults.keyring.forget(name))
    entry = session.run(session.vaults.removal.forget(name))
    if session.output.as_json:
        data = {"vault": entry_data(entry), "saved_password_deleted": deleted}
        session.output.data(data)
        return 0
    where = place(entry.cipherdir)
    session.output.line(
        _("{name} is forgotten; its files stay in {where}.", name=shown(name), where=where)
    )
    if deleted:
        session.output.line(_("Its saved password is deleted."))
    return 0


def forget_password_verb(session: Session) -> int:
    """Delete a saved password; that there is none is a success, too."""
    name = session.arguments.name
    deleted = session.run(session.vaults.keyring.forget(name))
    if session.output.as_json:
        session.output.data({"name": name, "saved_password_deleted": deleted})
    elif deleted:
        session.output.line(_("The saved password of {name} is deleted.", name=shown(name)))
    else:
        session.output.line(_("No password of {name} is saved.", name=shown(name)))
    return 0


def delete_verb(session: Session) -> int:
    """Delete a vault with its files, after its name was given twice."""
    name, typed, output = session.arguments.name, session.arguments.yes_delete, session.output
    removal = session.vaults.removal
    session.vaults.entry(name)
    if typed is None and (output.as_json or not has_terminal()):
        what = Phrase("Nobody can be asked here: give --yes-delete {name}", name=shlex.quote(name))
        raise UsageError(what=what)
    output.step(_("Looking at what is there…"))
    scope = session.run(removal.survey(name))
    output.clear_step()
    if typed is None:
        typed = _ask_for_name(session, name, scope)

    begun = False

    def tell(entries: int) -> None:
        nonlocal begun
        begun = True
        output.step(_("{entries} of {all} deleted", entries=entries, all=scope.entries))

    try:
        deleted = session.run(removal.delete(name, typed, tell))
    except KeyboardInterrupt:
        if not begun:
            raise
        path, reason = session.vaults.entry(name).cipherdir, Phrase("it was interrupted")
        raise DeletionUnfinished(name=name, path=path, reason=reason) from None
    if output.as_json:
        output.data(
            {
                "vault": entry_data(deleted.entry),
                "deleted": deleted.gone.entries,
                "bytes": deleted.gone.bytes,
                "left_count": deleted.gone.left_count,
                "left": list(deleted.gone.left),
                "saved_password_deleted": deleted.saved_password,
            }
        )
        return 0
    output.line(_("{name} is deleted.", name=shown(name)))
    _tell_left(session, deleted.gone)
    if deleted.saved_password:
        output.line(_("Its saved password is deleted."))
    return 0


def _ask_for_name(session: Session, name: str, scope: DeletionScope) -> str:
    """Return what is typed after everything was told that a person should know."""
    where = place(session.vaults.entry(name).cipherdir)
    session.output.line(
        _("{name} is in {where}: {size} in", name=shown(name), where=where, size=size(scope.bytes))
        + " "
        + ngettext("{count} file or folder.", "{count} files and folders.", scope.entries)
    )
    _tell_left(session, scope)
    session.output.line(_("They will be gone for good, with every key of the vault."))
    tty = open_terminal()
    try:
        question = _("Type the name of the vault to delete it: ")
        with ask_line(tty, question, echo=True) as answer, answer.view as view:
            typed = str(view, "utf-8", "replace")
    finally:
        os.close(tty)
    if not typed:
        raise Cancelled(what=Phrase("Deleting {name}", name=name))
    return typed


def _tell_left(session: Session, scope: DeletionScope) -> None:
    if not scope.left_count:
        return
    first = ", ".join(shown(path) for path in scope.left)
    more = ", …" if scope.left_count > len(scope.left) else ""
    session.output.line(
        ngettext(
            "{count} that is not of the vault stays: {first}",
            "{count} that are not of the vault stay: {first}",
            scope.left_count,
            first=first + more,
        )
    )


def uninstall_verb(session: Session) -> int:
    """Take back what is on this machine beside the vaults."""
    output = session.output
    if not session.arguments.yes:
        if output.as_json or not has_terminal():
            raise UsageError(what=Phrase("Nobody can be asked here: give --yes"))
        question = _("Remove menu entries and saved passwords? Vaults and settings stay.")
        if not confirmed(question):
            raise Cancelled(what=Phrase("Uninstalling"))
    done = session.run(session.vaults.machine.uninstall())
    if output.as_json:
        problem = done.problem
        output.data(
            {
                "files": [str(file) for file in done.files],
                "saved_passwords": list(done.passwords),
                "other_saved_passwords": done.other_passwords,
                "error": None if problem is None else error_data(problem),
            }
        )
        return 0
    for file in done.files:
        output.line(_("{file} is removed.", file=place(str(file))))
    for name in done.passwords:
        output.line(_("The saved password of {name} is deleted.", name=shown(name)))
    if done.other_passwords:
        output.line(
            ngettext(
                "{count} saved password of a forgotten vault is deleted.",
                "{count} saved passwords of forgotten vaults are deleted.",
                done.other_passwords,
            )
        )
    if done.problem is not None:
        output.error(done.problem)
        output.note(_("Passwords may be left in the keyring, under the name vaultui."))
    output.line(
        _(
            "Vaults stay, and so do the settings and logs, in {config} and {state}.",
            config=place(str(session.vaults.machine.locate("config").parent)),
            state=place(str(session.vaults.machine.locate("state"))),
        )
    )
    return 0
