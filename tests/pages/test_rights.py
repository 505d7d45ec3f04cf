"""The table role × page × act, whole: whatever it allows is answered, whatever it does not is refused, changes nothing and
is written down once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raakvlak_node import pages
from raakvlak_node.access import AccessLog, Result
from raakvlak_node.pages import roles_page
from raakvlak_node.pages.rights import RIGHTS, Act
from raakvlak_node.people import Role
from tests.pages.filled import COORDINATOR, SCHOOL, Filled, allowed, filled

EVERYWHERE = [(SCHOOL, name) for name in (*map(str, Role), "two")] + [(COORDINATOR, "coordinator"), (COORDINATOR, "two")]
"""Who asks where: everybody at a school, and those who coordinate at the organisation that does."""
NOT_AT_A_COORDINATOR = ("{case}", "/questions/", "{objection}", "/import/{job}")
"""What a coordinator's own organisation has none of: no client is its own."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("rights")) as made:
        yield made


def test_the_table_is_of_the_routes_that_there_are() -> None:
    assert pages.acts() == set(RIGHTS)


def test_the_document_is_that_of_the_table() -> None:
    document = Path(__file__).parents[2] / "docs/roles.md"
    assert document.read_text(encoding="utf-8") == roles_page.page(), "make roles"


def test_a_page_that_shows_and_the_act_on_it_are_for_the_same_roles() -> None:
    """Nobody does what he may not look at first."""
    for (method, path), roles in RIGHTS.items():
        if method == "POST" and ("GET", path) in RIGHTS:
            assert RIGHTS["GET", path] == roles, path


@pytest.mark.parametrize("act", RIGHTS, ids=" ".join)
def test_who_may(house: Filled, act: Act) -> None:
    """An allowed request is answered with a page, or leads to one: never "not for you", "not here" or "went wrong"."""
    for member, name in EVERYWHERE:
        if not allowed(act, house.users[member, name].roles) or not _there(act, member, name):
            continue
        answer = house.ask(member, house.visit(member, name), act)
        house.quiet(member)
        assert answer.status_code in {200, 303, 409, 422}, (member, name, answer.status_code)
        if answer.status_code == 303:
            assert not answer.headers["location"].startswith("/sign-in?"), name


def _there(act: Act, member: str, name: str) -> bool:
    """Whether what the path names is this user's to open: what is before a coordinator is at its own node."""
    method, path = act
    if member == SCHOOL:
        looks_alone = name == Role.COORDINATOR and method == "POST" and path.startswith("/follow-ups/")
        return not looks_alone and not path.startswith("/desk/matches/")
    return not any(each in path for each in NOT_AT_A_COORDINATOR)


@pytest.mark.parametrize("act", RIGHTS, ids=" ".join)
def test_who_may_not(house: Filled, act: Act) -> None:
    for member, name in EVERYWHERE:
        user = house.users[member, name]
        if allowed(act, user.roles):
            continue
        visitor = house.visit(member, name)
        stored, lines = house.stored(member), house.lines(member)
        assert house.ask(member, visitor, act).status_code == 403, (member, name)
        assert house.stored(member) == stored, name
        written = AccessLog(house.site(member).node.store).lines(lines, 100)
        assert [(each.outcome, each.actor.id, each.case, each.reason) for each in written] == [
            (Result.REFUSED, user.email, "", " ".join(act))
        ]


@pytest.mark.parametrize("act", [each for each in RIGHTS if RIGHTS[each] is not None], ids=" ".join)
def test_who_has_not_signed_in_may_nothing(house: Filled, act: Act) -> None:
    visitor = house.visit(SCHOOL, "nobody")
    house.token(SCHOOL, visitor)
    stored, lines = house.stored(SCHOOL), house.lines(SCHOOL)
    answer = house.ask(SCHOOL, visitor, act)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    assert house.stored(SCHOOL) == stored and house.lines(SCHOOL) == lines


def test_every_name_of_a_role_is_tested() -> None:
    """The one with two roles opens what either of them may, and nothing else."""
    assert {role for wanted in RIGHTS.values() for role in wanted or ()} == set(Role)
