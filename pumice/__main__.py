"""``python -m pumice`` is the command ``pumice``."""

import sys

from pumice.cli import main

sys.exit(main())
