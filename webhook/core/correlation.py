"""Which incidents have one cause, and which of them moved first?

At once by their labels: what opens within minutes, agrees in every label that ties things together
and shares at least one of them, belongs together. Later by their series: incidents that share only
some of these labels (two hosts of one cluster) belong together if their series moved together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from promkit.durations import format_duration

# Of what has one label in common, the newest are looked at: a storm must stay cheap.
_CANDIDATES = 50
# Onsets that are closer than this are told apart by which series leads.
RESOLUTION = 15.0


@dataclass(frozen=True, slots=True)
class Rules:
    """When incidents belong together; see `webhook.settings.correlation`."""

    by: tuple[str, ...]
    within: float
    min_correlation: float


@dataclass(frozen=True, slots=True)
class Member:
    """An incident as far as its cause is concerned; unix seconds.

    Parameters
    ----------
    incident : its number
    labels : all of its alert
    opened_at : when we heard of it
    starts_at : when it began, as its alert says
    onset : when its series first was anomalous; None where nobody knows
    """

    incident: int
    labels: Mapping[str, str]
    opened_at: float
    starts_at: float
    onset: float | None = None

    @property
    def began_at(self) -> float:
        """When it began, as well as that is known."""
        return self.starts_at if self.onset is None else min(self.onset, self.starts_at)


@dataclass(slots=True, eq=False)
class Cluster:
    """Incidents that belong together, maybe one alone.

    Parameters
    ----------
    group : its number in the store; None while it is not stored
    labels : those of `Rules.by` that all members share
    active_at : when its newest member opened
    kinds : what its members have of `Rules.by`, each combination once
    members : those that are known here
    added : those that are new to it
    """

    group: int | None
    labels: dict[str, str]
    active_at: float
    kinds: list[dict[str, str]]
    members: list[Member]
    added: list[Member] = field(default_factory=list)


class Grouping:
    """Puts incidents into groups by their labels, one after the other.

    Parameters
    ----------
    rules : when they belong together
    groups : those that are stored and recently active
    """

    def __init__(self, rules: Rules, groups: Iterable[Cluster]) -> None:
        self._rules = rules
        self._by_label: dict[tuple[str, str], list[Cluster]] = {}
        self.clusters: list[Cluster] = []
        for group in groups:
            self._keep(group)

    def add(self, member: Member) -> Cluster:
        """Put an incident into the group that fits best, or into one of its own."""
        own = ties(member.labels, self._rules.by)
        best: Cluster | None = None
        shared: dict[str, str] = {}
        for cluster in self._candidates(own):
            if abs(member.opened_at - cluster.active_at) > self._rules.within:
                continue
            common = _common(own, cluster.labels)
            if common is None or len(common) <= len(shared):
                continue
            # What series have put together shares little; that alone ties nobody else to it.
            if any(_common(own, kind) is not None for kind in cluster.kinds):
                best, shared = cluster, common
        if best is None:
            best = Cluster(None, own, member.opened_at, [], [])
            self._keep(best)
        else:
            best.labels = shared
        if own not in best.kinds:
            best.kinds.append(own)
        best.members.append(member)
        best.added.append(member)
        best.active_at = max(best.active_at, member.opened_at)
        return best

    def grown(self) -> list[Cluster]:
        """Return the groups that have new members, without incidents that stand alone."""
        return [
            one
            for one in self.clusters
            if one.added and (one.group is not None or len(one.members) > 1)
        ]

    def _keep(self, cluster: Cluster) -> None:
        self.clusters.append(cluster)
        for item in cluster.labels.items():
            self._by_label.setdefault(item, []).append(cluster)

    def _candidates(self, own: Mapping[str, str]) -> Iterator[Cluster]:
        for item in own.items():
            yield from reversed(self._by_label.get(item, [])[-_CANDIDATES:])


def ties(labels: Mapping[str, str], by: Sequence[str]) -> dict[str, str]:
    """Return the labels that tie an incident to others."""
    return {name: labels[name] for name in by if labels.get(name)}


def _common(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str] | None:
    """Return the labels that both have; None where one of them differs or there is none."""
    both: dict[str, str] = {}
    for name, value in one.items():
        if name in other:
            # Asked a hundred times for each newcomer of a storm, and nearly always answered here.
            if other[name] != value:
                return None
            both[name] = value
    return both or None


def related(one: Mapping[str, str], other: Mapping[str, str], by: Sequence[str]) -> bool:
    """Tell whether two incidents share a label of these at all, others may differ."""
    return any(one.get(name) and one.get(name) == other.get(name) for name in by)


def merges(
    members: Sequence[Member],
    strength: Mapping[tuple[int, int], float],
    rules: Rules,
) -> list[tuple[Member, Member]]:
    """Return the pairs whose series say that they belong together.

    Parameters
    ----------
    strength : (position, position) -> how surely their series move together, 0 to 1
    """
    return [
        (members[i], members[j])
        for (i, j), r in strength.items()
        if r >= rules.min_correlation
        and abs(members[i].began_at - members[j].began_at) <= rules.within
        and related(members[i].labels, members[j].labels, rules.by)
    ]


def first_mover(members: Sequence[Member], leads: Mapping[int, float] | None = None) -> Member:
    """Return the incident that most likely began it all.

    The one that began first; of those that began at about the same time the one whose series
    leads the others most, then the one that we heard of first.

    Parameters
    ----------
    members : at least one
    leads : incident -> seconds that its series leads the others on average
    """
    earliest = min(member.began_at for member in members)
    close = [one for one in members if one.began_at <= earliest + RESOLUTION]
    return min(
        close,
        key=lambda one: (-(leads or {}).get(one.incident, 0.0), one.began_at, one.incident),
    )


def why(labels: Mapping[str, str], seconds: float, correlation: float | None) -> str:
    """Return in words what a group has in common, e.g. "instance db1, within 2m".

    seconds : between its first beginning and its last
    """
    parts = [f"{name} {value}" for name, value in labels.items()]
    parts.append(f"within {format_duration(float(max(1, round(seconds))))}")
    if correlation is not None:
        parts.append(f"series move together ({correlation:.2f})")
    return ", ".join(parts)


def announces(rank: int, announced: Iterable[int]) -> bool:
    """Tell whether a member is told about by itself: the first of its group, or one that is worse.

    Parameters
    ----------
    rank : how bad it is, higher is worse
    announced : of the members that people were told of already
    """
    return all(rank > other for other in announced)
