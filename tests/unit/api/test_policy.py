"""Policy rules: what they mean, where they are wrong, and what a caller is told."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.api.policy import (
    ADMIN,
    ALIASES,
    ANYBODY,
    IDENTITY_ADMIN,
    IDENTITY_READER,
    PROJECT_MEMBER,
    PROJECT_READER,
    Policy,
    Rules,
    Target,
    compile_rules,
)
from pumice.context import Context
from pumice.errors import Forbidden, SettingsError
from pumice.trace import Trace

ADMIN_ROLES = ("admin", "manager", "member", "reader")
OWN = {"project_id": "p1", "user_id": "u1"}
FOREIGN = {"project_id": "p2", "user_id": "u2"}


def caller(*roles: str, scope: str = "project") -> Context:
    """The user u1 of the domain d1 with a token for the project p1, or for another scope."""
    return Context(
        request_id="req-1",
        global_request_id=None,
        user_id="u1",
        user_domain_id="d1",
        scope=scope,
        project_id="p1" if scope == "project" else None,
        domain_id="d1" if scope == "domain" else None,
        roles=frozenset(roles),
        now_us=0,
        trace=Trace("req-1", "test", 0),
    )


def allows(rule: str, context: Context, target: Target | None = None) -> bool:
    policy = Policy("test:it", rule, "What is tested.")
    return compile_rules([policy]).allows(policy, context, target)


def refusal(rule: str, **overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        compile_rules([Policy("test:it", rule, "")], overrides=overrides)
    return caught.value.public


class TestDefaults:
    @pytest.mark.parametrize(
        ("rule", "own", "foreign"),
        [
            (ANYBODY, ["admin", "member", "reader", "none"], ["admin", "member", "reader", "none"]),
            (ADMIN, ["admin"], ["admin"]),
            (PROJECT_MEMBER, ["admin", "member"], ["admin"]),
            (PROJECT_READER, ["admin", "member", "reader"], ["admin"]),
            (IDENTITY_ADMIN, ["admin"], ["admin"]),
            (IDENTITY_READER, ["admin"], ["admin"]),
        ],
    )
    def test_by_role_and_project(self, rule: str, own: list[str], foreign: list[str]) -> None:
        who = {
            "admin": caller(*ADMIN_ROLES),
            "member": caller("member", "reader"),
            "reader": caller("reader"),
            "none": caller(),
        }
        assert [name for name in who if allows(rule, who[name], OWN)] == own
        assert [name for name in who if allows(rule, who[name], FOREIGN)] == foreign

    def test_a_system_reader_reads_identity(self) -> None:
        assert allows(IDENTITY_READER, caller("reader", scope="system"))
        assert not allows(IDENTITY_READER, caller("reader", scope="domain"))
        assert not allows(IDENTITY_READER, caller(scope="system"))

    def test_without_a_target_it_is_the_callers_own(self) -> None:
        assert allows(PROJECT_READER, caller("reader"))
        assert allows("rule:owner", caller())
        assert not allows(PROJECT_READER, caller("reader", scope="system"))

    def test_every_alias_compiles(self) -> None:
        policies = [Policy(f"test:{name}", f"rule:{name}", "") for name in ALIASES]
        rules = compile_rules(policies)
        assert not any(rules.allows(policy, caller(), {}) for policy in policies)


class TestMeaning:
    """The answers are those of oslo.policy 6.0 for the same caller and target."""

    @pytest.mark.parametrize(
        ("rule", "answer"),
        [
            ("", True),
            ("@", True),
            ("!", False),
            ("not !", True),
            ("not not @", True),
            ("NOT @ Or @", True),
            ("! and ! or @", True),
            ("@ or ! and !", True),
            ("(@ or !) and !", False),
            ("not ! and @", True),
            ("not (! or @)", False),
            ("((@))", True),
            ("\t@\n", True),
            ("role:member", True),
            ("role:MEMBER", True),
            ("role:mem", False),
            ("role:%(role.name)s", True),
            ("role:%(absent)s", False),
            ("not role:%(absent)s", True),
            ("user_id:u1", True),
            ("user_id:%(user_id)s", True),
            ("user_id:%(absent)s", False),
            ("user_id:%(prefix)s1", True),
            ("user_id:%(prefix)s%(number)s", True),
            ("user_id:%(absent)s1", False),
            ("user_domain_id:d1", True),
            ("project_id:%(project_id)s", True),
            ("project_id:%(target.project.id)s", False),
            ("system_scope:all", False),
            ("is_admin:False", True),
            ("is_admin:True", False),
            ("is_admin_project:True", True),
            ("'Member':%(role.name)s", True),
            ('"x":%(role.name)s', False),
            ("True:%(enabled)s", True),
            ("None:%(nothing)s", True),
            ("1:%(number)s", True),
            ("None:%(absent)s", False),
            ("None:%(absent)s%(absent)s", False),
            ("'x':x", True),
            ("'x':y", False),
            ("'100%':100%%", True),
            ("user_id:100%%", False),
        ],
    )
    def test_of_each_form(self, rule: str, answer: bool) -> None:
        target = {
            **OWN,
            "target.project.id": "p2",
            "role.name": "Member",
            "prefix": "u",
            "number": 1,
            "enabled": True,
            "nothing": None,
        }
        assert allows(rule, caller("member", "reader"), target) is answer

    def test_roles_differ_from_rules_by_case_alone(self) -> None:
        assert allows("role:member", caller("Member"))
        assert allows(PROJECT_MEMBER, caller("MEMBER"))

    def test_a_domain_scope_has_two_names(self) -> None:
        for attribute in ("domain_id", "token.domain.id"):
            rule = f"{attribute}:%(target.user.domain_id)s"
            assert allows(rule, caller(scope="domain"), {"target.user.domain_id": "d1"})
            assert not allows(rule, caller(scope="domain"), {"target.user.domain_id": "d2"})
            assert not allows(rule, caller(), {"target.user.domain_id": "d1"})

    def test_who_has_no_project_matches_no_project(self) -> None:
        """oslo.policy would say yes."""
        nobody = caller("reader", scope="unscoped")
        assert not allows("project_id:%(project_id)s", nobody, {"project_id": None})
        assert not allows("project_id:%(project_id)s", nobody, {})

    def test_a_role_has_a_name(self) -> None:
        sentence = "Policy rule test:it, character 1: expected the name of a role after `role:`."
        assert refusal("role:") == sentence

    def test_a_rule_can_ask_for_no_project(self) -> None:
        """As Keystone's rules do: ``not domain_id:None``."""
        nobody = caller("reader", scope="unscoped")
        assert allows("project_id:None", nobody, {})
        assert not allows("project_id:None", caller("reader"), {})
        assert not allows("not domain_id:None", caller("reader"), {})
        assert allows("not domain_id:None", caller("reader", scope="domain"), {})

    @given(st.recursive(st.sampled_from("@!"), lambda rule: st.lists(rule, min_size=2, max_size=3)))
    def test_and_goes_before_or(self, tree: object) -> None:
        """A tree of ``or`` of ``and`` of ``or`` ... means what Python says that it means."""

        def texts(node: object, words: tuple[str, str]) -> tuple[str, str]:
            if isinstance(node, str):
                return node, {"@": "True", "!": "False"}[node]
            assert isinstance(node, list)
            ours, pythons = zip(*(texts(child, words[::-1]) for child in node), strict=True)
            needs = words[0] == "or"
            rule, expression = f" {words[0]} ".join(ours), f" {words[0]} ".join(pythons)
            return (f"({rule})", f"({expression})") if needs else (rule, expression)

        rule, expression = texts(tree, ("and", "or"))
        assert allows(rule, caller()) is eval(expression)  # noqa: S307  # Made above.

    def test_three_checks_in_every_combination(self) -> None:
        names = {"@": True, "!": False}
        for a, b, c in product("@!", repeat=3):
            x, y, z = names[a], names[b], names[c]
            assert allows(f"{a} or {b} and {c}", caller()) is (x or (y and z))
            assert allows(f"{a} and {b} or {c}", caller()) is ((x and y) or z)
            assert allows(f"not {a} and {b} or not {c}", caller()) is ((not x and y) or not z)


class TestMistakes:
    @pytest.mark.parametrize(
        ("rule", "position", "reason"),
        [
            (" ", 2, "expected a check, as `role:admin`."),
            ("role:admin role:x", 12, "expected `and`, `or` or the end of the rule."),
            ("role:admin and", 15, "expected a check, as `role:admin`."),
            ("or role:admin", 1, "expected a check, as `role:admin`."),
            ("role:admin and (role:x", 23, "expected `)`."),
            ("role:admin)", 11, "expected `and`, `or` or the end of the rule."),
            ("( @ or ! )and !", 10, "expected `)`."),
            ("@ and ()", 8, "expected a check, as `role:admin`."),
            ("not", 4, "expected a check, as `role:admin`."),
            ("admin", 1, "expected a check, as `role:admin`, not `admin`."),
            ("'admin'", 1, "expected a check, as `role:admin`, not `'admin'`."),
            ("@ or ((rule:admin_apy))", 8, "there is no rule admin_apy; did you mean admin_api?"),
            ("rule:xyzzy", 1, "there is no rule xyzzy."),
            ("projct_id:1", 1, "there is no attribute projct_id; did you mean project_id?"),
            ("http://example.org/", 1, "there is no attribute http."),
            ("'x:1", 1, "there is no attribute 'x."),
            ("user_id:%(x)", 1, "expected `%(key)s` or `%%` at each `%` of `%(x`."),
            ("user_id:%%(%(x)s%", 1, "expected `%(key)s` or `%%` at each `%` of `%%(%(x)s%`."),
            ("user_id:50%", 1, "expected `%(key)s` or `%%` at each `%` of `50%`."),
            ("rule:test:it", 1, "the rule refers to itself: test:it -> test:it."),
            ("(" * 21 + "@" + ")" * 21, 22, "parentheses are nested more than 20 deep."),
        ],
    )
    def test_are_told_with_their_place(self, rule: str, position: int, reason: str) -> None:
        assert refusal(rule) == f"Policy rule test:it, character {position}: {reason}"

    def test_a_circle_is_shown(self) -> None:
        sentence = refusal("@ and rule:a", a="rule:b", b="! or rule:a")
        assert sentence == ("Policy rule b, character 6: the rule refers to itself: a -> b -> a.")

    def test_a_chain_that_is_too_long(self) -> None:
        chain = {f"a{number}": f"rule:a{number + 1}" for number in range(1000)} | {"a1000": "@"}
        assert "more than 20 deep" in refusal("rule:a0", **chain)

    def test_a_long_rule_is_no_mistake(self) -> None:
        assert allows(" or ".join(["!"] * 5000 + ["@"]), caller())
        assert allows("not " * 5000 + "@", caller())
        assert allows(" and ".join(["(@)"] * 5000), caller())

    @given(rule=st.text(st.sampled_from("()%:'!@ adnortule_ps"), max_size=40))
    def test_any_text_compiles_or_is_refused(self, rule: str) -> None:
        policy = Policy("test:it", rule, "")
        try:
            rules = compile_rules([policy])
        except SettingsError as error:
            assert error.public.startswith("Policy rule test:it, character ")  # noqa: PT017
        else:
            assert rules.allows(policy, caller("a")) in (True, False)


class TestOverrides:
    SHOW = Policy("volume:get", PROJECT_READER, "Show a volume.")
    CREATE = Policy("volume:create", PROJECT_MEMBER, "Create a volume.")

    def compiled(self, **overrides: str) -> Rules:
        return compile_rules([self.SHOW, self.CREATE], overrides=overrides)

    def test_of_a_policy(self) -> None:
        rules = self.compiled(**{"volume:get": "role:auditor"})
        assert rules.allows(self.SHOW, caller("auditor"), FOREIGN)
        assert not rules.allows(self.SHOW, caller(*ADMIN_ROLES), FOREIGN)
        assert rules.allows(self.CREATE, caller(*ADMIN_ROLES), FOREIGN)

    def test_of_an_alias(self) -> None:
        rules = self.compiled(xena_system_admin_or_project_reader="!")
        assert not rules.allows(self.SHOW, caller(*ADMIN_ROLES))
        assert rules.allows(self.CREATE, caller(*ADMIN_ROLES))

    def test_with_an_alias_of_ones_own(self) -> None:
        rules = self.compiled(**{"volume:get": "rule:ours", "ours": "role:auditor"})
        assert rules.allows(self.SHOW, caller("auditor"))

    def test_of_nothing_is_a_mistake(self) -> None:
        with pytest.raises(SettingsError) as caught:
            self.compiled(**{"volume:craete": "@"})
        assert caught.value.public == (
            "There is no policy volume:craete, and no rule refers to it; "
            "did you mean volume:create?"
        )

    def test_that_are_wrong_name_themselves(self) -> None:
        with pytest.raises(SettingsError, match=r"^Policy rule admin_api, character 1: "):
            self.compiled(admin_api="role=admin")


class TestWords:
    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("volume:create", "Policy doesn't allow volume:create to be performed."),
            (
                "identity:list_users",
                "You are not authorized to perform the requested action: identity:list_users.",
            ),
        ],
    )
    def test_are_the_services_own(self, name: str, sentence: str) -> None:
        policy = Policy(name, ADMIN, "")
        rules = compile_rules([policy])
        rules.enforce(policy, caller(*ADMIN_ROLES))
        with pytest.raises(Forbidden) as caught:
            rules.enforce(policy, caller("member", "reader"))
        assert caught.value.public == sentence
