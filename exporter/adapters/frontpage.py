"""How does a person read at a glance what the exporter does, and what is to be done?"""

import html
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from exporter.adapters.nextsteps import NEXT_STEPS
from exporter.adapters.pagerows import Cost, CycleRow, Overview, Problem, QueryRow
from exporter.adapters.pagetables import row, table
from exporter.adapters.pagewords import ago, amount, size, span

STYLE: Final = (
    ":root{--paper:#fff;--ink:#1c1c1c;--link:#0b4fb3;--dim:#595959;--bad:#a80f20;--wait:#7a4b00;"
    "--good:#176b2c}"
    "@media(prefers-color-scheme:dark)"
    "{:root{--paper:#141414;--ink:#ececec;--link:#9cc3ff;--dim:#b4b4b4;--bad:#ff8f86;"
    "--wait:#ffc46b;--good:#7fd68a}}"
    "body{max-width:100rem;background:var(--paper);color:var(--ink)}a{color:var(--link)}"
    "nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:0}"
    "a{display:inline-block;padding:.125rem 0}:focus-visible{outline:3px solid;outline-offset:2px}"
    "h2{margin:1.5rem 0 .5rem;font-size:1.25rem}"
    "table{display:table;overflow:visible;width:100%;font-size:.9375rem}"
    "caption{text-align:left;color:var(--dim);padding:0 .75rem .5rem}"
    "td,th{overflow-wrap:break-word}td:last-child{overflow-wrap:anywhere}"
    "td[data-label=cost]{min-width:9rem}td[data-label=series]{min-width:8rem}"
    "small,.dim{color:var(--dim);font-size:.875rem}td small,th small{display:block}"
    ".bad{color:var(--bad);font-weight:600}.wait{color:var(--wait);font-weight:600}"
    ".good{color:var(--good)}"
    ".faults li{margin:.5rem 0;overflow-wrap:anywhere}"
    "@media(max-width:64rem){"
    "table,tbody,tr,td,tbody th,caption{display:block}caption{padding-left:0}"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "tr{border:1px solid #8886;border-radius:.5rem;margin:0 0 .75rem;padding:.25rem 0}"
    "td,th{border:0}td{display:flex;gap:.75rem}"
    "td::before{content:attr(data-label);flex:0 0 6.5rem;color:var(--dim)}"
    "}"
)

_HEAD = ("query", "state", "series", "models", "last evaluation", "cost", "forecast", "drift",
         "verdicts")  # fmt: skip


def front_page(told: Overview, anomalies: str, *, refreshes: bool) -> str:
    """Return the HTML below the heading.

    Parameters
    ----------
    told : all but the anomalies
    anomalies : their HTML
    refreshes : whether the page is loaded anew by itself
    """
    return "".join(
        (
            _links(told),
            _refreshing(refreshes=refreshes),
            _faults(told),
            f"<h2>Anomalous now</h2>{anomalies}",
            f"<h2>Queries</h2>{_queries(told)}",
            _footer(told),
        )
    )


def _links(told: Overview) -> str:
    links = [
        ("metrics", "metrics"),
        ("api/v1/anomalies", "anomalies as JSON"),
        ("-/healthy", "healthy"),
        ("-/ready", "ready"),
    ]
    if told.prometheus:
        links.append((told.prometheus, "Prometheus"))
    if told.docs_url:
        links.append((told.docs_url, "documentation"))
    items = "".join(f'<li><a href="{html.escape(to)}">{name}</a></li>' for to, name in links)
    return f'<nav aria-label="Elsewhere"><ul>{items}</ul></nav>'


def _refreshing(*, refreshes: bool) -> str:
    if refreshes:
        return '<p class="dim">Anew every 30 seconds. <a href="?refresh=off">Stop that</a></p>'
    return '<p class="dim">Does not change by itself. <a href="./">Refresh every 30 seconds</a></p>'


def _faults(told: Overview) -> str:
    """Return what is to be done, if anything is."""
    found = [("", problem) for problem in told.problems]
    found += [(one.query, problem) for one in told.rows for problem in one.all_problems]
    if not found:
        return ""
    items = "".join(f"<li>{_fault(query, problem, told)}</li>" for query, problem in found)
    return f'<h2>Needs attention</h2><ul class="faults">{items}</ul>'


def _fault(query: str, problem: Problem, told: Overview) -> str:
    where = f"{query}, {problem.what}" if query else problem.what
    step = NEXT_STEPS[problem.fault]
    link = ""
    if problem.expr and told.prometheus:
        graph = f"{told.prometheus}graph?g0.expr={quote(problem.expr)}&g0.tab=1"
        link = f' <a href="{html.escape(graph)}">Try it in Prometheus</a>'
    return (
        f'<span class="bad">{html.escape(where)}:</span> {html.escape(problem.message)}'
        f"<br>{html.escape(step)}{link}"
    )


def _queries(told: Overview) -> str:
    if not told.rows:
        return "<p>No queries are configured.</p>"
    rows = (row(_HEAD, f"<b>{html.escape(one.query)}</b>", [*_cells(one, told)])
            for one in told.rows)  # fmt: skip
    return table(_summary(told), _HEAD, rows)


def _summary(told: Overview) -> str:
    series = sum(one.series for one in told.rows)
    warming = sum(one.warming for one in told.rows)
    parts = [amount(len(told.rows), "query", "queries"), f"{series} series"]
    if warming:
        parts.append(f"{warming} of them warming up")
    if busy := sum(_busy(one) for one in told.rows):
        parts.append(f"judging them keeps one core busy {_percent(busy)} of the time")
    return ", ".join(parts)


def _cells(one: QueryRow, told: Overview) -> Iterator[str]:
    kind = {"ok": "good", "failing": "bad"}.get(one.state, "wait")
    if one.state == "not scored":
        kind = "dim"
    yield f'<span class="{kind}">{html.escape(one.state)}</span>'
    yield _series(one)
    yield _models(one, told.now)
    yield _when(one.evaluated, told.now)
    yield _cost(one)
    yield _cycle(one.forecast, told.now)
    yield _cycle(one.drift, told.now)
    yield _moved(one)


def _series(one: QueryRow) -> str:
    if not one.series:
        return "none"
    warmth = "all warm"
    if one.warming:
        ready = "" if one.ready_in is None else f", ready within about {span(one.ready_in)}"
        warmth = f"{one.warming} of {one.series} warming up{ready}"
    kept = "" if one.size is None else f"<small>{size(one.size)} of memory</small>"
    return f"{one.series}<small>{warmth}</small>{kept}"


def _models(one: QueryRow, now: float) -> str:
    told = []
    for name, weight in one.weights.items():
        way = "lowered" if one.ratios.get(name, 1.0) < 1.0 else "raised"
        moved = f" ({way} by verdicts)" if name in one.ratios else ""
        told.append(f"{html.escape(name)}&nbsp;{weight:.3g}{moved}")
    version = ""
    if one.version is not None:
        number, made = one.version
        version = f"<small>version {number}, made {ago(made, now)}</small>"
    return f"{', '.join(told) or 'none'}{version}"


def _cost(one: QueryRow) -> str:
    cost = one.cost
    if cost is None:
        return "not known yet" if one.weights else "none"
    share = f"{span(cost.judging)}, {_percent(_busy(one))} of the interval"
    each = f"{span(cost.judging / one.series)} per series, " if one.series else ""
    columns = amount(cost.columns, "instant", "instants")
    return (
        f"{share}<small>{each}{columns}</small>"
        f"<small>before that Prometheus {span(cost.asking)}</small>"
    )


def _busy(one: QueryRow) -> float:
    cost: Cost | None = one.cost
    return cost.judging / one.interval if cost is not None and one.interval else 0.0


def _cycle(cycle: CycleRow | None, now: float) -> str:
    if cycle is None:
        return "none"
    kind = {"ok": "good", "failing": "bad"}.get(cycle.state, "wait")
    made = f"<small>{_when(cycle.made, now)}</small>"
    return f'<span class="{kind}">{html.escape(cycle.state)}</span>{made}'


def _moved(one: QueryRow) -> str:
    if one.moved is None:
        return "none"
    thresholds, weights = one.moved
    if not thresholds and not weights:
        return "nothing moved"
    moved = [amount(thresholds, "threshold", "thresholds")] if thresholds else []
    moved += [amount(weights, "weight", "weights")] if weights else []
    return f"{' and '.join(moved)} moved"


def _when(at: float | None, now: float) -> str:
    return "never" if at is None else ago(at, now)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:.0f} %"


def _footer(told: Overview) -> str:
    verdicts = "are not asked for"
    if told.verdicts_read is not None:
        read = told.verdicts_read
        verdicts = f"read {ago(read, told.now)}" if read else "never read yet"
    memory = "not known here" if told.memory is None else size(told.memory)
    state = "not written yet" if told.state_bytes is None else size(told.state_bytes)
    return (
        f"<h2>This exporter</h2><p>Version {html.escape(told.version)}. "
        f"Memory: {memory}. State file: {state}. Verdicts: {verdicts}.</p>"
    )
