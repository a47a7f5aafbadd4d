"""info: what concerns the volume and not its mount."""

from __future__ import annotations

import dataclasses

from vaultui.cli.output import place, shown
from vaultui.cli.session import Session
from vaultui.model.language import _
from vaultui.vaults import (
    content_in_words,
    names_in_words,
)


def info_verb(session: Session) -> int:
    """Print what a volume config says."""
    name = session.arguments.name
    entry = session.vaults.entry(name)
    if session.arguments.export_config is not None:
        return _export(session, name)
    info = session.run(session.vaults.volume.info(name))
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


def _export(session: Session, name: str) -> int:
    path = session.run(session.vaults.volume.export_config(name, session.arguments.export_config))
    if session.output.as_json:
        session.output.data({"name": name, "file": path})
        return 0
    session.output.line(
        _("The volume config of {name} is copied to {path}.", name=shown(name), path=place(path))
    )
    session.output.line(_("It opens with the keys that it has now, whatever is changed later."))
    return 0
