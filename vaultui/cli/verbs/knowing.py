"""add, create: which vaults are known."""

from __future__ import annotations

from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

from vaultui.cli.describe import entry_data
from vaultui.cli.knowingarguments import CONTENT, NAMES
from vaultui.cli.masterkeyscreen import show_master_key
from vaultui.cli.output import place, shell_word, shown
from vaultui.cli.passwords import explicit_password, new_password, save_password
from vaultui.cli.session import Session
from vaultui.cli.verbs.recovery import (
    check_can_show,
    made_data,
    new_recovery_key,
    tell_made,
)
from vaultui.model.errors import UsageError
from vaultui.model.language import N_, Phrase, _, ngettext
from vaultui.model.secret import Secret
from vaultui.vaults import Created, Flavour, Key, new_key_file
from vaultui.vaults.key import check_readable


def add_verb(session: Session) -> int:
    """Register an existing volume; without one, tell which there are on this machine."""
    arguments = session.arguments
    if arguments.cipherdir is None:
        return _tell_found(session)
    entry = session.run(
        session.vaults.listing.add(
            arguments.cipherdir,
            name=arguments.name,
            mountpoint=arguments.mountpoint,
            idle_timeout_s=session.seconds(arguments.idle),
            read_only=bool(arguments.read_only),
            config_path=arguments.config or "",
            reverse=arguments.reverse,
            key_file=arguments.key_file or "",
        )
    )
    if session.output.as_json:
        session.output.data({"vault": entry_data(entry)})
    else:
        name = shown(entry.name)
        session.output.line(
            _(
                "{name} is added; it will open at {mountpoint}.",
                name=name,
                mountpoint=place(entry.mountpoint),
            )
        )
        if entry.reverse:
            session.output.line(
                _("That is an encrypted view of {cipherdir}.", cipherdir=place(entry.cipherdir))
            )
        session.output.line(f"  vaultui unlock {shell_word(entry.name)}")
    return 0


def _tell_found(session: Session) -> int:
    arguments, output = session.arguments, session.output
    wishes = (arguments.name, arguments.mountpoint, arguments.idle, arguments.config)
    if any((*wishes, arguments.key_file, arguments.read_only, arguments.reverse)):
        raise UsageError(what=Phrase("Name the directory of the vault, too"))
    found = session.run(_scan(session))
    if output.as_json:
        output.data({"found": [str(path) for path in found]})
        return 0
    for path in found:
        output.line(f"vaultui add {shell_word(str(path))}")
    if not found:
        output.line(_("No vault was found on this machine that is not in the list."))
    return 0


async def _scan(session: Session) -> list[Path]:
    """Return the volumes that are not in the list; a terminal shows how far the search is."""
    found = []
    async with aclosing(session.vaults.listing.scan()) as steps:
        async for step in steps:
            if step.found is not None:
                found.append(step.found)
            session.output.step(
                ngettext(
                    "{count} folder: {at}",
                    "{count} folders: {at}",
                    step.folders,
                    at=place(str(step.at))[-50:],
                )
            )
    session.output.clear_step()
    return found


def create_verb(session: Session) -> int:
    """Make a volume and register it; its master key goes to a terminal and nowhere else."""
    arguments, output = session.arguments, session.output
    if arguments.recovery:
        check_can_show(session)
    elif arguments.qr_svg is not None:
        raise UsageError(what=N_("--qr-svg is for a recovery key: give --recovery, too"))
    if arguments.key_file is not None:
        check_readable(arguments.key_file)
    shown_name = arguments.name or arguments.cipherdir
    explicit = explicit_password(session)
    with explicit[0] if explicit else new_password(session, shown_name) as password:
        created = _create(session, password)
        name = created.entry.name
        data: dict[str, Any] = {"vault": entry_data(created.entry)}
        with created.master_key as master_key:
            if not output.as_json:
                _tell_created(session, created)
                if output.out.isatty():
                    show_master_key(session, name, master_key)
                else:
                    output.note(_("The master key is not shown: this is not a terminal."))
        if arguments.recovery:
            made = new_recovery_key(session, name, Key(password))
            data["recovery_key"] = made_data(made)
            if not output.as_json:
                tell_made(session, name, made)
        if output.as_json:
            output.data(data)
        else:
            output.line(f"  vaultui unlock {shell_word(name)}")
        if arguments.save:
            save_password(session, name, password)
    return 0


def _create(session: Session, password: Secret) -> Created:
    arguments = session.arguments
    flavour = Flavour(CONTENT[arguments.content], NAMES[arguments.names], arguments.argon2id)
    made = arguments.make_key_file
    with nullcontext(arguments.key_file or "") if made is None else new_key_file(made) as key_file:
        session.output.step(_("Making the vault…"))
        return session.run(
            session.vaults.listing.create(
                arguments.cipherdir,
                password,
                name=arguments.name,
                mountpoint=arguments.mountpoint,
                idle_timeout_s=session.seconds(arguments.idle),
                flavour=flavour,
                key_file=key_file,
            )
        )


def _tell_created(session: Session, created: Created) -> None:
    entry, line = created.entry, session.output.line
    line(
        _(
            "{name} is made, in {cipherdir}.",
            name=shown(entry.name),
            cipherdir=place(entry.cipherdir),
        )
    )
    line(
        _(
            "Keep a copy of its config elsewhere:  vaultui info {name!q} --export-config FILE",
            name=entry.name,
        )
    )
    if entry.key_file:
        line(
            _(
                "It opens with the password and {key_file} together: keep a copy of it.",
                key_file=place(entry.key_file),
            )
        )
    if session.arguments.argon2id:
        line(
            _(
                "Deriving its key with Argon2id takes {seconds:.1f} s on this machine.",
                seconds=created.derivation_s,
            )
        )
    if entry.key_file or session.arguments.argon2id:
        line(_("gocryptfs does not open it; vaultui and vaultfs do."))
