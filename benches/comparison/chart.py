"""Results as a bar chart in SVG: each workload's ratio to nginx, with a line at nginx."""

from xml.sax.saxutils import escape

from .figures import Results

WIDTH, LEFT, RIGHT, TOP, STEP, BAR = 760, 150, 60, 64, 24, 14
# Greys and colours in the middle: they stand out from a white page and from a black one.
TEXT, GRID, LESS, MORE = "#768390", "#8b949e", "#2f81d7", "#d9822b"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"


def chart(results: Results) -> str:
    rows = [row for row in results.rows if row.ratio is not None]
    most = max([1.2] + [row.ratio + 0.05 for row in rows])
    height = TOP + STEP * len(rows) + 34
    bottom = TOP + STEP * len(rows)

    def x(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ratio / most

    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' "
        f"role='img' aria-labelledby='title told' {FONT} font-size='13' fill='{TEXT}'>",
        "<title id='title'>What goodgate costs, in what nginx costs</title>",
        f"<desc id='told'>{escape(told(rows))}</desc>",
        f"<text x='{LEFT}' y='20' font-size='15' font-weight='600'>What goodgate costs, in what nginx costs</text>",
        f"<text x='{LEFT}' y='40'>CPU time per request; idle-10k: memory; conf-10k: CPU time of -t. Less is better.</text>",
    ]
    for tick in range(0, int(most / 0.25) + 1):
        if tick != 4:
            at = x(tick * 0.25)
            parts.append(f"<line x1='{at:.1f}' y1='{TOP - 6}' x2='{at:.1f}' y2='{bottom}' stroke='{GRID}' opacity='0.25'/>")
            parts.append(f"<text x='{at:.1f}' y='{bottom + 18}' text-anchor='middle'>{tick * 0.25:g}</text>")
    for number, row in enumerate(rows):
        y = TOP + STEP * number
        colour = LESS if row.ratio <= 1 else MORE
        base = y + BAR - 3
        parts += [
            f"<text x='{LEFT - 8}' y='{base}' text-anchor='end'>{escape(row.name)}</text>",
            f"<rect x='{LEFT}' y='{y}' width='{x(row.ratio) - LEFT:.1f}' height='{BAR}' rx='2' fill='{colour}'/>",
        ]
    # The line crosses the bars, and stands behind the figures.
    parts += [
        f"<line x1='{x(1):.1f}' y1='{TOP - 6}' x2='{x(1):.1f}' y2='{bottom}' stroke='{TEXT}' stroke-width='2'/>",
        f"<text x='{x(1):.1f}' y='{bottom + 18}' text-anchor='middle' font-weight='600'>nginx</text>",
    ]
    for number, row in enumerate(rows):
        base = TOP + STEP * number + BAR - 3
        # A figure that would stand on the line goes behind it.
        at = x(row.ratio) + 6
        if at - 4 < x(1) < at + 32:
            at = x(1) + 6
        parts.append(f"<text x='{at:.1f}' y='{base}' font-weight='600'>{row.ratio:.2f}</text>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def told(rows: list) -> str:
    return "; ".join(f"{row.name} {row.ratio:.2f}" for row in rows)
