"""Hints between the roles: "look at the store", never the work itself. Imports only the base modules.

A hint may be lost, late or doubled: the store is the truth, and a sweep stands behind every hint.
"""
