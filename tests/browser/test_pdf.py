"""What the printed book is searched for, in a small document: `make test-browser`."""

import pytest
from playwright.sync_api import sync_playwright

from tools.pdf import chromium, faults_of


@pytest.fixture(scope="module")
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 640, "height": 900})
        browser.close()


@pytest.mark.parametrize(
    "fault, body",
    [
        ("no picture", '<img src="data:image/png;base64,none" alt="">'),
        ("no formula", r'<span class="math">\(x\)</span>'),
        ("no formula", '<span class="math"><mjx-container><mjx-merror>!</mjx-merror></span>'),
        ("no target", '<a href="#nowhere">there</a>'),
        ("too wide", '<p style="width: 700px">A line.</p>'),
        ("too wide", '<div style="overflow: auto"><p style="width: 700px">A line.</p></div>'),
    ],
)
def test_faults_are_found(page, fault, body):
    page.set_content(f'<main><article id="page">{body}</article></main>')
    found = faults_of(page)
    assert found and all(fault in line for line in found)


def test_nothing_is_found_where_nothing_is_wrong(page):
    page.set_content('<main><article id="page"><a href="#page">A line.</a></article></main>')
    assert faults_of(page) == []
