"""`.. example:: slug`: a gallery example where it is needed, with what it printed and drew, and its two downloads.

sphinx-gallery has run every example before the first page is read; this puts its page, less heading and footer, here.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

# Between the gallery's heading and its footer.
BODY = re.compile(
    r"^(\.\. GENERATED FROM PYTHON SOURCE.*?)^\.\. (?:rst-class:: sphx-glr-timing|_sphx_glr_download)", re.S | re.M
)
DOWNLOADS = "Take it away: :download:`script </gallery/{0}.py>`, :download:`notebook </gallery/{0}.ipynb>`."


class Example(SphinxDirective):
    required_arguments = 1

    def run(self):
        slug = self.arguments[0]
        page = Path(self.env.srcdir, "gallery", f"{slug}.rst")
        if not page.exists():
            raise self.error(f"docs/examples/{slug}.py does not exist")
        self.env.note_dependency(str(page))
        body = BODY.search(page.read_text(encoding="utf-8"))[1]
        place = nodes.container(classes=["example"])
        lines = StringList([*body.splitlines(), "", DOWNLOADS.format(slug)], source=str(page))
        self.state.nested_parse(lines, self.content_offset, place)
        return [place]


def setup(app):
    app.add_directive("example", Example)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
