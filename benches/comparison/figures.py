"""Results as they are kept in JSON, and what is told of them."""

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from . import site

OURS = ("goodgate", "gg", "new")
THEIRS = "nginx"
# The figure of a workload: the first of these that it has. For all of them less is better.
FIGURES = {"cpu_us": "µs", "total_mib": "MiB", "cpu_s": "s"}


@dataclass(frozen=True)
class Row:
    """A workload with the figures of both servers; a server without figures has an empty dictionary."""

    name: str
    says: str
    figure: str
    ours: dict
    theirs: dict

    @property
    def unit(self) -> str:
        return FIGURES[self.figure]

    @property
    def ratio(self):
        """Our figure in nginx's; `None` where one of the two is missing."""
        ours, theirs = self.ours.get(self.figure), self.theirs.get(self.figure)
        return ours / theirs if ours is not None and theirs else None


@dataclass(frozen=True)
class Results:
    rows: list
    floor: dict
    about: dict
    problems: list

    def of(self, name: str):
        return next((row for row in self.rows if row.name == name), None)


def read(path: Path) -> Results:
    try:
        return results(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        sys.exit(f"compare: {path}: {error}")


def results(kept: dict) -> Results:
    median = kept.get("median") if isinstance(kept, dict) else None
    if not isinstance(median, dict):
        raise ValueError('no results: {"median": {workload: {server: {figure: number}}}} is expected')
    rows = []
    known = list(site.BY_NAME)
    for name in sorted(median, key=lambda name: known.index(name) if name in known else len(known)):
        if name == "floor":
            continue
        servers = median[name]
        ours = next((servers[each] for each in OURS if each in servers), {})
        theirs = servers.get(THEIRS, {})
        figure = next((each for each in FIGURES if each in {**ours, **theirs}), None)
        if figure:
            says = site.BY_NAME[name].says if name in site.BY_NAME else ""
            rows.append(Row(name, says, figure, ours, theirs))
    about = dict(kept.get("about") or {})
    about.setdefault("rounds", rounds(kept.get("raw")))
    problems = kept.get("problems") or kept.get("notes") or []
    return Results(rows, median.get("floor", {}).get("floor", {}), about, problems)


def rounds(raw):
    """How often most figures were taken, where nothing says so."""
    counts = [len(values) for servers in (raw or {}).values() for figures in servers.values()
              for values in figures.values()]
    return statistics.mode(counts) if counts else None
