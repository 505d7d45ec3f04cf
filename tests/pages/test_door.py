"""Who is let in, and what is refused before any page is made."""

from collections.abc import AsyncIterator

import pytest

from raakvlak_node.access import AccessLog, Result
from raakvlak_node.people import Role
from tests.pages.site import ADDRESS, Site


def test_nobody_who_has_not_signed_in_sees_more_than_the_sign_in(site: Site) -> None:
    answer = site.visit().open("/today")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?back=/today")


def test_another_host_is_not_answered(site: Site) -> None:
    """DNS rebinding: another site's name that leads to this address."""
    assert site.visit().open("/", Host="evil.example").status_code == 421


def test_every_answer_forbids_what_a_page_here_never_does(site: Site) -> None:
    for path in ("/", "/sign-in", "/nothing-here", "/today"):
        headers = site.visit().open(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["strict-transport-security"]
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_another_site_changes_nothing_and_is_written_down(site: Site, headers: dict[str, str]) -> None:
    user = site.user("worker@school.example", Role.CASE_WORKER)
    visitor = site.visit(user)
    before = AccessLog(site.node.store).head().number
    visitor.go("/me")
    token = visitor.form("/sign-out").fields["csrf"]
    assert visitor.post("/sign-out", {"csrf": token}, **headers).status_code == 400
    assert visitor.open("/me").status_code == 200  # still signed in
    refused = [line for line in AccessLog(site.node.store).lines(before, 100) if line.outcome is Result.REFUSED]
    assert [(line.actor.id, line.reason) for line in refused] == [("worker@school.example", "POST /sign-out")]


def test_a_form_without_the_token_of_this_browser_changes_nothing(site: Site) -> None:
    mine, other = site.visit(site.user("a@school.example")), site.visit(site.user("b@school.example"))
    other.go("/me")
    token = other.form("/sign-out").fields["csrf"]
    for given in ([], [""], token):
        assert mine.post("/sign-out", {"csrf": given}).status_code == 400
    assert mine.open("/me").status_code == 200


def test_a_foreign_role_is_refused_and_written_down(site: Site) -> None:
    visitor = site.visit(site.user("officer@school.example", Role.PRIVACY_OFFICER))
    assert visitor.open("/today").status_code == 403
    line = AccessLog(site.node.store).lines(0, 100)[-1]
    assert (line.outcome, line.actor.id, line.reason) == (Result.REFUSED, "officer@school.example", "GET /today")


async def _in_pieces() -> AsyncIterator[bytes]:
    yield b"x"


def test_too_large_a_form_and_one_of_unknown_size_are_not_read(site: Site) -> None:
    visitor = site.visit(site.user("worker@school.example"))
    headers = {"Origin": ADDRESS}
    assert visitor.client.post("/language", content=b"x" * 300_000, headers=headers).status_code == 413
    assert visitor.client.post("/language", content=_in_pieces(), headers=headers).status_code == 411
