"""varinf info: what runs here."""

import json

from varinf._config import show_config

HELP = "versions, kernels, instruction set, workers"


def add_arguments(parser):
    parser.description = "What runs here: versions, kernels with the reason for their choice, instruction set, cores."
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments):
    """Prints the configuration. Returns the exit status."""
    config = show_config()
    print(json.dumps(config.to_dict()) if arguments.json else config)
    return 0
