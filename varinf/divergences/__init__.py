"""Divergences between two families, in nats: Kullback-Leibler with its gradient, and Rényi."""
