"""The site as a reader meets it: in a browser, on a wide screen and a phone, in both themes, by keyboard."""

import json
from contextlib import contextmanager

import pytest

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


# Formulas in the text that are wider than the text; displays scroll, these cannot be broken further.
CUT_FORMULAS = """[...document.querySelectorAll('span.math svg')].filter(drawn => {
    const text = drawn.closest('p, li, td, dd, dt, h1, h2, h3, figcaption, summary');
    return text && drawn.getBoundingClientRect().width > text.getBoundingClientRect().width + 1;
}).map(drawn => drawn.closest('span.math').textContent.slice(0, 80))"""


@contextmanager
def opened(browser, server, **context):
    """A page that notes what goes wrong, and the notes."""
    with_context = browser.new_context(**context)
    page, wrong = with_context.new_page(), []
    page.on("console", lambda m: wrong.append(f"{m.text} {m.location['url']}") if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # A request that the next page cuts off has not failed.
    page.on("requestfailed", lambda r: None if "ABORTED" in (r.failure or "") else wrong.append(f"failed: {r.url}"))
    page.on(
        "request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else wrong.append(f"asks {r.url}")
    )
    page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    try:
        yield page, wrong
    finally:
        with_context.close()


def settle(page):
    """Mathematics is drawn after the page has loaded."""
    page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => true) : true")


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page(browser, server, pages, viewport):
    """No error in the console, no failed request, mathematics drawn, nothing wider than the screen."""
    bad = []
    with opened(browser, server, viewport=viewport) as (page, wrong):
        for name in pages:
            page.goto(f"{server}/{name}", wait_until="load")
            settle(page)
            raw, drawn, failed = page.evaluate(
                """[document.querySelectorAll('.math').length,
                    document.querySelectorAll('.math mjx-container').length,
                    document.querySelectorAll('mjx-merror, [data-mjx-error], g[data-mml-node=merror]').length]"""
            )
            if drawn < raw or failed:
                bad.append(f"{name}: {raw} formulas, {drawn} drawn, {failed} with errors")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > viewport["width"]:
                bad.append(f"{name}: {width} px wide")
            bad += [f"{name}: cut at the margin: {formula}" for formula in page.evaluate(CUT_FORMULAS)]
            bad += [f"{name}: {what}" for what in wrong]
            wrong.clear()
    assert not bad, "\n".join(bad)


def test_sliders_move_their_figures_by_keyboard(browser, server, site, pages):
    with_sliders = [name for name in pages if name.startswith("theorems/") and "vi-frames" in (site / name).read_text()]
    assert len(with_sliders) >= 3
    with opened(browser, server, viewport=WIDE) as (page, wrong):
        for name in with_sliders:
            page.goto(f"{server}/{name}")
            for slider in page.locator(".vi-slider input").all():
                figure = slider.locator("xpath=ancestor::figure")
                before, shown = figure.locator("svg").inner_html(), figure.locator("output").inner_text()
                there, back = ("ArrowRight", "ArrowLeft")
                if slider.input_value() == slider.get_attribute("max"):
                    there, back = back, there
                slider.focus()
                page.keyboard.press(there)
                assert figure.locator("output").inner_text() != shown, name
                assert figure.locator("svg").inner_html() != before, name
                page.keyboard.press(back)
                assert figure.locator("svg").inner_html() == before, f"{name}: the way back draws something else"
        assert not wrong


def test_without_scripts_the_figures_stand(browser, server, site, pages):
    with opened(browser, server, viewport=WIDE, java_script_enabled=False) as (page, _):
        for name in pages:
            if name.startswith("theorems/") and "vi-figure" in (site / name).read_text(encoding="utf-8"):
                page.goto(f"{server}/{name}")
                for drawing in page.locator(".vi-figure svg").all():
                    assert drawing.is_visible() and drawing.bounding_box()["height"] > 100, name


def test_search_finds_a_bound(browser, server):
    with opened(browser, server, viewport=WIDE) as (page, wrong):
        page.goto(f"{server}/search.html?q=IWELBO")
        page.wait_for_selector("#search-results li a")
        found = page.locator("#search-results li a").all_inner_texts()
        assert any("iwelbo" in text.lower() or "importance" in text.lower() for text in found), found
        assert not wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility_of_the_course(browser, server, pages, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    bad = []
    with opened(browser, server, viewport=WIDE, color_scheme=theme) as (page, _):
        for name in pages:
            if not name.startswith("theorems/"):
                continue
            page.goto(f"{server}/{name}")
            settle(page)
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            for violation in axe.run(page).response["violations"]:
                if violation["impact"] in SERIOUS:
                    places = [node["html"][:160] for node in violation["nodes"][:3]]
                    bad.append(f"{name}: {violation['id']}, {len(violation['nodes'])} times: {json.dumps(places)}")
    assert not bad, "\n".join(bad)


def test_print_opens_what_is_folded(browser, server):
    """On paper nobody can open a proof."""
    with opened(browser, server, viewport=WIDE) as (page, _):
        page.goto(f"{server}/theorems/definition_1.html")
        page.emulate_media(media="print")
        proof = page.locator("details").first
        assert proof.locator("p").last.is_visible()
        assert not page.locator(".vi-slider").first.is_visible()
