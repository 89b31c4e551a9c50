"""A driver's formulas: ``filter_function`` and ``goodness_function``, in Cinder's language.

From what binds tightest to what binds loosest: functions ``abs max min`` and parentheses; ``^``; a sign;
``* /``; ``+ -``; ``not``; comparisons ``< <= > >= == != <>``, which may be chained; ``a ? b : c``; ``and``;
``or``. Operands are numbers, texts in quotes, bare words, and figures as ``stats.free_capacity_gb``; the
words before the dot are ``stats capabilities extra volume qos``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.figures import figures

Known = Mapping[str, Mapping[str, Any]]
"""The figures, by the words before and behind the dot."""
Formula = Callable[[Known], Any]
"""A compiled formula. May raise whatever arithmetic raises, and LookupError for an unknown figure."""

_TOKEN: Final = re.compile(
    r"""\s*(?: (?P<number>[0-9]+(?:\.[0-9]+)?) | (?P<word>[A-Za-z_.][A-Za-z0-9_.]*)
    | (?P<text>"[^"]*"|'[^']*') | (?P<sign><=|>=|==|!=|<>|&&|\|\||[-+*/^<>!?:(),]) )""",
    re.VERBOSE,
)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {"abs": abs, "max": max, "min": min}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
}
# Each level of operators that join two operands, the left ones first; a power is a float, so that it is
# too large at once and not after hours.
_SUMS: Final = {"+": operator.add, "-": operator.sub}
_PRODUCTS: Final = {"*": operator.mul, "/": operator.truediv}


@lru_cache(maxsize=256)
def formula(text: str) -> Formula:
    """``text``, compiled. Raises :class:`ValueError` with the place where it is not understood."""
    parser = _Parser(text)
    compiled = parser.either()
    if parser.token:
        raise ValueError(f"{parser.token!r} is not expected here")
    return compiled


def known(pool: Pool, request: PlacementRequest) -> Known:
    """What a formula may look at."""
    volume = {"size": request.size_gib, "availability_zone": request.availability_zone}
    return {
        "stats": figures(pool),
        "capabilities": pool.capabilities,
        "extra": request.extra_specs,
        "volume": volume,
        "qos": {},
    }


class _Parser:
    """A method for each level, from the loosest on; each returns what the next levels made of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.kind = self.token = ""
        self._next()

    def _next(self) -> str:
        """Go to the next token; the one that was current."""
        passed = self.token
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            if rest := self._text[self._at :].strip():
                raise ValueError(f"{rest[:20]!r} is not understood")
            self.kind = self.token = ""
            return passed
        self._at = found.end()
        self.kind = str(found.lastgroup)
        self.token = found[self.kind]
        return passed

    def _take(self, *tokens: str) -> bool:
        """Pass over the current token if it is one of these."""
        if self.kind == "text" or self.token not in tokens:
            return False
        self._next()
        return True

    def _must(self, token: str) -> None:
        if not self._take(token):
            raise ValueError(f"{token!r} is expected before {self.token!r}")

    def either(self) -> Formula:
        left = self._both()
        while self._take("or", "OR", "||"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Formula:
        left = self._choice()
        while self._take("and", "AND", "&&"):
            left = _and(left, self._choice())
        return left

    def _choice(self) -> Formula:
        condition = self._comparison()
        if not self._take("?"):
            return condition
        then = self._choice()
        self._must(":")
        otherwise = self._choice()
        return lambda given: then(given) if condition(given) else otherwise(given)

    def _comparison(self) -> Formula:
        operands = [self._negation()]
        compares = []
        while self.kind == "sign" and self.token in _COMPARISONS:
            compares.append(_COMPARISONS[self._next()])
            operands.append(self._negation())
        return _chain(operands, compares) if compares else operands[0]

    def _negation(self) -> Formula:
        if self._take("not", "NOT", "!"):
            operand = self._negation()
            return lambda given: not operand(given)
        return self._sum()

    def _sum(self) -> Formula:
        left = self._product()
        while self.kind == "sign" and self.token in _SUMS:
            left = _join(_SUMS[self._next()], left, self._product())
        return left

    def _product(self) -> Formula:
        left = self._signed()
        while self.kind == "sign" and self.token in _PRODUCTS:
            left = _join(_PRODUCTS[self._next()], left, self._signed())
        return left

    def _signed(self) -> Formula:
        if self._take("-"):
            operand = self._signed()
            return lambda given: -operand(given)
        self._take("+")
        return self._power()

    def _power(self) -> Formula:
        base = self._operand()
        return _join(math.pow, base, self._signed()) if self._take("^") else base

    def _operand(self) -> Formula:
        if self._take("("):
            inner = self.either()
            self._must(")")
            return inner
        kind, token = self.kind, self._next()
        if kind == "word" and token in _FUNCTIONS:
            return self._call(_FUNCTIONS[token])
        if kind == "word" and token.count(".") == 1 and all(parts := token.split(".")):
            where, name = parts
            return lambda given: _value(given[where][name])
        if kind in ("", "sign"):
            raise ValueError(f"{token!r} is no operand" if token else "an operand is missing")
        value = _value(token.strip("\"'"))
        return lambda _: value

    def _call(self, function: Callable[..., Any]) -> Formula:
        self._must("(")
        arguments = [self.either()]
        while self._take(","):
            arguments.append(self.either())
        self._must(")")
        if function is not abs and len(arguments) == 1:
            return arguments[0]
        return lambda given: function(*(argument(given) for argument in arguments))


def _value(found: Any) -> Any:
    """A figure or a literal; a text that is a number counts as the number."""
    if isinstance(found, str) and _NUMBER.match(found):
        return float(found) if "." in found else int(found)
    return found


def _or(left: Formula, right: Formula) -> Formula:
    return lambda given: left(given) or right(given)


def _and(left: Formula, right: Formula) -> Formula:
    return lambda given: left(given) and right(given)


def _join(function: Callable[[Any, Any], Any], left: Formula, right: Formula) -> Formula:
    return lambda given: function(left(given), right(given))


def _chain(operands: list[Formula], compares: list[Callable[[Any, Any], Any]]) -> Formula:
    """``a < b < c``: each neighbour with the next."""

    def compared(given: Known) -> bool:
        values = [operand(given) for operand in operands]
        pairs = zip(compares, values, values[1:], strict=False)
        return all(compare(left, right) for compare, left, right in pairs)

    return compared


def evaluated(text: str, pool: Pool, request: PlacementRequest) -> Any:
    """What ``text`` comes to for ``pool``. Raises :class:`ValueError` for whatever goes wrong."""
    try:
        return formula(text)(known(pool, request))
    except (ArithmeticError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
