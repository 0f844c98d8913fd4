"""The command line: `varinf COMMAND`, or `python -m varinf COMMAND`."""

import argparse
import codecs
import importlib
import os
import pkgutil
import sys

from varinf import __version__, cli

# For terminals that cannot show what the tables hold.
PLAIN = {"±": "+/-", "é": "e", "−": "-", "χ": "chi", "ε": "eps", "β": "beta", "≤": "<=", "≥": ">=", "×": "x", "·": "*"}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} ({self.prog} --help lists what there is)\n")


def main(argv=None):
    """Runs one command. Returns the exit status: 2 for input that cannot be used, with one line that says why."""
    argv = sys.argv[1:] if argv is None else list(argv)
    _prepare_streams()
    # A command is found by its file in varinf/cli, and only the one asked for is imported.
    names = [module.name for module in pkgutil.iter_modules(cli.__path__) if not module.name.startswith("_")]
    asked = next((word for word in argv if not word.startswith("-")), None)
    parser = Parser(prog="varinf", description="Variational objectives and information bounds.")
    parser.add_argument("--version", action="version", version=f"varinf {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in [asked] if asked in names else names:
        module = importlib.import_module(f"varinf.cli.{name}")
        command = commands.add_parser(name, help=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run, command=name)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:  # the command's own parser says it, and points to its own help
        commands.choices[arguments.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _discard(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        return _refuse(arguments.command, "memory ran out: give smaller parts")
    except (ValueError, TypeError, OSError, ImportError) as error:
        return _refuse(arguments.command, error)


def _refuse(command, error):
    try:
        print(f"varinf {command}: error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    except OSError:  # no one can hear it
        _discard(sys.stderr)
    return 2


def _discard(stream):
    """Sends what is left of the stream nowhere: Python flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _prepare_streams():
    """Opens closed ones on the null device, and lets both replace what their encoding lacks instead of failing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as Python runs

    def plain(error):
        return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end

    codecs.register_error("varinf.plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="varinf.plain")


if __name__ == "__main__":
    sys.exit(main())
