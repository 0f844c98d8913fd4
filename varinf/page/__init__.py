"""The page "Variational Objectives, ELBO, and Information Bounds" made executable: one statement a module."""
