"""info, check: what concerns the volume and not its mount."""

from __future__ import annotations

import dataclasses

from vaultui.cli.currentkey import with_key_or_token
from vaultui.cli.describe import conflict_line
from vaultui.cli.output import place, shown, size
from vaultui.cli.session import Session
from vaultui.model.errors import CheckFoundDamage, NothingToCheck
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import _
from vaultui.vaults import (
    CheckMessage,
    CheckProgress,
    ConflictCopy,
    Damage,
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
        names += _(
            ", those longer than {long_name_max} bytes in files of their own",
            long_name_max=info.long_name_max,
        )
    rows = [
        *(
            [(_("encrypted view"), _("of {cipherdir}", cipherdir=place(entry.cipherdir)))]
            if entry.reverse
            else []
        ),
        (_("made by"), info.creator),
        (_("content"), content_in_words(info)),
        (_("names"), names),
        (_("key derivation"), info.key_derivation),
        (_("features"), " ".join(info.feature_flags)),
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
                _(
                    "{files} files, {size}: {path}",
                    files=message.files,
                    size=size(message.bytes),
                    path=shown(message.path)[-50:],
                )
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
            output.line(f"{message.kind}: {shown(path)} ({shown(_(message.reason))})")

    name = session.arguments.name
    if session.vaults.entry(name).reverse:
        raise NothingToCheck(name=name)  # before a password is asked for in vain
    checked = with_key_or_token(
        session, name, lambda key, _: session.run(session.vaults.check(name, key, tell))
    )
    damaged = bool(checked.corrupt or checked.skipped)
    if output.as_json:
        damage = [dataclasses.asdict(item) for item in found]
        data = {"name": name, **dataclasses.asdict(checked), "damage": damage}
        output.data({**data, "conflict_copies": [dataclasses.asdict(item) for item in copies]})
        return int(ExitCode.FSCK_ERRORS) if damaged else 0
    if damaged:
        raise CheckFoundDamage(corrupt=checked.corrupt, skipped=checked.skipped)
    output.line(
        _(
            "{name} is whole: {files} files, {size}.",
            name=shown(name),
            files=checked.files,
            size=size(checked.bytes),
        )
    )
    return 0
