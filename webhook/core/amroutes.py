"""Which receivers does Alertmanager's routing tree choose for a label set?

For alerts that Alertmanager does not know any more, such as those that came and went while nobody
listened: whether they would have been ours has to be read off its configuration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from promkit.labels import Matcher, parse_matchers


@dataclass(frozen=True, slots=True)
class AmRoute:
    """One node of the tree.

    Parameters
    ----------
    receiver : by name; "" is the parent's
    matchers : all must hold
    goes_on : whether later siblings are asked as well
    routes : the children; the first that accepts decides
    """

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: tuple["AmRoute", ...] = ()

    def receivers_for(self, labels: Mapping[str, str], parent: str = "") -> Iterator[str]:
        """Yield the receivers of an alert that this node accepts; nothing for another one."""
        if not all(matcher.matches(labels) for matcher in self.matchers):
            return
        receiver = self.receiver or parent
        is_taken = False
        for route in self.routes:
            chosen = list(route.receivers_for(labels, receiver))
            yield from chosen
            if chosen:
                is_taken = True
                if not route.goes_on:
                    break
        if not is_taken:
            yield receiver


def parse_route(node: object) -> AmRoute:
    """Read the `route` section of Alertmanager's configuration, old spellings included.

    Raises
    ------
    ValueError
        If it is not one.
    """
    if not isinstance(node, Mapping):
        raise ValueError("a route is not a mapping")
    matchers = [
        *_old(node.get("match"), "="),
        *_old(node.get("match_re"), "=~"),
        *(matcher for text in _list(node, "matchers") for matcher in parse_matchers(str(text))),
    ]
    return AmRoute(
        str(node.get("receiver") or ""),
        tuple(matchers),
        node.get("continue") is True,
        tuple(parse_route(child) for child in _list(node, "routes")),
    )


def _old(found: object, op: str) -> Iterator[Matcher]:
    if isinstance(found, Mapping):
        for name, value in found.items():
            yield Matcher(str(name), "=~" if op == "=~" else "=", str(value))


def _list(node: Mapping[object, object], key: str) -> list[object]:
    found = node.get(key)
    return found if isinstance(found, list) else []
