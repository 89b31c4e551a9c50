"""Who may do what: rules as data, in oslo.policy's syntax, compiled to functions.

A rule is made of checks, ``and``, ``or``, ``not`` and parentheses; ``and`` goes before ``or``::

    rule:NAME            what the rule NAME says
    role:NAME            the caller has the role, whatever the case of its letters
    ATTRIBUTE:VALUE      the caller's attribute is VALUE: user_id, project_id, system_scope, ...
    'LITERAL':VALUE      the literal is VALUE; True, False, None and numbers are literals too
    @  !                 always, never; an empty rule is always, too

``%(key)s`` in a VALUE, or in the name of a role, is what the target has under ``key``; the target
is what is acted on. The check fails if the target has no such key.

Two things differ from oslo.policy. It turns a rule that it does not understand into "never"; here
that is an error when the rule is read. It lets a caller without a project match a target whose
project is None; here an attribute that the caller does not have is equal to nothing of a target.
``ATTRIBUTE:None`` asks in both whether the caller lacks it.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import Struct

from pumice.context import Context
from pumice.errors import Forbidden, SettingsError, did_you_mean

MAX_DEPTH: Final = 20
"""How deep parentheses, and rules that refer to rules, may be nested."""

Target = Mapping[str, object]
Check = Callable[[Context, Target], bool]


class Policy(Struct, frozen=True):
    """Something that may be allowed; ``name`` is Cinder's, Keystone's or Nova's name for it."""

    name: str
    rule: str
    description: str


# What the policies' default rules are: Cinder's, then Keystone's.
ANYBODY: Final = "@"
ADMIN: Final = "rule:admin_api"
PROJECT_READER: Final = "rule:xena_system_admin_or_project_reader"
PROJECT_MEMBER: Final = "rule:xena_system_admin_or_project_member"
IDENTITY_ADMIN: Final = "rule:admin_required"
IDENTITY_READER: Final = "rule:admin_required or (role:reader and system_scope:all)"

ALIASES: Final = MappingProxyType(
    {
        "context_is_admin": "role:admin",
        "admin_api": "role:admin",
        "xena_system_admin_or_project_reader": (
            "role:admin or (role:reader and project_id:%(project_id)s)"
        ),
        "xena_system_admin_or_project_member": (
            "role:admin or (role:member and project_id:%(project_id)s)"
        ),
        "admin_required": "role:admin",
        "service_role": "role:service",
        "service_or_admin": "rule:admin_required or rule:service_role",
        "owner": "user_id:%(user_id)s",
        "token_subject": "user_id:%(target.token.user_id)s",
        "admin_or_token_subject": "rule:admin_required or rule:token_subject",
        "service_admin_or_token_subject": "rule:service_or_admin or rule:token_subject",
        "domain_managed_target_role": (
            "'manager':%(target.role.name)s or 'member':%(target.role.name)s "
            "or 'reader':%(target.role.name)s"
        ),
    }
)
"""Rules that other rules refer to, under the names that Cinder's and Keystone's operators know."""


def _system_scope(context: Context) -> str | None:
    return "all" if context.scope == "system" else None


# What a rule can ask of the caller: text, or None for what the caller does not have.
_ATTRIBUTES: Final[Mapping[str, Callable[[Context], str | None]]] = MappingProxyType(
    {
        "user_id": attrgetter("user_id"),
        "user_domain_id": attrgetter("user_domain_id"),
        "project_id": attrgetter("project_id"),
        "domain_id": attrgetter("domain_id"),
        "token.domain.id": attrgetter("domain_id"),  # Keystone's other name for it.
        "token.project.domain.id": attrgetter("project_domain_id"),
        "system_scope": _system_scope,
        "is_admin": lambda context: str(context.is_admin),
        "is_admin_project": lambda _: "True",  # As long as no project is declared to be one.
    }
)


class Rules:
    """Compiled policies, as :func:`compile_rules` makes them.

    Without a target, as in Cinder, what is acted on is the caller's own: the ``project_id`` and the
    ``user_id`` of the target are his.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    def allows(self, policy: Policy, context: Context, target: Target | None = None) -> bool:
        """Whether ``policy`` lets the caller do it to ``target``."""
        if target is None:
            target = {"project_id": context.project_id, "user_id": context.user_id}
        return self._checks[policy.name](context, target)

    def enforce(self, policy: Policy, context: Context, target: Target | None = None) -> None:
        """Raise :class:`Forbidden`, in the service's own words, unless :meth:`allows`."""
        if self.allows(policy, context, target):
            return
        if policy.name.startswith("identity:"):
            raise Forbidden(
                f"You are not authorized to perform the requested action: {policy.name}."
            )
        raise Forbidden(f"Policy doesn't allow {policy.name} to be performed.")


def compile_rules(
    policies: Iterable[Policy],
    *,
    aliases: Mapping[str, str] = ALIASES,
    overrides: Mapping[str, str] = MappingProxyType({}),
) -> Rules:
    """Compile every policy, alias and override.

    An override replaces the rule of a policy or an alias, or adds an alias that some rule refers
    to. Raises :class:`SettingsError`, one sentence with the rule's name and the character from
    which it is not understood.
    """
    defaults = {policy.name: policy.rule for policy in policies}
    compiler = _Compiler({**aliases, **defaults, **overrides})
    checks = {name: compiler.check(name) for name in compiler.rules}
    for name in overrides:
        if name not in defaults and name not in aliases and name not in compiler.referred:
            hint = did_you_mean(name, (*defaults, *aliases))
            raise SettingsError(f"There is no policy {name}, and no rule refers to it{hint}")
    return Rules(checks)


class _Compiler:
    """Compiles rules that refer to each other, each of them once."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self.rules = rules
        self.referred: set[str] = set()
        self._checks: dict[str, Check] = {}
        self._under_way: list[str] = []

    def check(self, name: str) -> Check:
        """The rule ``name`` as a function."""
        if name not in self._checks:
            self._under_way.append(name)
            rule = self.rules[name]
            self._checks[name] = _Parser(name, rule, self._refer).parse() if rule else _always
            self._under_way.pop()
        return self._checks[name]

    def _refer(self, name: str) -> Check:
        """What ``rule:name`` says. Raises ``ValueError`` with the reason why there is none."""
        if name not in self.rules:
            raise ValueError(f"there is no rule {name}{did_you_mean(name, self.rules)}")
        if name in self._under_way:
            circle = [*self._under_way[self._under_way.index(name) :], name]
            raise ValueError(f"the rule refers to itself: {' -> '.join(circle)}.")
        if len(self._under_way) > MAX_DEPTH:
            raise ValueError(f"rules refer to each other more than {MAX_DEPTH} deep.")
        self.referred.add(name)
        return self.check(name)


class _Token(NamedTuple):
    text: str
    position: int
    """Of the first character; the first one of a rule is 1."""


class _Parser:
    """Recursive descent: a rule is an ``or`` of ``and`` of ``not`` of checks or parentheses."""

    def __init__(self, name: str, rule: str, refer: Callable[[str], Check]) -> None:
        self._name = name
        self._refer = refer
        self._tokens = [*_tokens(rule), _Token("", len(rule) + 1)]
        self._next = 0
        self._depth = 0

    def parse(self) -> Check:
        """The rule as a function."""
        check = self._any_of()
        if self._peek():
            raise self._error("expected `and`, `or` or the end of the rule.")
        return check

    def _any_of(self) -> Check:
        checks = [self._all_of()]
        while self._take("or"):
            checks.append(self._all_of())
        return _any(checks)

    def _all_of(self) -> Check:
        checks = [self._one()]
        while self._take("and"):
            checks.append(self._one())
        return _all(checks)

    def _one(self) -> Check:
        negate = False
        while self._take("not"):
            negate = not negate
        check = self._parentheses() if self._take("(") else self._check()
        return _opposite(check) if negate else check

    def _parentheses(self) -> Check:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"parentheses are nested more than {MAX_DEPTH} deep.")
        check = self._any_of()
        if not self._take(")"):
            raise self._error("expected `)`.")
        self._depth -= 1
        return check

    def _check(self) -> Check:
        text = self._peek()
        if text.lower() in ("", ")", "and", "or"):
            raise self._error("expected a check, as `role:admin`.")
        try:
            check = _check(text, self._refer)
        except ValueError as error:
            raise self._error(str(error)) from error
        self._next += 1
        return check

    def _peek(self) -> str:
        return self._tokens[self._next].text

    def _take(self, word: str) -> bool:
        """Step over the next token if it is ``word``."""
        taken = self._peek().lower() == word
        self._next += taken
        return taken

    def _error(self, reason: str) -> SettingsError:
        position = self._tokens[self._next].position
        return SettingsError(f"Policy rule {self._name}, character {position}: {reason}")


def _tokens(rule: str) -> Iterator[_Token]:
    """Words and parentheses. A ``)`` inside a word, as in ``%(x)s``, belongs to the word."""
    for found in re.finditer(r"\S+", rule):
        behind_opening = found[0].lstrip("(")
        word = behind_opening.rstrip(")")
        begin = found.end() - len(behind_opening)
        for index in range(found.start(), begin):
            yield _Token("(", index + 1)
        if word:
            yield _Token(word, begin + 1)
        for index in range(begin + len(word), found.end()):
            yield _Token(")", index + 1)


# --- Checks ------------------------------------------------------------------------------------


def _check(text: str, refer: Callable[[str], Check]) -> Check:
    """One check as a function. Raises ``ValueError`` with the reason why it is none."""
    if text in ("@", "!"):
        return _always if text == "@" else _never
    kind, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"expected a check, as `role:admin`, not `{text}`.")
    if kind == "rule":
        return refer(value)
    if kind == "role":
        return _role(value)
    if kind in _ATTRIBUTES:
        return _attribute(_ATTRIBUTES[kind], value)
    try:
        literal = str(ast.literal_eval(kind))
    except (ValueError, SyntaxError):
        hint = did_you_mean(kind, ("rule", "role", *_ATTRIBUTES))
        raise ValueError(f"there is no attribute {kind}{hint}") from None
    return _literal(literal, value)


def _always(context: Context, target: Target) -> bool:
    del context, target
    return True


def _never(context: Context, target: Target) -> bool:
    del context, target
    return False


def _all(checks: Sequence[Check]) -> Check:
    def check(context: Context, target: Target) -> bool:
        for one in checks:  # noqa: SIM110 - all() costs twice as much, and each request checks
            if not one(context, target):
                return False
        return True

    return checks[0] if len(checks) == 1 else check


def _any(checks: Sequence[Check]) -> Check:
    def check(context: Context, target: Target) -> bool:
        for one in checks:  # noqa: SIM110 - any() costs twice as much, and each request checks
            if one(context, target):
                return True
        return False

    return checks[0] if len(checks) == 1 else check


def _opposite(check: Check) -> Check:
    return lambda context, target: not check(context, target)


def _role(value: str) -> Check:
    if not value:
        raise ValueError("expected the name of a role after `role:`.")
    fill = _filler(value)
    if isinstance(fill, str):
        return lambda context, _: _has_role(context, fill)
    return lambda context, target: (name := fill(target)) is not None and _has_role(context, name)


def _has_role(context: Context, name: str) -> bool:
    if name in context.roles:
        return True
    lowered = name.lower()
    for role in context.roles:  # noqa: SIM110 - any() costs twice as much, and each request checks
        if role.lower() == lowered:
            return True
    return False


def _attribute(read: Callable[[Context], str | None], value: str) -> Check:
    fill = _filler(value)
    if fill == "None":
        # Keystone's way to say that the caller has none, as in `not domain_id:None`.
        return lambda context, _: read(context) is None
    if isinstance(fill, str):
        return lambda context, _: read(context) == fill
    return lambda context, target: (wanted := fill(target)) is not None and read(context) == wanted


def _literal(literal: str, value: str) -> Check:
    fill = _filler(value)
    if isinstance(fill, str):
        return _always if fill == literal else _never
    return lambda _, target: fill(target) == literal


_PIECE: Final = re.compile(r"%\((?P<key>[^()]*)\)s|(?P<text>%%|[^%]+)|%")


def _filler(value: str) -> str | Callable[[Target], str | None]:
    """``value`` itself or, with a ``%(key)s`` in it, a function: its text, None without the key.

    What is None in the target gives the text None, as in oslo.policy. Raises ``ValueError``.
    """
    pieces = [*_PIECE.finditer(value)]
    if any(piece[0] == "%" for piece in pieces):
        raise ValueError(f"expected `%(key)s` or `%%` at each `%` of `{value}`.")
    if all(piece["key"] is None for piece in pieces):
        return value.replace("%%", "%")
    if len(pieces) == 1:
        return functools.partial(_look_up, pieces[0]["key"])
    return functools.partial(_interpolate, value)


def _look_up(key: str, target: Target) -> str | None:
    return str(target[key]) if key in target else None


def _interpolate(value: str, target: Target) -> str | None:
    try:
        return value % target
    except KeyError:
        return None
