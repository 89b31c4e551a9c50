"""The flavors of the Compute API v2.1; servers are somebody else's.

May import the modules of :mod:`pumice.api`, services and models.
"""
