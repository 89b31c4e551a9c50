"""Values and the table of states; no I/O. Imports nothing of Pumice."""
