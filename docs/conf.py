"""Sphinx configuration: `make -C docs html`, or `python -m sphinx -W -n docs docs/_build/html`."""

import importlib.metadata
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "varinf"
author = "the varinf developers"
copyright = "2026, the varinf developers"
version = release = importlib.metadata.version("varinf")
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "theorem",
    "example",
    "line_breaks",
    "tables",
]
exclude_patterns = ["_build", "examples", "gallery/sg_execution_times.rst"]
templates_path = ["_templates"]
nitpicky = True
default_role = "literal"

# API ------------------------------------------------------------------------------------------------------------------

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_validation_checks = set()
# The pages of Python and NumPy are on other machines.
nitpick_ignore_regex = [("py:class", r"collections\.abc\..*|numpy\..*")]
add_module_names = False
toc_object_entries_show_parents = "hide"  # "effective_sample_size()" fits beside the page, "LogWeights. ..." does not
python_maximum_signature_line_length = 88  # longer ones have one parameter a line

# Mathematics, served from here: no page asks another machine for anything ---------------------------------------------

MATHJAX = next(f for f in importlib.metadata.files("sphinx-mathjax-offline") if f.name == "tex-svg.js").locate()
html_static_path = ["_static", str(MATHJAX)]
mathjax_path = "tex-svg.js"
mathjax3_config = {
    "tex": {
        "macros": {
            "KL": [r"\operatorname{KL}(#1 \,\|\, #2)", 2],  # between \left and \right the bars of (q || p) are tiny
            "E": r"\mathbb{E}",
            "tfrac": [r"{\textstyle\frac{#1}{#2}}", 2],  # MathJax's own leaves no space before a logarithm
        }
    },
    "options": {"enableMenu": False},
    "svg": {"fontCache": "global"},
}

# Examples -------------------------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # every one runs
    "abort_on_example_error": True,
    "run_stale_examples": True,  # the numbers on a page are those of this build
    "capture_repr": (),  # what an example says it prints
    "within_subsection_order": "figures.course_order",
    "image_scrapers": ("figures.scraper",),
    "reset_modules": ("figures.style",),
    "backreferences_dir": "api/examples",
    "doc_module": ("varinf",),
    "reference_url": {"varinf": None},
    "download_all_examples": True,
    "show_signature": False,
    "remove_config_comments": True,
    "write_computation_times": False,
}

# The look -------------------------------------------------------------------------------------------------------------

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
html_theme = "pydata_sphinx_theme"
html_title = "varinf"
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_css_files = ["varinf.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("sliders.js", "scroll.js", "names.js", "excerpts.js")]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# What the docstrings write for people and reStructuredText would take for markup --------------------------------------


def escape_stars(app, what, name, obj, options, lines):
    """`(*batch, D)` is a shape, not the start of emphasis."""
    lines[:] = [re.sub(r"(?<![\\\w*`])\*(?=[a-z_]+[,)])", r"\\*", line) for line in lines]


def mend_roles(app, pagename, templatename, context, doctree):
    """docutils calls the bibliography a list and its entries no list items, which screen readers then miscount."""
    if "body" in context:
        context["body"] = context["body"].replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )


def let_signatures_wrap(app, pagename, templatename, context, doctree):
    """autosummary joins a signature to its name, by spaces that do not break; a phone then breaks inside of words."""
    if pagename == "api/index":
        context["body"] = context["body"].replace("\xa0", " ").replace("</code></a>(", "</code></a><wbr>(")


def setup(app):
    app.connect("html-page-context", mend_roles)
    app.connect("html-page-context", let_signatures_wrap)
    app.connect("autodoc-process-docstring", escape_stars, priority=1)
