"""The HTTP edge, and the only place that knows HTTP: routes, schemas, policy, faults, the ASGI application.

One folder per API (``volume_v3``, ``identity_v3``, ``compute_v2``, ``pumice_v1``), one file per resource.
May import services and the base modules; never the store, a driver or an export.
"""
