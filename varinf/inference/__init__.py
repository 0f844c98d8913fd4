"""Variational inference: from a log density to an approximate posterior that says how far to trust it."""
