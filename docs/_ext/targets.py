"""Whether what a statement points to exists."""

import importlib
import os
import re
from functools import reduce
from pathlib import Path

ROOT = Path(os.environ.get("VARINF_ROOT", Path(__file__).parents[2]))  # elsewhere when a copy of docs/ is built


def exists(option, target, statements):
    """A dotted name that imports, `path` or `path::name` below ROOT, or another statement; by the option's kind."""
    if option == "uses":
        return target in statements
    if option == "implements":
        package, *names = target.split(".")
        try:
            reduce(getattr, names, importlib.import_module(package))
        except (ImportError, AttributeError):
            return False
        return True
    path, _, name = target.partition("::")
    if not (ROOT / path).is_file():
        return False
    return not name or bool(re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text(encoding="utf-8"), re.M))
