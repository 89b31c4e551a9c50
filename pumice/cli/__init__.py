"""The command line: ``pumice``, and ``python -m pumice``.

``app`` puts the commands together, and each group has its module. What speaks to a running Pumice goes
through ``client``, HTTP only; what works without one goes through :mod:`pumice.process`.
"""

from pumice.cli.app import main

__all__ = ["main"]
