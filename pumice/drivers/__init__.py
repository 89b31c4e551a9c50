"""How bytes are kept: the driver contract, the shipped drivers, and a backend at run time.

May import model, errors, seams (files and threads too), settings, context and trace. A driver
receives values and returns values: no store, no bus, no context. Only drivers touch storage.
"""
