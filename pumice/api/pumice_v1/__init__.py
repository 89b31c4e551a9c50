"""Pumice's own API: operations, the ways requests took, and why things are as they are.

An owner sees what belongs to the project, an administrator all. May import :mod:`pumice.api` and services.
"""
