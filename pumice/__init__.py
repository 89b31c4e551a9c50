"""Pumice: block storage as a service in one small process.

Layers, in import order (``make check`` holds the import graph to it; nothing imports to the left)::

    cli -> process -> { api, manager } -> services -> operations -> { scheduler, identity, drivers, bus }
        -> { model, errors, seams, settings, context, trace };   services, operations -> store -> model

This file imports nothing, so that ``import pumice`` costs nothing.
"""

__version__ = "0.1.0"
