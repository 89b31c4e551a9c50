"""Use cases: what each request means, as units of one transaction each.

A unit is a plain function ``(txn, context, input)``; the classes hold only what a unit may not touch: the
store itself, threads, caches. May import operations, the store and everything below. No HTTP here.
"""
