"""Durable work: what an operation is, how it advances, and one file per operation.

To read the flow of a volume's creation, read ``volume_create.py`` from top to bottom. May import the
store, scheduler, identity, drivers, bus and the base modules.

- ``definition.py``: an operation as a value: steps, each with an undo.
- ``plan.py``: what to do next, as a pure function of the log; the same after a crash as in normal work.
- ``advance.py``: the unit that records an outcome, runs local steps and logs the next remote step.
- ``engine.py``: claims operations, calls drivers between units, waits, and tells who waits.
"""
