"""Bounds on and estimates of log p(x), from log weights."""
