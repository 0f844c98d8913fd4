"""varinf inside of other libraries: one module for each, imported by name."""
