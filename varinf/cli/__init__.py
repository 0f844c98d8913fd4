"""The commands of `varinf`: a module each, with HELP, add_arguments(parser) and run(arguments) -> exit status."""
