"""The whole cloud under a debugger: a breakpoint stops the one request that meets it.

May be imported by the composition root and the command line, and imports the edge, the store and what
is below them. Without ``pumice serve --debug`` nothing here is at work, and debugpy is not imported.
"""
