"""The theorem directive: numbered statements that know their code, their test, their benchmark and what they rest on.

    .. theorem:: The evidence lower bound
       :kind: definition
       :label: definition-1
       :implements: varinf.elbo varinf.identity
       :tested-by: tests/evidence/test_identity.py::test_name
       :benchmarked-by: benchmarks/bench_kernels.py
       :uses: kl-divergence

Statements of one kind are numbered in the order of the table of contents, and ``:ref:`definition-1``` reads
"Definition 1". A target that does not exist ends the build. ``.. theorem-graph::`` draws what rests on what.
"""

import os

from docutils import nodes
from docutils.parsers.rst import directives
from graph import drawing
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from targets import ROOT, exists

KINDS = ("recall", "definition", "theorem", "example", "lens", "application", "proposition")
FACTS = {"implements": "Code", "tested-by": "Test", "benchmarked-by": "Benchmark", "uses": "Rests on"}


class Theorem(SphinxDirective):
    """A box with its statement, and below it what carries the statement out."""

    required_arguments, final_argument_whitespace, has_content = 1, True, True
    option_spec = {  # noqa: RUF012
        "kind": lambda kind: directives.choice(kind, KINDS),
        "label": directives.unchanged_required,
        **dict.fromkeys(FACTS, str.split),
    }

    def run(self):
        if not {"kind", "label"} <= set(self.options):
            raise self.error("a theorem needs a :kind: and a :label:")
        label, title = self.options["label"], self.arguments[0]
        if label in entries(self.env):
            raise self.error(f"the label {label} is taken by {entries(self.env)[label]['where']}")
        here = {"docname": self.env.docname, "title": title, "where": self.get_location()}
        entries(self.env)[label] = here | self.options
        box = nodes.admonition(names=[label], ids=[label], classes=["theorem", self.options["kind"]], label=label)
        box += nodes.title("", "", nodes.inline(classes=["number"]), nodes.Text(f" ({title})"))
        self.state.document.note_explicit_target(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        box += [self._fact(option, targets) for option in FACTS if (targets := self.options.get(option))]
        return [box]

    def _fact(self, option, targets):
        links = [link for target in targets for link in (nodes.Text(", "), self._link(option, target))]
        return nodes.paragraph("", "", nodes.strong("", FACTS[option]), nodes.Text(" "), *links[1:], classes=["fact"])

    def _link(self, option, target):
        role = {"implements": "py:obj", "uses": "ref"}.get(option)
        if role:
            return self.parse_inline(f":{role}:`{target}`")[0][0]
        path = os.path.relpath(ROOT / target.partition("::")[0], self.env.srcdir)
        words = nodes.literal("", target)
        return addnodes.download_reference("", "", words, reftarget=f"/{path}", refdoc=self.env.docname)


class Graph(SphinxDirective):
    """A place for the picture of what rests on what."""

    def run(self):
        return [nodes.container(classes=["theorem-graph"])]


def entries(env):
    """{label: entry} of all statements read so far."""
    if not hasattr(env, "theorems"):
        env.theorems = {}
    return env.theorems


def forget(app, env, docname):
    env.theorems = {label: entry for label, entry in entries(env).items() if entry["docname"] != docname}


def merge(app, env, docnames, other):
    entries(env).update({label: entry for label, entry in entries(other).items() if entry["docname"] in docnames})


def number(app, env):
    """Gives each statement its number, in the order of the table of contents, under its label."""
    order, counts = [], dict.fromkeys(KINDS, 0)

    def visit(docname):
        if docname not in order:
            order.append(docname)
            for child in env.toctree_includes.get(docname, ()):
                visit(child)

    visit(app.config.root_doc)
    known = [item for item in entries(env).items() if item[1]["docname"] in order]
    for label, entry in sorted(known, key=lambda item: order.index(item[1]["docname"])):
        counts[entry["kind"]] += 1
        entry["number"] = f"{entry['kind'].capitalize()} {counts[entry['kind']]}"
        env.domains["std"].labels[label] = (entry["docname"], label, entry["number"])
    return []


def check(app, env):
    """Ends the build when a statement names code, a test, a benchmark or a statement that does not exist."""
    known = entries(env)
    missing = [
        f"{entry['where']}: :{option}: {target} does not exist"
        for entry in known.values()
        for option in FACTS
        for target in entry.get(option, ())
        if not exists(option, target, known)
    ]
    if missing:
        raise ExtensionError("\n".join(missing))


def resolve(app, doctree, docname):
    """Fills in what only the whole table of contents knows: numbers, the graph, and the way back from code."""
    known = entries(app.env)
    url = {label: app.builder.get_relative_uri(docname, e["docname"]) + f"#{label}" for label, e in known.items()}
    for box in doctree.findall(lambda node: isinstance(node, nodes.admonition) and "label" in node):
        box[0][0] += nodes.Text(known[box["label"]].get("number", ""))
    for place in doctree.findall(
        lambda node: isinstance(node, nodes.container) and node["classes"] == ["theorem-graph"]
    ):
        place += nodes.raw("", drawing(known, url), format="html")
    room, _, name = docname.rpartition("/")
    stated = [label for label, e in known.items() if room == "api/generated" and name in e.get("implements", ())]
    if stated:
        links = [nodes.reference("", f"{known[x]['number']} ({known[x]['title']})", refuri=url[x]) for x in stated]
        line = [part for link in links for part in (nodes.Text("; "), link)]
        doctree.children[-1] += nodes.paragraph("", "", nodes.strong("", "Stated in "), *line[1:])


def setup(app):
    app.add_directive("theorem", Theorem)
    app.add_directive("theorem-graph", Graph)
    for event, answer in (
        ("env-purge-doc", forget),
        ("env-merge-info", merge),
        ("env-updated", number),
        ("env-check-consistency", check),
        ("doctree-resolved", resolve),
    ):
        app.connect(event, answer)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
