"""A check as it goes on, and what it found: a bar, the file in hand, each damage as it comes."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from vaultui.model.language import N_, _, ngettext
from vaultui.tui.check import Check
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.screens.report import ReportScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.wording import clip_path, shown, size
from vaultui.vaults import Damage

_FRAME_S = 0.2
_BAR_CELLS = 40

KIND_WORDS = {
    "corrupt-content": N_("content does not fit"),
    "corrupt-name": N_("name does not fit"),
    "corrupt-xattr": N_("attribute does not fit"),
    "corrupt-symlink": N_("link does not fit"),
    "missing-dir-iv": N_("directory has lost its IV"),
    "unreadable": N_("could not be read"),
}


class CheckingScreen(Dialog[None]):
    """Shows a check. Closing it leaves the check alone; it is the application's."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("x", "stop", "Stop the check", show=False),
        Binding("s", "save", "Save the report", show=False),
    ]
    CSS = """
    CheckingScreen #progress { height: auto; }
    CheckingScreen #choices { max-height: 12; }
    """

    def __init__(self, check: Check) -> None:
        super().__init__(id="checking")
        self._check = check

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", can_focus=False):
            yield Static(id="progress", markup=False)
            yield Failure(self.vaultui.glyphs)
            yield OptionList(id="choices", compact=True)
            with Horizontal(classes="buttons"):
                yield Button(_("Save report"), id="save", compact=True)
                yield Button(_("Stop"), id="stop", compact=True)
                yield Button(_("Close"), id="close", compact=True)

    def on_mount(self) -> None:
        self.query_one("#close").focus()
        self.set_interval(_FRAME_S, self._draw)
        self.call_after_refresh(self._draw)

    # -- showing ----------------------------------------------------------------------------

    def _draw(self) -> None:
        box = self.query_one(".dialog")
        width = box.content_size.width
        if not width:
            return
        running = self._check.running
        name = shown(self._check.entry.name)
        title = _("Checking {name}", name=name) if running else _("Check of {name}", name=name)
        keys = _("x stops it  Esc closes; it goes on") if running else _("s saves it  Esc closes")
        self.head(box, title, keys)
        lines = list(self._progress(width)) if running else [self.verdict()]
        self.query_one("#progress", Static).update(Content("\n").join(lines))
        self.query_one("#stop").display = running
        self.query_one("#save").display = not running
        if not running and self._check.error is not None:
            self.query_one(Failure).show(self._check.error)
        self._list(width)

    def _progress(self, width: int) -> list[Content]:
        check, glyphs = self._check, self.vaultui.glyphs
        fraction = check.fraction
        counts = ngettext(
            "{count} file, {size}",
            "{count} files, {size}",
            check.progress.files,
            size=size(check.progress.bytes),
        )
        if check.extent is not None:
            total = size(check.extent.bytes)
            counts = _("{counts} of {total}", counts=counts, total=total)
        lines = []
        if fraction is not None:
            full, empty = glyphs.bar(fraction, min(_BAR_CELLS, width - 6))
            percent = f" {fraction:4.0%}"
            lines.append(Content.assemble((full, "$primary"), (empty, "$muted"), percent))
        else:
            spinner = glyphs.spinner(self.vaultui.clock())
            lines.append(Content.assemble((f"{spinner} ", "$accent"), _("Counting the files")))
        path = clip_path(shown(check.progress.path), width, glyphs.ellipsis)
        return [*lines, Content(counts), Content.assemble((path, "$muted"))]

    def verdict(self) -> Content:
        """Return in a sentence or two what came of a check that has ended."""
        check, glyphs = self._check, self.vaultui.glyphs
        words = {"name": shown(check.entry.name)}
        if check.checked is None:
            text = ngettext(
                "The check ended early, after {count} file: the rest is not known.",
                "The check ended early, after {count} files: the rest is not known.",
                check.progress.files,
            )
            return Content.assemble((glyphs.warn, "bold $warning"), f" {text}")
        files = ngettext(
            "{count} file, {size}",
            "{count} files, {size}",
            check.checked.files,
            size=size(check.checked.bytes),
        )
        if not check.checked.corrupt and not check.checked.skipped:
            text = _("{name} is whole: {files}.", files=files, **words)
            return Content.assemble((glyphs.yes, "bold $success"), f" {text}")
        damaged = ngettext(
            "{count} damaged", "{count} damaged", check.checked.corrupt + check.checked.skipped
        )
        text = _(
            "{name} has damage: {damaged} of {files}. Take these from a copy.",
            damaged=damaged,
            files=files,
            **words,
        )
        return Content.assemble((glyphs.no, "bold $error"), f" {text}")

    def _list(self, width: int) -> None:
        """Add what was found since; the list keeps its place."""
        options = self.query_one("#choices", OptionList)
        damages = self._check.damages
        options.display = bool(damages)
        for damage in damages[options.option_count :]:
            options.add_option(Option(_damage_lines(damage, width, self.vaultui.glyphs.ellipsis)))

    # -- keys -------------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        damage = self._check.damages[event.option_index]
        self.vaultui.copy_text(damage.path or damage.cipher_path)

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        await self.run_action("cancel" if event.button.id == "close" else str(event.button.id))

    @work(group="stop")
    async def action_stop(self) -> None:
        await self._check.stop()
        self._draw()

    def action_save(self) -> None:
        if not self._check.running:
            self.app.push_screen(ReportScreen(self._check, self.verdict().plain))


def _damage_lines(damage: Damage, width: int, ellipsis: str) -> Content:
    path = clip_path(shown(damage.path or damage.cipher_path), width - 2, ellipsis)
    kind = _(KIND_WORDS.get(damage.kind, damage.kind))
    return Content.assemble(
        (path, "bold"), "\n", (f"  {kind}: ", "$error"), (shown(_(damage.reason)), "$muted")
    )
