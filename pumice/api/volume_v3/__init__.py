"""The Block Storage API, v3: one module per resource; ``routes.py`` lists them.

May import the modules of :mod:`pumice.api`, services and models.
"""
