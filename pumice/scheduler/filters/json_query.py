"""Does the pool satisfy the client's own query (hint ``query``)?

A query is a JSON list of an operator and its terms, such as
``["and", [">=", "$free_capacity_gb", 100], ["=", "$volume_backend_name", "fast"]]``. A term is a value, a
query, or ``$path.to.figure`` of :func:`pumice.scheduler.figures.figures`; a term that is null counts as not
given. Operators: ``= < > <= >=`` compare the first term with each of the others, ``in`` looks for it among
them, ``not`` turns each over, ``or`` and ``and`` join them.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.figures import figures

_Operator = Callable[[list[Any]], Any]


def _compares(compare: Callable[[Any, Any], Any]) -> _Operator:
    return lambda terms: len(terms) > 1 and all(compare(terms[0], one) for one in terms[1:])


_OPERATORS: Final[Mapping[str, _Operator]] = {
    "=": _compares(operator.eq),
    "<": _compares(operator.lt),
    ">": _compares(operator.gt),
    "<=": _compares(operator.le),
    ">=": _compares(operator.ge),
    "in": lambda terms: len(terms) > 1 and terms[0] in terms[1:],
    "not": lambda terms: [not one for one in terms],
    "or": any,
    "and": all,
}


class JsonFilter:
    """Passes pools for which the query holds; without one, all. A wrong query passes none."""

    name: Final = "JsonFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        passed, reason = _judge(pool, request.hints.query)
        return Verdict(pool.host, self.name, passed, reason)


def _judge(pool: Pool, text: str | None) -> tuple[bool, str]:
    if not text:
        return True, "no hint query"
    asked: dict[str, Any] = {}
    try:
        query = json.loads(text)
        found = _answer(query, figures(pool), asked) if query else True
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        return False, f"the query is not understood ({type(error).__name__}: {error})"
    passed = any(found) if isinstance(found, list) else bool(found)
    known = ", ".join(f"{name} is {value!r}" for name, value in asked.items())
    return passed, f"the query {'holds' if passed else 'does not hold'}: {known or 'no figures'}"


def _answer(query: list[Any], known: Mapping[str, Any], asked: dict[str, Any]) -> Any:
    """What ``query`` comes to; ``asked`` takes the figures it looked at."""
    terms = [_term(one, known, asked) for one in query[1:]]
    return _OPERATORS[query[0]]([one for one in terms if one is not None])


def _term(term: Any, known: Mapping[str, Any], asked: dict[str, Any]) -> Any:
    if isinstance(term, list):
        return _answer(term, known, asked) if term else True
    if not isinstance(term, str) or not term.startswith("$"):
        return term or None if isinstance(term, str) else term
    value: Any = known
    for name in term[1:].split("."):
        value = None if value is None else value.get(name)
    asked[term] = value
    return value
