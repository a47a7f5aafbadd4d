"""add, create, forget: which vaults are known."""

from __future__ import annotations

from vaultui.cli.describe import entry_data
from vaultui.cli.output import place, shown
from vaultui.cli.passwords import explicit_password, new_password
from vaultui.cli.session import Session
from vaultui.model.errors import VaultuiError
from vaultui.model.secret import Secret


def add_verb(session: Session) -> int:
    """Register an existing volume."""
    arguments = session.arguments
    entry = session.run(
        session.vaults.add(
            arguments.cipherdir,
            name=arguments.name,
            mountpoint=arguments.mountpoint,
            idle_timeout_s=session.seconds(arguments.idle) or 0.0,
            read_only=bool(arguments.read_only),
            config_path=arguments.config or "",
            reverse=arguments.reverse,
        )
    )
    if session.output.as_json:
        session.output.data({"vault": entry_data(entry)})
    else:
        name = shown(entry.name)
        session.output.line(f"{name} is added; it will open at {place(entry.mountpoint)}.")
        if entry.reverse:
            session.output.line(f"That is an encrypted view of {place(entry.cipherdir)}.")
        session.output.line(f"  vaultui unlock {name}")
    return 0


def create_verb(session: Session) -> int:
    """Make a volume and register it; its master key goes to a terminal and nowhere else."""
    arguments, output = session.arguments, session.output
    shown_name = arguments.name or arguments.cipherdir
    explicit = explicit_password(session)
    with explicit[0] if explicit else new_password(session, shown_name) as password:
        output.step("Making the vault…")
        created = session.run(
            session.vaults.create(
                arguments.cipherdir,
                password,
                name=arguments.name,
                mountpoint=arguments.mountpoint,
                idle_timeout_s=session.seconds(arguments.idle) or 0.0,
            )
        )
        entry = created.entry
        with created.master_key as key:
            if output.as_json:
                output.data({"vault": entry_data(entry)})
            else:
                output.line(f"{shown(entry.name)} is made, in {place(entry.cipherdir)}.")
                _show_master_key(session, key)
                output.line(f"  vaultui unlock {shown(entry.name)}")
        if arguments.save:
            _save(session, entry.name, password)
    return 0


def _show_master_key(session: Session, key: Secret) -> None:
    output = session.output
    if not output.out.isatty():
        output.note("The master key is not shown: this is not a terminal.")
        return
    with key.view as view:
        text = view.hex("-", 4)
    half = len(text) // 2
    output.line("Its master key opens it without the password. Write it down and keep it safe:")
    output.line()
    output.line(f"    {text[: half + 1]}")
    output.line(f"    {text[half + 1 :]}")
    output.line()
    output.line("Keep a copy of its gocryptfs.conf as well: without both, everything is lost.")


def _save(session: Session, name: str, password: Secret) -> None:
    try:
        keyring = session.run(session.vaults.save_password(name, password))
    except VaultuiError as error:
        session.output.note(f"vaultui: {shown(error.summary)} {shown(error.hint)}")
    else:
        session.output.note(f"The password is saved in {shown(keyring.label)}.")


def forget_verb(session: Session) -> int:
    """Take a vault out of the registry."""
    name = session.arguments.name
    deleted = False
    if session.arguments.saved_password:
        # First, because the keyring knows it by an id that is gone afterwards.
        deleted = session.run(session.vaults.forget_password(name))
    entry = session.run(session.vaults.forget(name))
    if session.output.as_json:
        data = {"vault": entry_data(entry), "saved_password_deleted": deleted}
        session.output.data(data)
    else:
        where = place(entry.cipherdir)
        session.output.line(f"{shown(name)} is forgotten; its files stay in {where}.")
        if deleted:
            session.output.line("Its saved password is deleted.")
    return 0
