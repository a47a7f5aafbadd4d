"""The figures as pictures: SVG, written by hand, legible on light and on dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from tests.bench.figures import Figures
from tests.bench.records import Records
from tests.bench.report import at_shown, medians, named, plot_name

# Okabe and Ito's colours, which those who see few colours can tell apart. All of them, and the
# grey of the words, stand out against white and against a dark page alike: a picture in a page
# knows the colours of the system, and not those that the page has.
COLOURS = ("#0a7fd0", "#d55e00", "#009e73", "#b8860b", "#cc79a7", "#56a0c9", "#8a8a8a")
STYLE = """\
text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #6e7681 }
.bold { font-weight: bold }
.line { stroke: #8c959f; stroke-opacity: .35 }
.one { stroke: #6e7681; stroke-width: 1.5 }
.slow { fill: #c93c4a } .fast { fill: #0a7fd0 }"""

ROW, LEFT, WIDE, TOP = 17, 310, 560, 54


def write(records: Records, folder: Path) -> None:
    """Write all pictures of a run."""
    folder.mkdir(exist_ok=True)
    figures = Figures(records.measurements, records.heading.reference)
    if figures.groups:
        heading = records.heading
        (folder / "ratios.svg").write_text(ratios(figures, heading.compared, heading.beside))
        (folder / "means.svg").write_text(means(figures, heading.compared, heading.beside))
    both = (records.heading.reference, records.heading.compared)
    found = medians(records.findings)
    for study in dict.fromkeys(key[0] for key in found):
        lines: dict[str, dict[str, list[tuple[int, float]]]] = {}
        units: dict[str, str] = {}
        for (its, series, at, program), (value, unit) in found.items():
            if its == study and program in both and unit != "ms":
                lines.setdefault(series, {}).setdefault(program, []).append((at, value))
                units[series] = unit
        if lines:
            (folder / f"{plot_name(study)}.svg").write_text(growth(study, lines, units, both))


def ratios(figures: Figures, compared: str, beside: list[str]) -> str:
    """Return bars of the ratios of one program, and dots of the others, group by group."""
    groups = dict.fromkeys(figures.groups.values())
    rows: list[tuple[str, bool]] = []
    for group in groups:
        rows += [(group, True), *((name, False) for name in figures.workloads(group))]
    everybody = [compared, *beside]
    values = [
        ratio
        for name in figures.groups
        for program in everybody
        if (ratio := figures.ratio(name, program)) is not None
    ]
    scale = _Log(min([0.5, *values]), max([2.0, *values]), LEFT, LEFT + WIDE)
    height = TOP + ROW * len(rows) + 24
    parts = [*_legend(compared, beside), *_grid(scale, TOP - 6, height - 22)]
    for number, (name, is_group) in enumerate(rows):
        y = TOP + ROW * number
        if is_group:
            parts.append(f'<text x="8" y="{y + 12}" class="bold">{escape(name)}</text>')
            continue
        parts.append(_text(LEFT - 8, y + 12, name, "end"))
        ratio = figures.ratio(name, compared)
        if ratio is not None:
            parts.append(_bar(scale, ratio, y + 3, ROW - 6))
        for at, program in enumerate(beside):
            other = figures.ratio(name, program)
            if other is not None:
                parts.append(_dot(scale(other), y + ROW / 2, COLOURS[1 + at % 6]))
    title = f"How many times faster than {named(figures.reference)}"
    return _svg(LEFT + WIDE + 24, height, title, parts)


def means(figures: Figures, compared: str, beside: list[str]) -> str:
    """Return bars of the geometric means of one program, with those of the others as dots."""
    everybody = [compared, *beside]
    groups = ["", *dict.fromkeys(figures.groups.values())]
    values = {
        (group, program): mean
        for group in groups
        for program in everybody
        if (mean := figures.mean(program, group)) is not None
    }
    low, high = min([0.5, *values.values()]), max([2.0, *values.values()])
    left, row = 190, 28
    # Beside the bars there is room for their figures.
    scale = _Log(low / 1.1, high * 1.1, left, left + WIDE)
    height = TOP + row * len(groups) + 24
    parts = [*_legend(compared, beside, left), *_grid(scale, TOP - 6, height - 22)]
    for number, group in enumerate(groups):
        y = TOP + row * number
        mean = values.get((group, compared))
        shown = "" if mean is None else f"\u2003{mean:.2f}"
        name = f"{group or f'all {len(figures.groups)} workloads'}{shown}"
        kind = "bold" if not group else ""
        parts.append(_text(left - 8, y + 18, name, "end", kind))
        if mean is not None:
            parts.append(_bar(scale, mean, y + 6, row - 12))
        for at, program in enumerate(beside):
            if (group, program) in values:
                parts.append(_dot(scale(values[group, program]), y + row / 2, COLOURS[1 + at % 6]))
    title = f"How many times faster than {named(figures.reference)}, geometric means"
    return _svg(left + WIDE + 24, height, title, parts)


def growth(
    study: str,
    lines: dict[str, dict[str, list[tuple[int, float]]]],
    units: dict[str, str],
    programs: Iterable[str],
) -> str:
    """Return a small plot for each series, side by side, both axes logarithmic."""
    wide, high, left = 210, 170, 62
    parts = []
    for at, program in enumerate(programs):
        parts.append(_dot(16 + 130 * at, 40, COLOURS[1 - at]))
        parts.append(_text(26 + 130 * at, 44, named(program), "start"))
    for number, (series, its) in enumerate(lines.items()):
        x0 = left + number * (wide + left + 20)
        points = [point for values in its.values() for point in values]
        across = _Log(min(x for x, _ in points), max(x for x, _ in points), x0, x0 + wide)
        low, top = min(y for _, y in points), max(y for _, y in points)
        up = _Log(low / 1.3, top * 1.3, 84 + high, 84)
        parts.append(_text(x0, 72, f"{series}, {units[series]}", "start"))
        for at in sorted({x for x, _ in points}):
            parts.append(_line(across(at), 84, across(at), 84 + high))
            parts.append(_text(across(at), 102 + high, at_shown(study, at), "middle"))
        for tick in up.ticks():
            parts.append(_line(x0, up(tick), x0 + wide, up(tick)))
            parts.append(_text(x0 - 6, up(tick) + 4, f"{tick:g}", "end"))
        for at, program in enumerate(programs):
            values = sorted(its.get(program, []))
            colour = COLOURS[1 - at]
            path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in values)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
            parts += [_dot(across(x), up(y), colour) for x, y in values]
    width = left + len(lines) * (wide + left + 20)
    return _svg(width, 84 + high + 32, f"Growth: {study}", parts)


class _Log:
    """A logarithmic axis from one place of the picture to another."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._high = math.log(low), math.log(max(high, low * 1.0001))
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        part = (math.log(value) - self._low) / (self._high - self._low)
        return self._start + part * (self._end - self._start)

    def ticks(self) -> Iterator[float]:
        """Yield 1, 2 and 5 in each power of ten; of many powers, only the powers."""
        low, high = math.exp(self._low), math.exp(self._high)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1,) if len(powers) > 4 else (1, 2, 5)
        for power in powers:
            for step in steps:
                if low <= step * 10.0**power <= high:
                    yield step * 10.0**power


def _grid(scale: _Log, top: float, bottom: float) -> Iterator[str]:
    for tick in scale.ticks():
        x = scale(tick)
        kind = "one" if tick == 1 else "line"
        yield _line(x, top, x, bottom, kind)
        yield _text(x, bottom + 16, f"{tick:g}", "middle")


def _legend(compared: str, beside: list[str], left: float = LEFT) -> Iterator[str]:
    x = left
    yield f'<rect x="{x - 6}" y="33" width="12" height="9" rx="2" class="fast"/>'
    yield _text(x + 12, 42, named(compared), "start")
    for at, program in enumerate(beside):
        x += 96
        yield _dot(x, 38, COLOURS[1 + at % 6])
        yield _text(x + 10, 42, named(program), "start")


def _bar(scale: _Log, value: float, y: float, height: float) -> str:
    start, end = sorted((scale(1), scale(value)))
    kind = "fast" if value >= 1 else "slow"
    return (
        f'<rect x="{start:.1f}" y="{y:.1f}" width="{max(end - start, 1):.1f}"'
        f' height="{height:.1f}" rx="2" class="{kind}" fill-opacity=".75"/>'
    )


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "line") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(words)}</text>'


def _svg(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img">\n<title>{escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n"
        f'<text x="8" y="20" class="bold">{escape(title)}</text>\n{body}\n</svg>\n'
    )
