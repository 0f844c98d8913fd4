"""Every link inside the site leads somewhere, and nothing is asked of another machine."""

from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urlparse

PAGE_OF_ITS_OWN_MAKING = "#"  # scripts answer these


class Reader(HTMLParser):
    """The places, links and loaded files of one page."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        loaded = given.get("src") or (given.get("href") if tag == "link" else None)
        if loaded and given.get("rel") not in ("canonical", "search"):
            self.loads.append(loaded)


def test_links_lead_somewhere(site, pages):
    read = {page: Reader((site / page).read_text(encoding="utf-8")) for page in pages}
    broken = []
    for page, reader in read.items():
        for link in reader.links + reader.loads:
            if urlparse(link).scheme or link == PAGE_OF_ITS_OWN_MAKING:
                continue
            path, place = urldefrag(link)
            target = (site / page).parent / unquote(urlparse(path).path) if path else site / page
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                broken.append(f"{page}: {link}")
            elif place and target.suffix == ".html":
                known = read.get(str(target.resolve().relative_to(site.resolve())))
                if known and unquote(place) not in known.places:
                    broken.append(f"{page}: {link}, which has no such place")
    assert not broken, "\n".join(broken)


def test_a_broken_link_is_seen(tmp_path):
    (tmp_path / "index.html").write_text('<a href="gone.html">x</a><a href="#nowhere">y</a>', encoding="utf-8")
    try:
        test_links_lead_somewhere(tmp_path, ["index.html"])
    except AssertionError as error:
        assert "gone.html" in str(error) and "#nowhere" in str(error)
    else:
        raise AssertionError("two broken links passed")


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for page in pages:
        loads = Reader((site / page).read_text(encoding="utf-8")).loads
        away = [load for load in loads if urlparse(load).netloc]
        assert not away, f"{page} loads {away}"


def test_styles_load_nothing_from_elsewhere(site):
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace").replace(" ", "")
        assert "url(http" not in text and 'url("http' not in text and "@importurl(http" not in text, sheet
