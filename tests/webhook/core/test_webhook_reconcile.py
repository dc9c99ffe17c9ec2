"""What comparing with Alertmanager and with ALERTS finds, and what it leaves alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promkit.labels import Matcher
from tests.webhook.deliveries import alert
from webhook.core.alerts import Alert, Origin
from webhook.core.amroutes import AmRoute, parse_route
from webhook.core.fingerprint import fingerprint
from webhook.core.incidents import Change, Span, transition
from webhook.core.reconcile import Held, Listed, began, came_and_went, ended

AM = "http://alertmanager:9093"
NOW = 10_000.0


def listed(starts_at: float, updated_at: float = NOW - 5, *, is_active: bool = True) -> Listed:
    return Listed(alert("firing", starts_at=starts_at), updated_at, is_active)


def held(
    span: Span, origin: Origin = "alertmanager", source: str = AM, closed_at: float | None = None
) -> Held:
    status = alert("firing", starts_at=span.starts_at)
    return Held(span, status, origin, source, closed_at)


@pytest.mark.parametrize(
    ("found", "latest", "starts_at"),
    [
        # Nobody told us, and it began before we came up, or long ago.
        (listed(5_000), None, 5_000),
        (listed(9_700), None, None),
        (listed(9_640), None, 9_640),
        (listed(5_000, is_active=False), None, None),
        # We hold it: nothing to do.
        (listed(5_000), held(Span(5_000)), None),
        # It is over, and begins anew: like an unknown one.
        (listed(9_000), held(Span(5_000, 8_000)), 9_000),
        (listed(9_800), held(Span(5_000, 8_000)), None),
        # Given up by Alertmanager, and seen again with its old start.
        (listed(5_000, 9_990), held(Span(5_000, 8_000), closed_at=8_001), 9_990),
        (listed(5_000, 7_000), held(Span(5_000, 8_000), closed_at=8_001), None),
        # Its end came while Alertmanager was asked.
        (listed(5_000, 9_995), held(Span(5_000, 9_990), closed_at=NOW + 0.1), None),
    ],
)
def test_what_began(found: Listed, latest: Held | None, starts_at: float | None) -> None:
    known = {} if latest is None else {found.alert.fingerprint: latest}

    news = list(began([found], known, asked_at=NOW, up_since=9_500, wait=360))

    assert [one.starts_at for one in news] == ([] if starts_at is None else [starts_at])
    for one in news:
        change, span = transition(None if latest is None else latest.span, one)
        assert change is Change.OPENED
        # What Alertmanager delivers afterwards, with the start it knows, repeats or ends that.
        assert transition(span, found.alert)[0] is Change.REPEATED
        end = replace(found.alert, status="resolved", ends_at=NOW + 60)
        assert transition(span, end)[0] is Change.CLOSED


def test_an_end_takes_two_looks() -> None:
    mine = {"abc": held(Span(5_000))}

    first, missing = ended(mine, (), {}, {AM}, now=NOW)
    again, _ = ended(mine, (), missing, {AM}, now=NOW + 60)
    back, forgotten = ended(mine, {"abc"}, missing, {AM}, now=NOW + 60)

    assert first == ()
    assert [(one.status, one.starts_at, one.ends_at) for one in again] == [("resolved", 5_000, NOW)]
    assert (back, forgotten) == ((), {})
    assert transition(Span(5_000), again[0])[0] is Change.CLOSED


@pytest.mark.parametrize(
    ("one", "is_ours"),
    [
        (held(Span(5_000), "alertmanager", AM), True),
        (held(Span(5_000), "reconcile", ""), True),
        (held(Span(5_000), "alertmanager", "http://another:9093"), False),
        (held(Span(5_000), "grafana", AM), False),
        (held(Span(5_000), "webhook", ""), False),
    ],
)
def test_only_what_this_alertmanager_would_list_is_ended(one: Held, is_ours: bool) -> None:
    ends, missing = ended({"abc": one}, (), {"abc": NOW - 60}, {AM}, NOW)

    assert (len(ends), set(missing)) == ((1, {"abc"}) if is_ours else (0, set()))


def test_an_end_never_lies_before_its_beginning() -> None:
    (end,), _ = ended({"abc": held(Span(NOW - 5))}, (), {"abc": NOW - 60}, {AM}, NOW)

    assert end.ends_at == NOW - 5


EVERY = frozenset(float(at) for at in range(0, 1_001, 5))


def grid(*spans: tuple[int, int]) -> list[float]:
    return [float(at) for begin, end in spans for at in range(begin, end, 5)]


@pytest.mark.parametrize(
    ("times", "watched", "found"),
    [
        (grid((100, 200)), EVERY, [(100, 200)]),
        (grid((100, 105)), EVERY, [(100, 105)]),
        (grid((0, 50), (300, 400)), EVERY, [(0, 50), (300, 400)]),
        (grid((900, 1_005)), EVERY, []),
        (grid((900, 995)), EVERY, [(900, 995)]),
        ([], EVERY, []),
        # Prometheus itself went away at 200, and all series with it.
        (grid((100, 200)), EVERY - set(grid((220, 600))), []),
        (grid((100, 200), (600, 1_005)), EVERY - set(grid((220, 600))), []),
    ],
)
def test_what_came_and_went(
    times: list[float], watched: frozenset[float], found: list[tuple[float, float]]
) -> None:
    labels = {"alertname": "x", "instance": "a"}

    ends = list(came_and_went(labels, times, 5.0, 1_000.0, watched))

    assert [(one.starts_at, one.ends_at) for one in ends] == found
    assert all(one.fingerprint == fingerprint(labels) for one in ends)


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=5))
def test_runs_of_samples_become_exactly_their_alerts(lengths: list[tuple[int, int]]) -> None:
    """Any pattern of firing and pausing columns is read back."""
    times: list[float] = []
    expected: list[tuple[float, float]] = []
    at = 0.0
    for fires, pauses in lengths:
        expected.append((at, at + 5.0 * fires))
        times += [at + 5.0 * i for i in range(fires)]
        at += 5.0 * (fires + pauses)
    until = at + 200

    watched = frozenset(5.0 * i for i in range(int(until / 5) + 1))
    ends = came_and_went({"alertname": "x"}, times, 5.0, until, watched)

    assert [(one.starts_at, one.ends_at) for one in ends] == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # Read off a real Alertmanager 0.25, which had been sent these.
        (
            {"alertname": "foo", "severity": "critical", "a": "b", "w": 'ü"\\x\n', "e": ""},
            "9ca4cc907d8109df",
        ),
        ({}, "cbf29ce484222325"),
    ],
)
def test_fingerprints_are_alertmanagers(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected


def test_routes_are_followed_like_alertmanager_does() -> None:
    route = parse_route(
        {
            "receiver": "all",
            "routes": [
                {"receiver": "log", "matchers": ['severity=~".+"'], "continue": True},
                {
                    "match": {"team": "db"},
                    "routes": [{"receiver": "db-pager", "match_re": {"severity": "crit.*"}}],
                },
                {"receiver": "never", "matchers": ['team="db"']},
            ],
        }
    )

    def receivers(**labels: str) -> list[str]:
        return list(route.receivers_for(labels))

    assert receivers(team="web") == ["all"]
    assert receivers(team="web", severity="info") == ["log"]
    assert receivers(team="db") == ["all"], "a child without a receiver has its parent's"
    assert receivers(team="db", severity="critical") == ["log", "db-pager"]
    assert list(AmRoute("x", (Matcher("a", "=", "b"),)).receivers_for({})) == []
    with pytest.raises(ValueError, match="not a mapping"):
        parse_route(None)


@given(st.data())
def test_looks_and_deliveries_in_any_order_end_in_the_truth(data: st.DataObject) -> None:
    """R7 with our own findings among the deliveries: never two open, never wrong in the end."""
    begin, end = 1_000.0, 1_500.0
    begin_again, end_again = 2_000.0, 2_500.0
    truth: list[Alert] = [
        alert("firing", starts_at=begin),
        alert("resolved", starts_at=begin, ends_at=end),
        alert("firing", starts_at=begin_again),
        # What a gap of ours shows of both: on a grid, so a little later than it was.
        alert("resolved", starts_at=begin + 3, ends_at=end),
        alert("resolved", starts_at=begin_again + 3, ends_at=end_again),
        alert("resolved", starts_at=begin_again, ends_at=end_again),
    ]
    repeated = truth + data.draw(st.lists(st.sampled_from(truth), max_size=6))
    span: Span | None = None
    opened = closed = 0
    for item in data.draw(st.permutations(repeated)):
        change, span = transition(span, item)
        opened += change is Change.OPENED
        closed += change is Change.CLOSED

    assert span is not None
    assert span.ends_at == end_again
    assert opened == closed <= 2
