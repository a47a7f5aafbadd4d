"""A form, and the work that it asks for, which takes a while: deriving a key takes about a second.

    form ──Enter──▶ work ──done──▶ closed, or whatever comes next
      ▲               │ failed: said in the form
      └───────────────┘ Esc: ended, and said

The form keeps what was typed into it, so that a mistake in one field costs that field alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.jobs import StepTime
from vaultui.tui.screens.dialog import Answer, Dialog
from vaultui.tui.widgets.choice import Choice
from vaultui.tui.widgets.form import Failure, Steps, Tick
from vaultui.tui.widgets.secretinput import SecretInput

Result = TypeVar("Result")

_FRAME_S = 0.1


class FormScreen(Dialog[Answer]):
    """One form. What was typed into it stays until it closes; secrets are wiped then."""

    AUTO_FOCUS = ""
    go = "OK"
    """What the button says that does it."""
    leave = N_("Cancel")
    """What the other button says."""
    keys = N_("Enter goes on  Esc cancels")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._steps: list[StepTime] = []
        """Of the work; empty while the form is there."""
        self._was_focused: Widget | None = None
        """Where the person was when the work began."""

    def compose(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        with VerticalScroll(classes="dialog wide", can_focus=False):
            with Vertical(id="form"):
                yield from self.fields()
                yield Failure(glyphs)
                with Horizontal(classes="buttons"):
                    yield Button(_(self.go), variant="primary", id="go", compact=True)
                    yield Button(_(self.leave), id="cancel", compact=True)
            yield Steps(glyphs)

    def on_mount(self) -> None:
        self.show_form()

    # -- what each form has of its own ------------------------------------------------------

    @abstractmethod
    def title_text(self) -> str:
        """Return what stands above the form."""

    @abstractmethod
    def fields(self) -> ComposeResult:
        """Yield what can be filled in."""

    @abstractmethod
    def submit(self) -> None:
        """Look at what was filled in; say what is missing, or `attempt` the work."""

    def failed(self, error: VaultuiError) -> None:
        """Say in the form that the work failed, and put the focus where it can be mended."""
        self.query_one(Failure).show(error)

    # -- the work ---------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        return bool(self._steps)

    @work(group="attempt", exclusive=True)
    async def attempt(
        self, words: str, what: Callable[[], Awaitable[Result]], done: Callable[[Result], Any]
    ) -> None:
        """Do the work in place of the form; `words` are its first step, `done` gets its result."""
        self._was_focused = self.focused
        self.step(words)
        self._phase()
        timer = self.set_interval(_FRAME_S, self._draw_steps)
        try:
            result = await what()
        except VaultuiError as error:
            self.show_form()
            self.failed(error)
        else:
            done(result)
        finally:
            timer.stop()

    def step(self, words: str) -> None:
        """Say that the work has come to its next step."""
        self._steps.append(StepTime(words, self.vaultui.clock()))
        self._draw_steps()

    def _draw_steps(self) -> None:
        if self.working:
            self.query_one(Steps).show(self._steps, self.vaultui.clock())

    def show_form(self) -> None:
        """Show the form again, with what was typed into it."""
        self._steps = []
        self.query_one(Failure).show(None)
        self._phase()
        if self._was_focused is not None:
            self._was_focused.focus()

    def _phase(self) -> None:
        self.query_one("#form").display = not self.working
        self.query_one(Steps).display = self.working
        keys = _("Esc cancels") if self.working else _(self.keys)
        self.head(self.query_one(".dialog"), self.title_text(), keys)
        self._draw_steps()

    # -- keys -------------------------------------------------------------------------------

    @on(SecretInput.Submitted)
    @on(Choice.Submitted)
    @on(Input.Submitted)
    @on(Tick.Submitted)
    @on(Button.Pressed, "#go")
    def _submitted(self) -> None:
        if not self.working:
            self.query_one(Failure).show(None)
            self.submit()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    def action_cancel(self) -> None:
        if not self.working:
            self.dismiss(None)
            return
        self.workers.cancel_group(self, "attempt")
        self.show_form()
        self.query_one(Failure).say(_("Cancelled."))

    # -- small ones -------------------------------------------------------------------------

    def complain(self, text: str, field: str) -> None:
        """Say what is wrong with a field, and go there."""
        self.query_one(Failure).say(text)
        self.query_one(f"#{field}").focus()

    def typed(self, field: str) -> str:
        """Return what a field for text holds, without blanks around it."""
        return self.query_one(f"#{field}", Input).value.strip()
