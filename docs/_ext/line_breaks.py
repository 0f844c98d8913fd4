"""Where a line of text may break at a formula: after a relation in a long one, never before the mark that follows.

MathJax 3 draws a formula in the text in one piece, which on a phone can be wider than the page. As TeX would, a long
one is offered breaks after its relations, and after + and - where that leaves long pieces: each is drawn by itself.
"""

import re

from docutils import nodes

LONG = 24  # characters of TeX, about half the width of a phone
RELATIONS = r"\\(?:le|ge|ll|gg|approx|sim|to|propto|equiv|in|Rightarrow|iff|ne)(?![A-Za-z])|[=<>]"
SIGNS = r"[+-]"
OPENING, CLOSING = r"\\left|\\begin|\\lVert|\\\{|[{(\[]", r"\\right|\\end|\\rVert|\\\}|[})\]]"
TOKEN = re.compile(
    rf"(?P<open>{OPENING})|(?P<close>{CLOSING})|(?P<relation>{RELATIONS})|(?P<sign>{SIGNS})|\\.[A-Za-z]*"
)


def split(tex, at="relation"):
    """The pieces of a formula, each but the last with the relation that ends it; a short formula is one piece."""
    if len(tex) <= LONG:
        return [tex]
    pieces, start, depth = [], 0, 0
    for token in TOKEN.finditer(tex):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        done = tex[start : token.start()].strip()
        unary = not done or re.search(rf"({RELATIONS}|{SIGNS}|,)$", done)  # "- x" and "= - x" stay whole
        if token.lastgroup == at and depth == 0 and not unary:
            pieces.append(tex[start : token.end()].strip() + " {}")  # {}: spaces on both sides of the sign
            start = token.end()
    pieces.append(tex[start:].strip())
    if at == "relation":
        return [part for piece in pieces for part in split(piece, "sign")]
    return pieces


def offer_breaks(app, doctree, docname):
    for formula in list(doctree.findall(nodes.math)):
        pieces = split(formula.astext())
        if len(pieces) > 1:
            formula.replace_self([nodes.math(piece, piece) for piece in pieces])


def keep_marks(app, pagename, templatename, context, doctree):
    """A line may break after a formula in the text, but not between it and the comma, or the bracket, that it has."""
    if "body" in context:
        formula = '<span class="math notranslate nohighlight">[^<]*</span>'
        before, after = r"[(\[“]", r"[.,;:?!)\]”’]"
        context["body"] = re.sub(
            f"{before}{formula}{after}*|{formula}{after}+",
            lambda found: f'<span class="vi-whole">{found[0]}</span>',
            context["body"],
        )


def setup(app):
    app.connect("doctree-resolved", offer_breaks)
    app.connect("html-page-context", keep_marks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
