"""info, check, passwd: what concerns the volume and not its mount."""

from __future__ import annotations

import dataclasses

from vaultui.cli.describe import conflict_line
from vaultui.cli.output import place, shown, size
from vaultui.cli.passwords import current_password, named_new_password, new_password
from vaultui.cli.session import Session
from vaultui.model.errors import CheckFoundDamage, NothingToCheck
from vaultui.model.exitcodes import ExitCode
from vaultui.vaults import (
    CheckMessage,
    CheckProgress,
    ConflictCopy,
    Damage,
    Key,
    content_in_words,
    names_in_words,
)


def info_verb(session: Session) -> int:
    """Print what a volume config says."""
    name = session.arguments.name
    entry = session.vaults.entry(name)
    info = session.run(session.vaults.info(name))
    if session.output.as_json:
        data = dataclasses.asdict(info)
        session.output.data({"name": name, "reverse": entry.reverse, **data})
        return 0
    names = names_in_words(info)
    if "LongNames" in info.feature_flags:
        names += f", those longer than {info.long_name_max} bytes in files of their own"
    rows = [
        *([("encrypted view", f"of {place(entry.cipherdir)}")] if entry.reverse else []),
        ("made by", info.creator),
        ("content", content_in_words(info)),
        ("names", names),
        ("key derivation", info.key_derivation),
        ("features", " ".join(info.feature_flags)),
    ]
    for label, value in rows:
        session.output.line(f"{label:<16}{shown(value)}")
    return 0


def check_verb(session: Session) -> int:
    """Read a whole volume; damage is printed as it is found."""
    output, found, copies = session.output, list[Damage](), list[ConflictCopy]()

    def tell(message: CheckMessage) -> None:
        if isinstance(message, CheckProgress):
            output.step(
                f"{message.files} files, {size(message.bytes)}: {shown(message.path)[-50:]}"
            )
            return
        if isinstance(message, ConflictCopy):
            copies.append(message)
            if not output.as_json:
                output.line(conflict_line(message))
            return
        found.append(message)
        if not output.as_json:
            path = message.path or message.cipher_path
            output.line(f"{message.kind}: {shown(path)} ({shown(message.reason)})")

    name = session.arguments.name
    if session.vaults.entry(name).reverse:
        raise NothingToCheck(name=name)  # before a password is asked for in vain
    with current_password(session, name) as password:
        checked = session.run(session.vaults.check(name, Key(password), tell))
    damaged = bool(checked.corrupt or checked.skipped)
    if output.as_json:
        damage = [dataclasses.asdict(item) for item in found]
        data = {"name": name, **dataclasses.asdict(checked), "damage": damage}
        output.data({**data, "conflict_copies": [dataclasses.asdict(item) for item in copies]})
        return int(ExitCode.FSCK_ERRORS) if damaged else 0
    if damaged:
        raise CheckFoundDamage(corrupt=checked.corrupt, skipped=checked.skipped)
    output.line(f"{shown(name)} is whole: {checked.files} files, {size(checked.bytes)}.")
    return 0


def passwd_verb(session: Session) -> int:
    """Change the password of a volume, and the saved one with it."""
    name, output = session.arguments.name, session.output
    session.vaults.entry(name)
    with current_password(session, name) as old:
        named = named_new_password(session)
        with named if named is not None else new_password(session, name) as new:
            output.step("Changing the password…")
            changed = session.run(session.vaults.keys.change_password(name, Key(old), new))
            problem = changed.problem
    if output.as_json:
        output.data({"name": name, "saved_password_stale": problem is not None})
    else:
        output.line(f"The password of {shown(name)} is changed.")
        output.line("Old copies of its volume config still open with the old password.")
    if problem is not None:
        summary = shown(problem.summary)
        output.note(f"vaultui: the saved password could not be replaced. {summary}")
    return 0
