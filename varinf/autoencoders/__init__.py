"""Autoencoders: the layers that they are made of, the variational autoencoder, and what can be asked of it."""
