"""``make crash``: the storm at full length. A violation leaves the state directory for inspection."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.cloud import DRIVERS
from tests.crash.storm import Scale, Storm

DEFAULT: Final = Scale()


def main() -> int:
    """Run the storm and tell; 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=DEFAULT.rounds, help="kills")
    parser.add_argument("--creates", type=int, default=DEFAULT.creates, help="in each round")
    parser.add_argument("--driver", choices=DRIVERS, default=DEFAULT.driver)
    parser.add_argument("--seed", type=int, help="draws the same plan again")
    options = parser.parse_args()
    scale = Scale(options.rounds, options.creates, options.driver)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    logging.getLogger("pumice").setLevel(logging.ERROR)  # What the reconciler removes is no news.
    folder = Path(tempfile.mkdtemp(prefix="pumice-crash-"))
    print(f"Seed {seed}; state in {folder}", flush=True)
    storm = Storm(folder, scale, seed, lambda line: print(line, flush=True))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        wrong = runner.run(storm.run())
    print(storm.totals)
    for violation in wrong:
        print(f"VIOLATION: {violation}")
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
