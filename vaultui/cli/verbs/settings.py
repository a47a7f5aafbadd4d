"""settings, order: how vaultui behaves, and how the list of vaults is arranged."""

from __future__ import annotations

from typing import Any

from vaultui.cli.output import place, shown
from vaultui.cli.session import Session
from vaultui.model.language import _
from vaultui.vaults import SettingRow

_VALUE_WIDTH = 22


def settings_verb(session: Session) -> int:
    """Show settings, or change one."""
    actions = {"get": _get, "set": _set, "unset": _unset, "edit": _edit}
    action = session.arguments.action
    return (_list if action is None else actions[action])(session)


def order_verb(session: Session) -> int:
    """Move a vault within the list."""
    name = session.arguments.name
    session.vaults.listing.move(name, session.arguments.place - 1)
    names = [entry.name for entry in session.vaults.entries()]
    if session.output.as_json:
        session.output.data({"vaults": names})
    for number, other in enumerate([] if session.output.as_json else names, start=1):
        session.output.line(f"{number:>3}  {shown(other)}")
    return 0


def _list(session: Session) -> int:
    output, vault = session.output, _vault(session)
    rows = session.vaults.settings.rows(vault)
    file = session.vaults.machine.locate("config")
    if output.as_json:
        output.data({"file": str(file), "vault": vault, "settings": [_data(row) for row in rows]})
        return 0
    for row in rows:
        star = "*" if row.given else " "
        label = f"{star} {row.key:<15} {shown(row.text) or '-':<{_VALUE_WIDTH}} "
        sentence = _(row.setting.sentence) if row.setting.sentence else ""
        if row.setting.choices:
            sentence += f": {', '.join(row.setting.choices)}"
        output.item(label, sentence)
    output.line()
    output.line(_("They stand in {file}.", file=place(str(file))))
    return 0


def _get(session: Session) -> int:
    row = session.vaults.settings.row(session.arguments.key, _vault(session))
    if session.output.as_json:
        session.output.data(_data(row))
    else:
        session.output.line(shown(row.text))
    return 0


def _set(session: Session) -> int:
    arguments, settings = session.arguments, session.vaults.settings
    row = session.run(settings.set(arguments.key, arguments.value, _vault(session)))
    return _tell(session, row)


def _unset(session: Session) -> int:
    settings = session.vaults.settings
    return _tell(session, session.run(settings.unset(session.arguments.key, _vault(session))))


def _edit(session: Session) -> int:
    error = session.run(session.vaults.settings.edit())
    if error is not None:
        raise error
    return 0


def _tell(session: Session, row: SettingRow) -> int:
    if session.output.as_json:
        session.output.data(_data(row))
    elif row.text:
        session.output.line(_("{key} is {value} now.", key=row.key, value=shown(row.text)))
    else:
        session.output.line(_("{key} is not set now.", key=row.key))
    if row.setting.at_unlock and not session.output.as_json and _is_open(session):
        session.output.note(_("What is open goes on as it is, until it is unlocked again."))
    return 0


def _is_open(session: Session) -> bool:
    """Return whether a vault is open that the setting is about."""
    name = _vault(session)
    vaults = session.vaults
    if name is not None:
        return session.run(vaults.status(name)).mounted
    return any(status.mounted for status in session.run(vaults.statuses()))


def _vault(session: Session) -> str | None:
    name: str | None = getattr(session.arguments, "vault", None)
    return name


def _data(row: SettingRow) -> dict[str, Any]:
    """Return a setting as `--json` has it; values are those of the file."""
    return {
        "key": row.key,
        "kind": row.setting.kind.value,
        "value": row.value,
        "given": row.given,
        "choices": list(row.setting.choices),
        "sentence": row.setting.sentence,
    }
