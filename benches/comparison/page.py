"""The page in docs/ that shows the results."""

import sys
from pathlib import Path

from .chart import chart
from .figures import Results
from .table import table

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def update(results: Results, docs: Path = DOCS) -> None:
    """Puts the table in the place of the one that is there, and the chart beside the page."""
    page = docs / "performance.md"
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"compare: {page}: {BEGIN} and {END} are missing")
    page.write_text(f"{before}{BEGIN}\n{table(results)}{END}{after}")
    (docs / "performance.svg").write_text(chart(results))
