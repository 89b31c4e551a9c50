"""The Identity API, v3: version documents, tokens, and what a catalog and its users are made of.

May import the modules of :mod:`pumice.api`, services and models.
"""
