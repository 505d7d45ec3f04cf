"""Somebody's browser, which notes all that should never happen: messages on the console, errors of a script, what a policy
refused, what could not be had, dialogs, answers that say that the program failed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, Response, ViewportSize, expect

from raakvlak_node.pages import PACKAGE
from raakvlak_protocol.party.look import look
from raakvlak_protocol.party.look.words import Language
from tests.require import require

AXE: Final = Path(__file__).parents[1] / "peers/node_modules/axe-core/axe.min.js"
DRAWN: Final = Path(__file__).with_name("drawn.js")
RULES: Final = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
PHONE, DESKTOP = 360, 1440
HEIGHTS: Final[Mapping[int, int]] = {PHONE: 780, DESKTOP: 900}
WAIT_MILLISECONDS: Final = 10_000
Scheme = Literal["light", "dark"]

# The browser's lines about an answer that is an error, which is judged by its status; and that it did as it was told.
_ANSWERED: Final = "Failed to load resource: the server responded with a status of"
_CLEARED: Final = "Clear-Site-Data header on "
# What axe can't tell from what stands behind words: two thin circles, a dot, a line below. Nothing else is taken away.
_PLAIN: Final = """() => {
  const plain = new CSSStyleSheet()
  plain.replaceSync('.rv-next, .rv-page--alone, .utrecht-select { background-image: none !important }'
    + ' *::before, *::after { background: none !important }')
  document.adoptedStyleSheets = [plain]
}"""


class Window:
    """A page in a browser context of its own. `faults` are what was noted; `sizes` bytes on the wire by path. What is
    pressed, opened and seen is named by its English words, and looked for in the language of the browser."""

    def __init__(self, page: Page, address: str, language: Language) -> None:
        self.page = page
        self.words = look(PACKAGE).words(language)
        self.address = address
        self.also: tuple[str, ...] = ()
        """Other addresses to which the pages may lead."""
        self.faults: list[str] = []
        self.sizes: dict[str, int] = {}
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", self._dialog)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("requestfinished", self._finished)

    # --- what is noted ------------------------------------------------------------------------------------------------

    def _console(self, message: ConsoleMessage) -> None:
        if not message.text.startswith((_ANSWERED, _CLEARED)):
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _failed(self, request: Request) -> None:
        # A page that one leaves breaks off what it still asked for, and a download what was to be a page.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        kind = response.request.resource_type
        if response.status >= 500 or (response.status >= 400 and kind not in {"document", "fetch", "xhr"}):
            self.faults.append(f"{response.status}: {response.request.method} {response.url}")
        if not response.url.startswith((self.address, *self.also)):
            self.faults.append(f"elsewhere: {response.url}")

    def _finished(self, request: Request) -> None:
        path = urlsplit(request.url).path
        sizes = request.sizes()
        self.sizes[path] = self.sizes.get(path, 0) + sizes["responseBodySize"] + sizes["responseHeadersSize"]

    # --- what people do -----------------------------------------------------------------------------------------------

    def go(self, path: str) -> None:
        self.page.goto(self.address + path if path.startswith("/") else path)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def lands(self, path: str) -> None:
        """Waits until this is the page, by its own or by its beginning with a star behind it."""
        begins = path.removesuffix("*")
        self.page.wait_for_url(
            lambda url: urlsplit(url).path == path or (begins != path and urlsplit(url).path.startswith(begins))
        )

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    def press(self, what: str, **values: Any) -> None:
        """The button or link of this name within the page."""
        name = self.words(what, **values)
        found = self.main.get_by_role("button", name=name, exact=True).or_(self.main.get_by_role("link", name=name, exact=True))
        found.first.click()

    def open(self, summary: str) -> Locator:
        """What folds out under these words."""
        found = self.main.locator("details", has=self.page.locator("summary", has_text=self.words(summary))).last
        if found.get_attribute("open") is None:
            found.locator("summary").first.click()
        return found

    def leave(self) -> None:
        """Signs out."""
        self.page.locator(".rv-header summary").click()
        self.page.get_by_role("button", name=self.words("Sign out"), exact=True).click()
        self.lands("/sign-in")

    def fill(self, **fields: str) -> None:
        """Types into the fields of these names; a radio or a choice is chosen by its value."""
        fill(self.main, **fields)

    def sees(self, *texts: str) -> None:
        """All of these stand on the page, and can be seen."""
        for text in texts:
            expect(self.main.get_by_text(self.words(text)).filter(visible=True).first).to_be_visible(timeout=WAIT_MILLISECONDS)

    def misses(self, *texts: str) -> None:
        """None of these stands anywhere on the page."""
        for text in texts:
            expect(self.page.get_by_text(self.words(text))).to_have_count(0)

    # --- what is judged -----------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Nothing may have been noted since the last time."""
        found, self.faults = self.faults, []
        assert found == [], (self.page.url, found)

    def violations(self, rules: Mapping[str, Any] = RULES) -> list[str]:
        """What axe finds by these rules, and contrasts that it can't tell; those of words in a drawing are measured here."""
        require(AXE.exists(), "axe-core: npm ci --prefix tests/peers")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_PLAIN)
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            """async rules => {
              const {violations, incomplete} = await axe.run({runOnly: rules, resultTypes: ['violations', 'incomplete']})
              return [...violations, ...incomplete.filter(each => each.id === 'color-contrast')]
            }""",
            dict(rules),
        )
        nodes = [(each["id"], node["html"], node["failureSummary"]) for each in found for node in each["nodes"]]
        seen = [f"{id}: {html[:160]} {why}" for id, html, why in nodes if not html.startswith("<text ")]
        return seen + [str(each) for each in self.page.evaluate(DRAWN.read_text())]

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})

    def too_wide(self) -> int:
        """By how many pixels the page must be moved sideways to be read."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def fill(within: Locator, **fields: str) -> None:
    """The same, in one form among several."""
    for name, value in fields.items():
        field = within.locator(f'[name="{name}"]').first
        kind = field.evaluate("each => each.tagName === 'SELECT' ? 'select' : each.type")
        if kind == "radio":
            within.locator(f'[name="{name}"][value="{value}"]').check()
        elif kind == "checkbox":
            field.set_checked(value == "yes")
        elif kind == "select":
            field.select_option(value)
        else:
            field.fill(value)


@contextmanager
def window(
    browser: Browser, address: str, *, width: int = DESKTOP, scheme: Scheme = "light", language: Language = "nl", **options: Any
) -> Iterator[Window]:
    """A browser of somebody who comes for the first time; at the end nothing may have been noted in it."""
    size: ViewportSize = {"width": width, "height": HEIGHTS[width]}
    # Dates are typed as in the browser's own language; movement would only make tests wait.
    context = browser.new_context(
        viewport=size, color_scheme=scheme, locale={"nl": "nl-NL", "en": "en-GB"}[language], timezone_id="Europe/Amsterdam",
        reduced_motion="reduce", **options,
    )  # fmt: skip
    try:
        opened = Window(context.new_page(), address, language)
        try:
            yield opened
        except BaseException:
            print(opened.page.url, opened.main.all_inner_texts(), opened.faults)
            raise
        opened.judge()
    finally:
        context.close()
