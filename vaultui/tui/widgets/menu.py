"""What a dialog offers to do: a line for each way, beside the key that means the same."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vaultui.model.language import _

Ways = Mapping[str, tuple[str, str]]
"""Actions of the screen by their names, each with its key and a text that `_` translates."""

_LEAST_KEY_CELLS = 2


class Menu(OptionList):
    """Enter on a line does the action of the screen that the line is for."""

    def __init__(self, ways: Ways) -> None:
        super().__init__(id="choices", compact=True)
        self._key_cells = _LEAST_KEY_CELLS
        self.offer(ways)

    def offer(self, ways: Ways) -> None:
        """Offer other ways, from the first on; the cursor stays where they are the same."""
        if [option.id for option in self.options] != list(ways):
            self._key_cells = max(_LEAST_KEY_CELLS, *(len(key) for key, _text in ways.values()))
            self.clear_options()
            self.add_options(
                Option(self._line(key, text), id=name) for name, (key, text) in ways.items()
            )
            self.highlighted = 0

    def reword(self, name: str, key: str, text: str) -> None:
        """Give a way other words, because it means something else by now."""
        self.replace_option_prompt(name, self._line(key, text))

    @on(OptionList.OptionSelected)
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        await self.screen.run_action(str(event.option_id))

    def _line(self, key: str, text: str) -> Content:
        return Content.assemble((f" {key:<{self._key_cells}} ", "bold $accent"), _(text))
