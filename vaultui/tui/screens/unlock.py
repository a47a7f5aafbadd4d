"""Unlocking: the keyring is asked first, else the form; the steps are shown in place.

    ask the keyring ──found──▶ work ──right──▶ closed, with a toast
        │ nothing, failed,      │ wrong: said in the form, field empty and focused
        │ or a short wait       ▼
        └─────────────────▶   form ──Enter──▶ work

The form never waits for a keyring: a locked or hanging one costs a short moment. The job
belongs to the application; this dialog shows it, and Esc ends it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from vaultui.model.errors import PasswordEmpty, PasswordIncorrect, VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.jobs import Job
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure, Field, Steps, Tick
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.wording import place, sentence, shown
from vaultui.vaults import (
    TOKEN_KIND,
    Key,
    PasswordSource,
    UnlockOptions,
    VaultStatus,
    format_duration,
    parse_clock,
    parse_duration,
)

KEYRING_PATIENCE_S = 0.7
"""How long the form stays away while the keyring is asked. The question itself goes on."""
_FRAME_S = 0.1


class UnlockScreen(Dialog[None]):
    """One vault's unlock dialog."""

    AUTO_FOCUS = ""

    def __init__(self, status: VaultStatus) -> None:
        super().__init__(id="unlock")
        self._entry = status.entry
        self._usual_place = place(status.entry.mountpoint)
        self._job: Job | None = None
        self._typed = False
        self._replacing = False
        self._with_token = False

    def compose(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        entry = self._entry
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, _("Unlock {name}", name=shown(entry.name)))
            yield Static(id="asking", markup=False)
            with Vertical(id="form"):
                yield OpenedBy(glyphs, entry, ())
                yield Failure(glyphs)
                yield Tick("", id="remember")
                yield Tick(_("Read-only"), entry.opens_read_only, id="read-only")
                yield Field(
                    _("Idle lock"),
                    Input(format_duration(entry.idle_timeout_s), id="idle", compact=True),
                )
                yield Field(
                    _("Open for"),
                    Input(
                        format_duration(entry.open_for_s) if entry.open_for_s else "",
                        placeholder=_("as long as it is used; or 30m, or until 18:00"),
                        id="open-for",
                        compact=True,
                    ),
                )
                yield Field(_("Mount at"), Input(self._usual_place, id="mountpoint", compact=True))
                with Horizontal(classes="buttons"):
                    yield Button(_("Unlock"), variant="primary", id="go", compact=True)
                    yield Button(_("Cancel"), id="cancel", compact=True)
            yield Steps(glyphs)

    def on_mount(self) -> None:
        self._label_remember()
        self._look_at_keys()
        keyring = self.vaultui.keyring
        if keyring is not None and not keyring.usable:
            self._show_form()
            return
        label = shown(keyring.label) if keyring else _("the keyring")
        self.query_one("#asking", Static).update(_("Asking {label} for the password", label=label))
        self._phase("asking")
        self.set_timer(KEYRING_PATIENCE_S, self._patience_ends)
        self._ask_keyring()

    # -- phases -----------------------------------------------------------------------------

    def _phase(self, phase: str) -> None:
        self.query_one("#asking").display = phase == "asking"
        self.query_one("#form").display = phase == "form"
        self.query_one(Steps).display = phase == "work"
        keys = {"form": _("Enter unlocks  Esc cancels")}.get(phase, _("Esc cancels"))
        self.head(self.query_one(".dialog"), _("Unlock {name}", name=shown(self._entry.name)), keys)

    def _show_form(self) -> None:
        self._phase("form")
        self.query_one(OpenedBy).focus_first()

    def _patience_ends(self) -> None:
        if self._job is None and not self.query_one("#form").display:
            self._show_form()
            self.query_one(Failure).say(
                _("The keyring has not answered yet; the password can be typed meanwhile.")
            )

    @work(group="keys")
    async def _look_at_keys(self) -> None:
        """Ask for a key file or a PIN where the vault has such a key."""
        try:
            slots = await self.vaultui.vaults.keys.slots(self._entry.name)
        except VaultuiError:
            return  # unlocking says it better
        self.query_one(OpenedBy).told(slots)
        self._with_token = any(slot.kind == TOKEN_KIND for slot in slots)
        if self._with_token and self._job is None:
            self.workers.cancel_group(self, "keyring")
            self.query_one("#remember").display = False
            if not self.query_one("#form").display:
                self._show_form()

    # -- the keyring ------------------------------------------------------------------------

    @work(group="keyring", exclusive=True)
    async def _ask_keyring(self) -> None:
        failure = self.query_one(Failure)
        try:
            password = await self.vaultui.vaults.keyring.find(self._entry.name)
        except VaultuiError as error:
            if self._job is None:
                self._show_form()
                failure.say(f"{error.summary} {error.hint}")
            return
        if self._job is not None or self._typed:
            if password is not None:
                password.wipe()  # the person was faster
            return
        if password is None:
            failure.show(None)
            self._show_form()
            return
        self._work(Key(password), PasswordSource.KEYRING)

    # -- the form ---------------------------------------------------------------------------

    def _label_remember(self) -> None:
        keyring = self.vaultui.keyring
        remember = self.query_one("#remember", Tick)
        if keyring is not None and not keyring.usable:
            remember.disabled = True
            remember.rename(_("Remember (no keyring can be used)"))
            return
        label = shown(keyring.label) if keyring else _("the keyring")
        words = (
            N_("Replace the password saved in {keyring}")
            if self._replacing
            else N_("Remember in {keyring}")
        )
        remember.rename(_(words, keyring=label))

    @on(SecretInput.Changed)
    def _typing(self) -> None:
        self._typed = not self.query_one(SecretInput).is_empty
        if self._typed:
            self.query_one(Failure).show(None)

    @on(SecretInput.Submitted)
    @on(Input.Submitted)
    @on(Tick.Submitted)
    @on(Button.Pressed, "#go")
    def _submit(self) -> None:
        opened_by = self.query_one(OpenedBy)
        failure = self.query_one(Failure)
        if self._job is not None:
            return
        if opened_by.is_empty:
            failure.show(PasswordEmpty())
            opened_by.focus_first()
            return
        field = "idle"
        try:
            parse_duration(self.query_one("#idle", Input).value)
            field = "open-for"
            self._closes_at()
        except ValueError as error:
            failure.say(sentence(_(error.args[0])))
            self.query_one(f"#{field}").focus()
            return
        self.workers.cancel_group(self, "keyring")
        self._work(opened_by.key(), PasswordSource.TYPED)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    # -- the work ---------------------------------------------------------------------------

    def _options(self, source: PasswordSource) -> UnlockOptions:
        """Return what differs from the entry; the rest stays the entry's choice."""
        entry = self._entry
        read_only = self.query_one("#read-only", Tick).value
        idle = parse_duration(self.query_one("#idle", Input).value)
        typed = self.query_one("#mountpoint", Input).value.strip()
        return UnlockOptions(
            read_only=None if read_only == entry.opens_read_only else read_only,
            idle_timeout_s=None if idle == entry.idle_timeout_s else idle,
            closes_at=self._closes_at(),
            mountpoint=None if typed in {"", self._usual_place} else str(Path(typed).expanduser()),
            password_source=source,
        )

    def _closes_at(self) -> float | None:
        """Return when it locks whoever uses it; None for what its settings say.

        Raises ValueError with a phrase.
        """
        text = self.query_one("#open-for", Input).value.strip()
        if ":" in text:
            return parse_clock(text, self.vaultui.wall_clock())
        seconds = parse_duration(text) if text else 0.0
        if seconds == self._entry.open_for_s:
            return None
        return self.vaultui.wall_clock() + seconds if seconds else 0.0

    def _work(self, key: Key, source: PasswordSource) -> None:
        other = self.vaultui.jobs.of(self._entry.id)
        if other is not None:
            key.wipe()
            self.query_one(Failure).say(_("It is {doing} already.", doing=_(other.kind.value)))
            self._show_form()
            return
        remember = (
            source is PasswordSource.TYPED
            and self.query_one("#remember", Tick).value
            and not self._with_token
        )
        self._job = self.vaultui.flows.unlocking.start(
            self._entry, key, self._options(source), remember=remember
        )
        self._job.attended = True
        self._phase("work")
        self._draw_steps()
        self._attend(self._job, source)

    @work(group="attend")
    async def _attend(self, job: Job, source: PasswordSource) -> None:
        timer = self.set_interval(_FRAME_S, self._draw_steps)
        try:
            await job.result()
        except VaultuiError as error:
            self._job = None
            self._failed(error, source)
        except asyncio.CancelledError:
            return  # by Esc, which closes this dialog, or by the end of the application
        else:
            self.dismiss(None)
        finally:
            timer.stop()

    def _draw_steps(self) -> None:
        if self._job is not None:
            self.query_one(Steps).show(self._job.steps, self.vaultui.clock(), done=self._job.done)

    def _failed(self, error: VaultuiError, source: PasswordSource) -> None:
        failure = self.query_one(Failure)
        self._typed = False
        self._show_form()
        self.query_one(OpenedBy).blame(error)
        if isinstance(error, PasswordIncorrect) and source is PasswordSource.KEYRING:
            self._replacing = True
            self._label_remember()
            self.query_one("#remember", Tick).value = True
            keyring = self.vaultui.keyring
            where = keyring.label if keyring else _("the keyring")
            failure.say(
                _(
                    "The password saved in {keyring} is not the right one. It stays saved until "
                    "you replace it.",
                    keyring=where,
                )
            )
        else:
            failure.show(error)

    def action_cancel(self) -> None:
        self.query_one(SecretInput).wipe()
        self._cancel()

    @work(group="cancel", exclusive=True)
    async def _cancel(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            await self.vaultui.jobs.cancel(job)
            self.vaultui.say(_("Unlocking {name} was cancelled.", name=shown(self._entry.name)))
        self.dismiss(None)
