"""Every page of the built book in Chromium, without a network: `make test-browser`.

The tests of a page share it, loaded once, and run in the order below.
"""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tools.book import HTML, pages
from tools.pdf import chromium

PAGES = [f"{page}.html" for page in (*pages(), "genindex", "search")]
WITH_SLIDERS = "chapters/theory/moments.html"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# Formulas that MathJax left alone, and the text that a reader would see of them.
UNDRAWN = r"""() => {
  const text = document.querySelector("main").cloneNode(true);
  text.querySelectorAll("pre, code, script, mjx-container").forEach(e => e.remove());
  return [
    ...[...document.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container")),
    ...document.querySelectorAll("mjx-merror"),
  ].map(e => e.textContent).concat(text.textContent.match(/\\[([a-z].{0,40}|\$.{1,40}\$/g) ?? []);
}"""
# What sticks out of the window, unless it lies in a box that scrolls by itself.
STICKING_OUT = """() => {
  const scrolls = e => e && (
    ["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement)
  );
  return [...document.querySelectorAll(".bd-article-container *")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())
    .filter(e => !scrolls(e.parentElement) && !e.closest("mjx-assistive-mml"))
    .map(e => e.outerHTML.slice(0, 200));
}"""
# Formulas look alike, and words of code by class: one each is enough, and axe takes seconds.
THIN_OUT = """() => {
  [...document.querySelectorAll("mjx-container")].slice(1).forEach(e => e.remove());
  const seen = new Set();
  document.querySelectorAll("pre span[class]").forEach(
    e => seen.has(e.className) ? e.replaceWith(...e.childNodes) : seen.add(e.className));
}"""


@pytest.fixture(scope="module")
def browser():
    assert HTML.is_dir(), f"{HTML} is missing: make book builds it"
    blocked = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", blocked]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server():
    handler = partial(SimpleHTTPRequestHandler, directory=HTML)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def load(browser, root: str, path: str) -> tuple[Page, list[str]]:
    """A page that is drawn in full, and what went wrong meanwhile."""
    page = browser.new_page(viewport=WIDE, reduced_motion="reduce")
    faults = []

    def on_request(request):
        if not request.url.startswith((root, "data:")):
            faults.append(f"asks another host: {request.url}")

    page.on("request", on_request)
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on("response", lambda r: r.status < 400 or faults.append(f"{r.status}: {r.url}"))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", lambda m: m.type != "error" or faults.append(f"console: {m.text}"))
    page.goto(f"{root}/{path}")
    page.evaluate("window.MathJax?.startup.promise")
    widgets = page.locator("script[type='application/vnd.jupyter.widget-view+json']").count()
    page.wait_for_function(
        "count => document.querySelectorAll('.widget-subarea > *').length == count", arg=widgets
    )
    # Until the fonts of the formulas are there, others stand in for them, and are wider.
    page.evaluate("document.fonts.ready.then(() => null)")
    return page, faults


@pytest.fixture(
    scope="module", params=[pytest.param(p, marks=pytest.mark.xdist_group(p)) for p in PAGES]
)
def loaded(browser, request):
    page, faults = load(browser, HTML.as_uri(), request.param)
    yield page, faults
    page.close()


@pytest.fixture
def page(loaded):
    return loaded[0]


def test_loads_without_an_error_and_from_the_book_alone(loaded):
    assert loaded[1] == []


def test_every_formula_is_drawn(page):
    assert page.evaluate(UNDRAWN) == []


def test_every_slider_shows_a_picture_for_each_of_its_values(page):
    for slider in page.locator(".widget-slider").all():
        box = slider.locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][1]")
        handle, picture = slider.get_by_role("slider"), box.locator("img:visible")
        handle.press("Home")
        shown = [picture.get_attribute("alt")]
        for _ in range(int(float(handle.get_attribute("aria-valuemax")))):
            handle.press("ArrowRight")
            shown.append(picture.get_attribute("alt"))
        assert len(shown) > 1 and len(set(shown)) == len(shown), shown


def test_every_fold_opens(page):
    for fold in page.locator("main .admonition.dropdown").all():
        inside = fold.locator("> :not(.admonition-title)").first
        assert not inside.is_visible()
        fold.get_by_role("button").first.click()
        assert inside.is_visible()
    for fold in page.locator("main details").all():
        inside = fold.locator("> :not(summary)").first
        assert not inside.is_visible()
        fold.locator("summary").click()
        assert inside.is_visible()


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_sticks_out(page, window):
    """The page does not scroll sideways; a wide table or formula does so within itself."""
    page.set_viewport_size(window)
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]
    assert page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_is_accessible(page, theme):
    """Contrast included: axe finds no serious violation."""
    page.set_viewport_size(WIDE)
    page.evaluate(THIN_OUT)
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    results = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    serious = [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert serious == []


def test_the_first_page_opens(browser):
    page = browser.new_page()
    page.goto(f"{HTML.as_uri()}/index.html")
    page.wait_for_url("**/chapters/index.html")


def test_a_reader_can_choose_the_dark_theme(browser):
    page, _ = load(browser, HTML.as_uri(), "chapters/index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    for _ in range(2):  # from light to automatic, and on
        page.locator(".theme-switch-button:visible").first.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(background) != light


def test_there_are_sliders(browser):
    """Else the test of every slider would test nothing."""
    page, _ = load(browser, HTML.as_uri(), WITH_SLIDERS)
    assert page.get_by_role("slider").count() > 0


def test_a_server_shows_the_same(browser, server):
    page, faults = load(browser, server, WITH_SLIDERS)
    assert faults == [] and page.evaluate(UNDRAWN) == []


@pytest.mark.parametrize("place", ["disk", "server"])
def test_the_search_finds_a_word(browser, server, place):
    root = HTML.as_uri() if place == "disk" else server
    page, faults = load(browser, root, WITH_SLIDERS)
    page.locator(".search-button:visible, .search-button__button:visible").first.click()
    page.locator("input[type=search]:visible").fill("Motzkin")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a[href*='sums_of_squares']").first
    found.click()
    page.wait_for_url("**/chapters/theory/sums_of_squares.html*")
    assert faults == []
