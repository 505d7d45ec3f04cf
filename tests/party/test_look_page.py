"""The look, on a page with every part in every state: what stands in its HTML, and what a browser makes of it."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from raakvlak_protocol.party.look.static import assets
from tests.party.look_pages import HOSTILE, PAGES, html, served
from tests.require import require

ROOT: Final = Path(__file__).parents[2]
AXE: Final = ROOT / "tests/peers/node_modules/axe-core/axe.min.js"
STATIC: Final = ROOT / "proto/raakvlak_protocol/party/look/static"
MAX_FIRST_VISIT_BYTES: Final = 120_000
PHONE, DESKTOP = 360, 1440
TOUCH_PIXELS: Final = 44
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
Scheme = Literal["light", "dark"]
Served = tuple[str, list[tuple[str, int]]]


class Tags(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(attribute))]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_on_a_page_needs_more_than_the_policy_lets_in(name: str) -> None:
    for tag, attributes in Tags(html(name)).found:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(each.startswith("on") for each in attributes)
        assert tag != "script" or attributes["src"], "a script within the page"


@pytest.mark.parametrize("name", PAGES)
def test_every_id_stands_once_and_all_that_is_tied_is_there(name: str) -> None:
    tags = Tags(html(name))
    ids = tags.values("id")
    assert len(ids) == len(set(ids))
    tied = [each for attribute in ("for", "aria-describedby", "aria-labelledby") for each in tags.values(attribute)]
    assert {each for value in tied for each in value.split()} <= set(ids)


def test_what_was_typed_is_kept_as_text_but_a_password_is_not_shown() -> None:
    page = html("gallery")
    assert HOSTILE not in page
    assert page.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert "not to be shown" not in page
    # The first line break after the tag is the browser's, the second one was typed.
    assert ">\n\nWij bellen de ouders." in page


def test_a_number_to_dial_is_digits_alone() -> None:
    tags = Tags(html("gallery"))
    assert "tel:0113223344" in tags.values("href")
    assert "mailto:fatima@dewissel.example" in tags.values("href")


def test_every_post_bears_the_forms_token() -> None:
    page = html("gallery")
    forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
    posts = [form for form in forms if 'method="post"' in form]
    assert len(posts) == 6
    assert all('<input type="hidden" name="csrf" value="00000000000000000000000000000000">' in form for form in posts)


def test_what_is_not_our_own_is_of_the_lock_file_and_has_its_licence() -> None:
    lock = json.loads((ROOT / "scripts/assets/package-lock.json").read_text())["packages"]
    locked = {
        f"- {name.removeprefix('node_modules/')} {each['version']} ({each['license']})" for name, each in lock.items() if name
    }
    listed = {line for line in (STATIC / "vendor/README.md").read_text().splitlines() if line.startswith("- ")}
    assert listed == locked
    for line in listed:
        assert list((STATIC / "vendor" / line.split()[1]).glob("LICENSE*")), line


def test_no_style_sheet_names_a_file_that_is_not_there() -> None:
    for name, asset in assets().items():
        if name.endswith(".css") and not name.startswith("vendor/"):
            for target in re.findall(r"url\(\"?(?!data:)([^\")]+)", asset.raw.decode()):
                assert target in assets(), name


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    require(program is not None, f"a browser: {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages() -> Iterator[Served]:
    with served() as found:
        yield found


def opened(browser: Browser, address: str, width: int = PHONE, scheme: Scheme = "light", **options: Any) -> Page:
    """The page, in which nothing may be refused by its policy or fail."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address, wait_until="networkidle")
    assert said == []
    return page


def violations(page: Page) -> list[str]:
    """What axe finds, and contrasts that it can't tell. What is drawn behind words is taken away, before which it can't:
    two thin circles, a dot, a line below."""
    require(AXE.exists(), "axe-core: npm ci --prefix tests/peers")
    page.evaluate(
        """() => {
          const plain = new CSSStyleSheet()
          plain.replaceSync(
            '.rv-next, .rv-page--alone, .utrecht-select { background-image: none !important }'
            + ' *::before, *::after { background: none !important }')
          document.adoptedStyleSheets = [plain]
        }"""
    )
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """async () => {
          const {violations, incomplete} = await axe.run()
          return [...violations, ...incomplete.filter(each => each.id === 'color-contrast')]
        }"""
    )
    return [f"{each['id']}: {node['html'][:120]} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, pages: Served, name: str, width: int, scheme: Scheme
) -> None:
    for language in ("nl", "en"):
        page = opened(browser, f"{pages[0]}/{language}/{name}", width, scheme)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_more_contrast_is_wanted(browser: Browser, pages: Served, scheme: Scheme) -> None:
    page = opened(browser, f"{pages[0]}/nl/gallery", DESKTOP, scheme, contrast="more")
    assert violations(page) == []
    page.context.close()


@pytest.mark.slow
def test_what_is_touched_is_large_enough(browser: Browser, pages: Served) -> None:
    page = opened(browser, f"{pages[0]}/nl/gallery")
    small = page.evaluate(
        """least => [...document.querySelectorAll(
            'button, summary, select, textarea, .nl-button, .rv-option, .rv-bar a, .rv-brand, .rv-tabs a, .rv-entry, '
            + 'input:not([type=hidden], [type=radio], [type=checkbox])')]
          .filter(each => each.checkVisibility())
          .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
          .filter(([, box]) => box.height < least - 0.5 || box.width < least - 0.5)
          .map(([html, box]) => `${html} ${box.width} x ${box.height}`)""",
        TOUCH_PIXELS,
    )
    assert small == []
    page.context.close()


@pytest.mark.slow
def test_the_first_thing_that_the_keyboard_finds_leads_past_the_menu(browser: Browser, pages: Served) -> None:
    page = opened(browser, f"{pages[0]}/en/today", DESKTOP)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("each => each === document.activeElement && each.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


@pytest.mark.slow
def test_the_menus_work_without_scripts(browser: Browser, pages: Served) -> None:
    page = opened(browser, f"{pages[0]}/en/gallery", java_script_enabled=False)
    hidden = page.get_by_role("link", name="Privacy")
    assert not hidden.is_visible()
    page.get_by_text("More", exact=True).click()
    assert hidden.is_visible()
    page.locator(".rv-header summary").click()
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.context.close()


@pytest.mark.slow
def test_with_scripts_a_menu_closes_again_and_errors_come_first(browser: Browser, pages: Served) -> None:
    page = opened(browser, f"{pages[0]}/en/gallery")
    assert page.evaluate("document.activeElement.hasAttribute('data-errors')")
    page.get_by_text("More", exact=True).click()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Privacy").is_visible()
    page.get_by_role("link", name="Kies wie de regie heeft.").click()
    assert page.evaluate("document.activeElement.name") == "lead"
    page.context.close()


@pytest.mark.slow
def test_a_form_that_is_on_its_way_is_not_sent_twice(browser: Browser, pages: Served) -> None:
    address, sent = pages
    page = opened(browser, f"{address}/nl/gallery", DESKTOP)
    page.get_by_role("button", name="We hadden al contact").dblclick()
    page.wait_for_timeout(300)
    assert [path for path, _ in sent].count("/act") == 1
    page.context.close()


@pytest.mark.slow
def test_a_first_visit_is_small_and_brings_its_own_font(browser: Browser, pages: Served) -> None:
    address, sent = pages
    sent.clear()
    page = opened(browser, f"{address}/nl/today")
    assert page.evaluate("document.fonts.check('1rem \"Atkinson Hyperlegible Next\"')")
    assert len(sent) == len({path for path, _ in sent})
    assert sum(size for _, size in sent) <= MAX_FIRST_VISIT_BYTES
    page.context.close()


@pytest.mark.slow
def test_on_paper_there_is_no_menu(browser: Browser, pages: Served) -> None:
    page = opened(browser, f"{pages[0]}/nl/today", DESKTOP)
    page.emulate_media(media="print")
    assert not page.locator("nav").first.is_visible()
    assert page.get_by_role("heading", level=1).is_visible()
    page.context.close()
