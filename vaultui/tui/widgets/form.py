"""Parts of dialogs: a labelled field, a place for a failure, a list of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.jobs import StepTime
from vaultui.tui.wording import shown


class Field(Horizontal):
    """A label and its input on one line; its id is that of the input with "-field" behind it."""

    def __init__(self, label: str, control: Widget) -> None:
        super().__init__(classes="field", id=f"{control.id}-field")
        self._label = label
        self._control = control

    def compose(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield self._control

    def rename(self, label: str) -> None:
        """Show another label."""
        self.query_one(".label", Static).update(label)


class Tick(Checkbox):
    """A checkbox that is told apart by its character and not by a colour alone: [x] and [ ].

    Space turns it over, and Enter goes on, as it does in every field of a form.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Go on", show=False)]

    class Submitted(Message):
        """Enter was pressed on it."""

    def __init__(self, label: str, value: bool = False, *, id: str) -> None:  # noqa: A002
        super().__init__(Content(label), value, id=id, compact=True)

    @property
    def _button(self) -> Content:
        style = self.get_visual_style("toggle--button")
        return Content.assemble((f"[{'x' if self.value else ' '}]", style))

    def action_submit(self) -> None:
        self.post_message(self.Submitted())

    def rename(self, label: str) -> None:
        """Show another text. It is no markup: a keyring may be called anything."""
        self.label = Content(label)


class Failure(Static):
    """What went wrong, in place: the sentence, its cure, and on F2 the raw text."""

    def __init__(self, glyphs: Glyphs, *, id: str = "failure") -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._glyphs = glyphs
        self._error: VaultuiError | None = None
        self._details = False

    def on_mount(self) -> None:
        self.display = False

    def show(self, error: VaultuiError | None) -> None:
        """Show an error, or nothing."""
        self._error = error
        self._details = False
        self._draw()

    def say(self, text: str) -> None:
        """Show a sentence that is no error of the table."""
        self._error = None
        self.display = bool(text)
        self.update(Content.assemble((f"{self._glyphs.warn} {shown(text)}", "$warning")))

    def toggle_details(self) -> None:
        self._details = not self._details
        self._draw()

    def _draw(self) -> None:
        error = self._error
        self.display = error is not None
        if error is None:
            return
        parts: list[tuple[str, str] | str] = [
            (f"{self._glyphs.no} {shown(error.summary)}", "bold $error"),
            "\n",
            (shown(error.hint), "$foreground"),
        ]
        if error.raw and self._details:
            lines = "\n".join(shown(line) for line in error.raw.splitlines()[-12:])
            parts += ["\n", (lines, "$muted")]
        elif error.raw:
            parts += ["  ", (_("F2 shows details"), "$muted")]
        self.update(Content.assemble(*parts))


class Steps(Static):
    """The steps of a job with their times: those that are done, and the one under way."""

    def __init__(self, glyphs: Glyphs, *, id: str = "steps") -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._glyphs = glyphs

    def show(self, steps: Sequence[StepTime], now: float, *, done: bool = False) -> None:
        """Draw the steps at `now`, a time of the application's clock; the last one is under way."""
        lines: list[Content] = []
        times = [step.began for step in steps] + [now]
        for number, step in enumerate(steps):
            seconds = times[number + 1] - step.began
            last = number == len(steps) - 1 and not done
            mark = self._glyphs.spinner(now) if last else self._glyphs.yes
            text = shown(step.text).rstrip(".…")
            wait = ("..." if self._glyphs.ascii else "…") if last else ""
            lines.append(
                Content.assemble(
                    (f"{mark} ", "$accent" if last else "$success"),
                    f"{text}{wait}".ljust(28),
                    (f"{seconds:5.1f} s", "bold" if last else "$muted"),
                )
            )
        if not lines:
            lines.append(
                Content.assemble((f"{self._glyphs.spinner(now)} ", "$accent"), _("Starting"))
            )
        self.update(Content("\n").join(lines))
