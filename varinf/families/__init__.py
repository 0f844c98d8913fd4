"""Families of distributions: q(z), p(z) and p(x | z), with draws, log densities and entropies in nats.

Parameters are arrays (*batch, D); draws come on a new first axis, (n, *batch, D). Values are computed in the library of
the parameters, so that NumPy, torch and JAX arrays all work and the latter two differentiate.
"""
