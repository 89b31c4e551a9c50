"""Makes the plan of a failed run as small as it can be: whatever can be left out is left out."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.plan import Plan
from tests.simulation.simulate import Outcome, simulate

RUNS_MAX = 1500


def shrink(
    plan: Plan, kind: str, run: Callable[[Plan], Outcome] = simulate
) -> tuple[Plan, Outcome | None]:
    """The smallest plan found that still has a violation of ``kind``, and what became of it.

    Takes out ever smaller parts, beginning with halves, until no single step can go (ddmin).
    """
    numbers = [step.number for step in plan.steps]
    outcome: Outcome | None = None
    runs, size = 0, max(1, len(numbers) // 2)
    while runs < RUNS_MAX:
        removed = False
        start = 0
        while start < len(numbers) and runs < RUNS_MAX:
            rest = numbers[:start] + numbers[start + size :]
            tried = run(plan.keeping(rest))
            runs += 1
            if tried.violation is not None and tried.violation.kind == kind:
                numbers, outcome, removed = rest, tried, True
            else:
                start += size
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    return plan.keeping(numbers), outcome
