"""Each page of the course has all that a page of the course has."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "theorems" / "index.rst").read_text(encoding="utf-8")
COURSE = [slug for slug in re.findall(r"^   (\w+)$", INDEX, re.M) if slug not in ("five_ideas", "sources")]
HEADINGS = ("What it assumes", "In numbers", "What goes wrong", "Exercises", "See also")


def test_the_course_covers_the_page_and_what_goes_past_it():
    assert len(COURSE) == 16


@pytest.mark.parametrize("slug", COURSE)
def test_page(slug):
    page = (DOCS / "theorems" / f"{slug}.rst").read_text(encoding="utf-8")
    for heading in HEADINGS:
        assert f"\n{heading}\n{'-' * len(heading)}\n" in page, heading
    for option in ("kind", "label", "implements", "tested-by"):
        assert f"\n   :{option}:" in page, option
    assert re.search(r"\.\. dropdown:: Proof", page)
    assert len(re.findall(r"\.\. dropdown:: Answer", page)) >= 3, "three exercises with their answers"
    assert f".. example:: {slug}\n" in page


@pytest.mark.parametrize("slug", COURSE)
def test_example_prints_asserts_and_draws(slug):
    code = (DOCS / "examples" / f"{slug}.py").read_text(encoding="utf-8")
    assert "print(" in code and re.search(r"^\s*assert ", code, re.M) and "import varinf as vi" in code
    assert re.search(r"plt\.(subplots|figure)|vi\.plot", code)
