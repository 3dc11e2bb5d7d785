"""Results as a table in Markdown."""

from .figures import Results, Row

HEAD = """\
| Workload | | goodgate | nginx | Ratio | Requests/s | p99 |
|---|---|---:|---:|---:|---:|---:|
"""


def table(results: Results) -> str:
    lines = [line(row) for row in results.rows]
    if results.floor:
        lines.append(floor(results))
    return "\n\n".join([HEAD + "\n".join(lines), *remarks(results)]) + "\n"


def line(row: Row) -> str:
    both = [row.ours, row.theirs]
    figures = [amount(each.get(row.figure), row.unit) for each in both]
    ratio = f"**{row.ratio:.2f}**" if row.ratio is not None else ""
    rates = pair([f"{each['rps']:,.0f}" if "rps" in each else "" for each in both])
    late = pair([f"{each['p99_ms']:.1f}" if "p99_ms" in each else "" for each in both], " ms")
    return f"| {row.name} | {row.says} | {figures[0]} | {figures[1]} | {ratio} | {rates} | {late} |"


def floor(results: Results) -> str:
    """What the floor costs stands in both columns' place: it is the limit of either."""
    cost, rate = results.floor.get("cpu_us"), results.floor.get("rps")
    fixed = results.of("return-200")
    theirs = fixed.theirs.get("cpu_us") if fixed else None
    ratio = f"{cost / theirs:.2f}" if cost and theirs else ""
    late = results.floor.get("p99_ms")
    late = f"{late:.1f} ms" if late is not None else ""
    return (f"| *floor* | receives and sends 1 KiB, no more; the ratio is to nginx's return-200 | {amount(cost, 'µs')} | "
            f"| {ratio} | {f'{rate:,.0f}' if rate else ''} | {late} |")


def remarks(results: Results) -> list:
    said = ["CPU time per request (user and kernel, all processes of the server), for idle-10k memory, for conf-10k CPU "
            "time in all. Requests per second and p99 are goodgate's / nginx's."]
    many, few = results.of("route-10k"), results.of("static-1k")
    if many and few and many.ours.get("cpu_us") and few.ours.get("cpu_us"):
        growth = many.ours["cpu_us"] / few.ours["cpu_us"]
        growth = f"goodgate's route-10k costs {growth:.2f} of its static-1k"
        if many.theirs.get("cpu_us") and few.theirs.get("cpu_us"):
            growth += f", nginx's {many.theirs['cpu_us'] / few.theirs['cpu_us']:.2f} of its own"
        said.append(growth + ".")
    two = results.of("two-workers")
    if two and few and two.ours.get("cpu_us") and few.ours.get("cpu_us"):
        gain = f"With the time of two CPUs goodgate answers {2 * few.ours['cpu_us'] / two.ours['cpu_us']:.2f} times as many requests as with one"
        if two.theirs.get("cpu_us") and few.theirs.get("cpu_us"):
            gain += f", nginx {2 * few.theirs['cpu_us'] / two.theirs['cpu_us']:.2f} times"
        said.append(gain + " (two-workers).")
    zipped = results.of("gzip-100k")
    if zipped and zipped.ours.get("size") and zipped.theirs.get("size"):
        said.append(f"goodgate's compressed answer of gzip-100k has {zipped.ours['size'] / zipped.theirs['size']:.3f} of the size of nginx's.")
    if run := about(results.about):
        said.append(run)
    return said + [f"Not measured: {problem}" for problem in results.problems]


def about(kept: dict) -> str:
    """How the figures came about, as far as it is known."""
    parts = []
    if kept.get("versions"):
        parts.append(" and ".join(kept["versions"].values()))
    if kept.get("rounds"):
        each = f" of {kept['seconds']} seconds" if kept.get("seconds") else ""
        parts.append("the median of one round" if kept["rounds"] == 1 else f"medians of {kept['rounds']} rounds{each}")
    parts += [kept[key] for key in ("machine", "date", "note") if kept.get(key)]
    text = "; ".join(parts)
    return text[:1].upper() * (not kept.get("versions")) + text[(not kept.get("versions")) :] + "." if text else ""


def amount(value, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f} {unit}"


def pair(both: list, unit: str = "") -> str:
    return " / ".join(each or "–" for each in both) + unit if any(both) else ""
