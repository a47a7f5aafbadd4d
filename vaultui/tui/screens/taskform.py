"""Forms that say what shall be run against a vault: now, or whenever its name is called."""

from __future__ import annotations

import shlex
from abc import abstractmethod
from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from vaultui.model.language import N_, _
from vaultui.tui.screens.dialog import Answer
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.choice import Choice, Choices, Option
from vaultui.tui.widgets.form import Failure, Field, Tick
from vaultui.tui.wording import place, sentence
from vaultui.vaults import Driver, TaskRequest, VaultEntry, WrongValue, request_of, values_of

_DRIVERS: Final = {
    Driver.COMMAND: (
        N_("a command"),
        N_("It runs as you in the vault, and can do all that you can."),
    ),
    Driver.ISOLATED: (
        N_("isolated"),
        N_("It sees the system read-only and, of all your files, those of the vault alone."),
    ),
    Driver.OCI: (N_("a container"), N_("It runs in a directory with a system, by runc or crun.")),
    Driver.ENGINE: (
        N_("an image"),
        N_("It runs in a container of Docker or Podman, which have to be able to enter the vault."),
    ),
}
_TEXTS: Final = ("command", "rootfs", "image", "limit")
_TICKS: Final = ("private", "read_only")
"""Fields, called as their values in the settings."""
_NEEDED_BY: Final = {
    "rootfs": frozenset({Driver.ISOLATED, Driver.OCI}),
    "image": frozenset({Driver.ENGINE}),
    "private": frozenset(Driver) - {Driver.ENGINE},
}


class TaskForm(FormScreen[Answer]):
    """The fields of a request. What they do not show of it stays as it is."""

    def __init__(self, entry: VaultEntry, request: TaskRequest, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.entry = entry
        self._request = request
        self._values = values_of(request)

    def fields(self) -> ComposeResult:
        command, rootfs = shlex.join(self._request.command), self._request.around.rootfs
        yield Field(_("Command"), _line("command", command, "restic backup ${VAULT_MOUNT}"))
        options = [
            Option(driver.value, _(word), _(note)) for driver, (word, note) in _DRIVERS.items()
        ]
        driver = Choice(self.vaultui.glyphs, options, self._request.driver.value, id="driver")
        yield Choices([(_("Run as"), driver)], told="driver")
        with Vertical(classes="group"):
            a_system = _("a directory with a system")
            yield Field(_("System"), _line("rootfs", place(rootfs) if rootfs else "", a_system))
            yield Field(_("Image"), _line("image", self._request.around.image, "debian:stable"))
            limit = self._values.get("limit", "")
            yield Field(_("Limits"), _line("limit", limit, "memory=512M,cpu=1.5,pids=50,time=10m"))
            yield self.name_field()
        yield Tick(_("Private: it alone sees the vault"), self._request.private, id="private")
        yield Tick(_("Read-only"), self._request.read_only, id="read_only")

    @abstractmethod
    def name_field(self) -> Field:
        """Return the field for the name that it is saved under, called `saved`."""

    def on_mount(self) -> None:
        self._adapt()
        self.query_one("#command").focus()

    @on(Choice.Changed)
    def _adapt(self) -> None:
        """Show the fields that the chosen driver knows."""
        for field, drivers in _NEEDED_BY.items():
            shown = field if field in _TICKS else f"{field}-field"
            self.query_one(f"#{shown}").display = self._driver in drivers

    @property
    def _driver(self) -> Driver:
        return Driver(self.query_one("#driver", Choice).value)

    def request(self, name: str) -> TaskRequest | None:
        """Return what the fields say; None where one of them is wrong, which is said then."""
        typed: dict[str, Any] = {field: self.typed(field) for field in _TEXTS}
        typed |= {field: self.query_one(f"#{field}", Tick).value for field in _TICKS}
        known = {field for field in typed if self._driver in _NEEDED_BY.get(field, Driver)}
        values = {key: value for key, value in self._values.items() if key not in typed}
        values |= {field: value for field, value in typed.items() if field in known and value}
        values["driver"] = self._driver.value
        try:
            return request_of(values, name)
        except WrongValue as error:
            self.query_one(Failure).say(sentence(_(error.args[0])))
            self.query_one(f"#{error.key}" if error.key in typed else "#command").focus()
            return None


def _line(field: str, text: str, hint: str) -> Input:
    return Input(text, placeholder=hint, id=field, compact=True)
