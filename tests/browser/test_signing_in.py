"""Signing in, in a browser: a passkey of a virtual device, a password with an app's code, the organisation's own account."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, Page

from raakvlak_node.people import People
from raakvlak_node.people.account import LINK_SECONDS
from raakvlak_protocol.party.look.words import Language
from tests.browser.region import Region, link
from tests.browser.serving import served
from tests.browser.window import Window, window
from tests.oidc_provider import FATIMA, Provider, providing, settings_for
from tests.pages.site import Site

pytestmark = pytest.mark.slow

PASSWORD = "vier woorden bij elkaar"


def device(page: Page) -> CDPSession:
    """A device with a fingerprint reader that always knows its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


@contextmanager
def guest(here: Region, member: str, language: Language = "nl") -> Iterator[Window]:
    """The browser of somebody who has not signed in."""
    with window(here.browser, here.address(member), language=language) as opened:
        yield opened


def test_the_first_time_one_makes_a_passkey_and_from_then_on_signs_in_with_it(here: Region) -> None:
    path = link(here, "sanne")
    with guest(here, "youth-team") as opened:
        device(opened.page)
        opened.go(path)
        opened.page.get_by_label(opened.words("What do you call this device?")).fill("Telefoon van Sanne")
        opened.press("Make a passkey")
        opened.lands("/today")
        opened.go("/me")
        opened.sees("Telefoon van Sanne")
        opened.leave()
        # The browser offers the passkey by itself as soon as the page is there, and this device's owner takes it.
        opened.lands("/today")
        # In a browser that offers none, one asks for it. (Before leaving: else this one would be in again at once.)
        opened.page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
        opened.leave()
        opened.press("Sign in with a passkey")
        opened.lands("/today")
        opened.go(path)
        assert opened.page.get_by_role("heading", level=1).inner_text() == opened.words("This link is over")


def test_a_page_whose_form_is_no_longer_ours_says_in_plain_words_that_it_did_not_work(here: Region) -> None:
    """As where one has signed in meanwhile in another tab: the answer is a page, and no news for a script."""
    with guest(here, "youth-team") as opened:
        device(opened.page)
        opened.page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
        opened.go("/sign-in")
        opened.page.context.clear_cookies()
        opened.press("Sign in with a passkey")
        opened.sees("That did not work. Try again, or sign in with your password.")


def test_a_password_goes_with_the_code_of_an_app(here: Region) -> None:
    path = link(here, "fatima")
    with guest(here, "school") as opened:
        opened.go(path)
        secret = (opened.main.locator("details code").text_content() or "").replace(" ", "")
        app = pyotp.TOTP(secret)
        opened.fill(password="short", code="000000")
        opened.press("Sign in with these")
        opened.sees(opened.words("Take at least %(count)s characters. A few words together are easy to remember.", count=12))
        opened.fill(password=PASSWORD, code=app.at(here.running.clock()))
        opened.press("Sign in with these")
        assert opened.main.locator("li code").count() >= 8
        recovery = opened.main.locator("li code").first.inner_text()
        opened.press("I have kept them")
        opened.lands("/today")
    here.running.clock.pass_(minutes=2)
    with guest(here, "school") as opened:
        opened.go("/me")
        assert opened.path == "/sign-in"
        opened.fill(email="fatima@school.example", password="not the right one at all")
        opened.press("Next")
        opened.sees("The address or the password is not right.")
        assert opened.page.locator("[name=email]").input_value() == "fatima@school.example"
        assert opened.page.locator("[name=password]").input_value() == ""
        opened.fill(password=PASSWORD)
        opened.press("Next")
        opened.fill(code="000000")
        opened.press("Sign in")
        opened.sees("This code is not right, or was used before. Wait for the next one.")
        opened.fill(code=app.at(here.running.clock()))
        opened.press("Sign in")
        opened.lands("/me")
    with guest(here, "school") as opened:
        opened.go("/sign-in")
        opened.fill(email="fatima@school.example", password=PASSWORD)
        opened.press("Next")
        opened.fill(code=app.at(here.running.clock()))
        opened.press("Sign in")
        opened.sees("This code is not right, or was used before. Wait for the next one.")
        opened.fill(code=recovery)
        opened.press("Sign in")
        opened.lands("/today")


def test_a_link_that_is_too_old_lets_nobody_in(here: Region) -> None:
    path = link(here, "wim")
    here.running.clock.pass_(seconds=LINK_SECONDS + 1)
    with guest(here, "school") as opened:
        opened.go(path)
        opened.sees("This link is over")
        opened.go("/today")
        assert opened.path == "/sign-in"


@pytest.fixture
def own_account(here: Region, tmp_path: Path) -> Iterator[tuple[Site, Provider]]:
    """The school with an OpenID provider of its own."""
    node = here.running.nodes["school"].reopened()
    with providing() as provider, served(node, lambda _: settings_for(provider, tmp_path)) as site:
        assert site.node.settings.pages is not None
        provider.backs.append(f"{site.node.settings.pages.address}/sign-in/organisation/back")
        provider.now = node.clock
        yield site, provider
    node.close()


def test_the_organisations_own_account_lets_in_who_is_a_user_here(
    browser: Browser, here: Region, own_account: tuple[Site, Provider]
) -> None:
    site, provider = own_account
    assert site.node.settings.pages is not None
    assert People(site.node.store, site.node.random).by_email(FATIMA.email) is not None
    with window(browser, site.node.settings.pages.address) as opened:
        opened.also = (provider.issuer,)
        opened.go("/today")
        opened.press("Sign in with %(name)s", name="School account")
        opened.lands("/authorize")
        opened.page.get_by_label("User name").fill(FATIMA.username)
        opened.page.get_by_label("Password").fill(FATIMA.password)
        opened.page.get_by_role("button", name="Sign in").click()
        opened.lands("/today")
        opened.leave()
        opened.press("Sign in with %(name)s", name="School account")
        opened.page.get_by_role("button", name="Cancel").click()
        opened.lands("/sign-in/organisation/back")
        opened.go("/today")
        assert opened.path == "/sign-in"
