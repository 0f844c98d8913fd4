"""The commands of `varinf`: a module each, with `add_arguments(parser)` and `run(arguments)`."""
