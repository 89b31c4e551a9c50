"""From a path to a route, by dictionaries: one look-up per segment, however many routes there are."""

from __future__ import annotations

from collections.abc import Iterable

from pumice.api.route import PUBLIC, Route
from pumice.errors import MethodNotAllowed, NotFound


class Node:
    """One segment of the tree: literal children, at most one parameter, and routes by method."""

    __slots__ = ("children", "parameter", "parameter_name", "routes")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.parameter: Node | None = None
        self.parameter_name = ""
        self.routes: dict[str, list[Route]] = {}


class Dispatch:
    """The routes of one API as a tree of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Raises :class:`ValueError` for routes that contradict each other; a test walks the table."""
        self._root = Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in _segments(route.path):
            if segment.startswith("{"):
                name = segment[1:-1]
                if node.parameter is None:
                    node.parameter, node.parameter_name = Node(), name
                elif node.parameter_name != name:
                    raise ValueError(
                        f"{route.path}: {name} is called {node.parameter_name} elsewhere"
                    )
                node = node.parameter
            else:
                node = node.children.setdefault(segment, Node())
        others = node.routes.setdefault(route.method, [])
        for other in others:
            if (route.action is None) != (other.action is None):
                raise ValueError(f"{route.method} {route.path}: an action beside a plain route")
            same = route.action == other.action
            if same and route.since <= _until(other) and other.since <= _until(route):
                raise ValueError(f"{route.method} {route.path}: microversions overlap")
        others.append(route)

    def has(self, segment: str) -> bool:
        """Whether a route begins with the literal ``segment``."""
        return segment in self._root.children

    def locate(self, segments: list[str]) -> tuple[Node | None, dict[str, str]]:
        """The node of a path with the path's parameters; None if no route has this form."""
        node = self._root
        parameters: dict[str, str] = {}
        for segment in segments:
            child = node.children.get(segment)
            if child is None:
                child = node.parameter
                if child is None or not segment:
                    return None, parameters
                parameters[node.parameter_name] = segment
            node = child
        return node, parameters


def is_public(node: Node | None, method: str) -> bool:
    """Whether the path answers ``method`` without a token."""
    return node is not None and any(route.policy is PUBLIC for route in _routes(node, method) or ())


def choose(node: Node | None, method: str, microversion: int) -> list[Route]:
    """The route for ``method`` at ``microversion``, or the routes of its actions; HEAD is answered by GET.

    Raises :class:`NotFound`, or :class:`MethodNotAllowed` if only the method is wrong.
    """
    if node is None or not node.routes:
        raise NotFound("The resource could not be found.")
    routes = _routes(node, method)
    if routes is None:
        allowed = {*node.routes, "HEAD"} if "GET" in node.routes else {*node.routes}
        raise MethodNotAllowed(method, tuple(sorted(allowed)))
    found = [route for route in routes if route.since <= microversion <= _until(route)]
    if not found:
        raise NotFound("The resource could not be found.")
    return found


def _routes(node: Node, method: str) -> list[Route] | None:
    return node.routes.get("GET" if method == "HEAD" else method)


def _until(route: Route) -> int:
    return 1 << 30 if route.until is None else route.until


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
