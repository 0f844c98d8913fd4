"""Sphinx configuration: `python -m sphinx -W docs docs/_build/html`."""

project = "varinf"
author = "the varinf developers"
copyright = "2026, the varinf developers"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
