"""Which pool gets a volume, and why: pure functions of a request and the pools.

May import model, errors and trace; does no input or output. The arithmetic and the grammar are
those of Cinder 29's scheduler. Called on the event loop.

- ``contract.py``: what a scheduler, a filter and a weigher are.
- ``select.py``: ``scheduler_driver = filter``: filters first, weighers then.
- ``chance.py``: ``scheduler_driver = chance``: filters first, then one that is drawn.
- ``simple.py``: ``scheduler_driver = simple``: the least allocated pool that fits.
- ``capacity.py``: how much a pool can still take, and the bound of a claim.
- ``figures.py``, ``formula.py``: what a pool is called by Cinder's names; formulas of drivers.
- ``filters/``, ``weighers/``: one file each; packages add more by entry points.
- ``registry.py``: a scheduler from the names in the settings.
- ``view.py``: the pools in memory, with an index for large clouds.
"""
