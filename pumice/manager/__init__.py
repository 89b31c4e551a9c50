"""The volume role: serves backends. Health and statistics, sweeps, and the reconcilers.

The engine does the work itself; what is here runs on timers. May import services and everything below.
"""
