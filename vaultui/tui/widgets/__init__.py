"""The parts of the screens: list, detail panes, bars and fields."""
