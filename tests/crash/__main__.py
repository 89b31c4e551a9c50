"""``make crash``: a storm at full length. A violation leaves the state directory for inspection."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.crash.deployment import ALL_ROLES
from tests.crash.scenarios import SCENARIOS, Plan, why_not


def main() -> int:
    """Run the storm and tell; 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, default="kill")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--kills", type=int, default=0, metavar="N", help="strikes; failover: creates"
    )
    parser.add_argument(
        "--roles", nargs="+", default=[ALL_ROLES] * 3, help="of each process, on PostgreSQL"
    )
    parser.add_argument("--short", action="store_true", help="as in `make test`")
    parser.add_argument("--seed", type=int, help="draws the same plan again")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    logging.getLogger("pumice").setLevel(logging.ERROR)  # What the reconciler removes is no news.
    if reason := why_not(options.scenario, options.on):
        print(f"NOT PROVEN HERE: {reason}")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="pumice-crash-"))
    folder.chmod(0o755)
    print(f"Seed {seed}; state in {folder}", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        plan = Plan(
            folder,
            seed,
            lambda line: print(line, flush=True),
            options.on,
            options.roles,
            options.kills,
            options.short,
        )
        verdict = runner.run(SCENARIOS[options.scenario](plan))
    print(verdict)
    if not verdict.wrong:
        shutil.rmtree(folder)
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
