"""Six organisations around one family in Zeeland, each with its node, its pages and its people; all of it invented.

Lotte, the client of the school and the youth team, has a mother with debts, a father whom the mental health care treats and
a brother whom the police know.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser

from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.people import Role, Sessions, User
from raakvlak_node.people.account import Accounts
from raakvlak_node.people.passkeys import Relying
from raakvlak_protocol.party.look.words import Language
from raakvlak_protocol.v1 import covenant_pb2
from tests.browser.serving import served
from tests.browser.window import Scheme, Window, window
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation
from tests.pages.site import ADMIN, Site

LOTTE, MOTHER, BROTHER, FATHER = "123456782", "999990019", "111222333", "999990020"
KINDS: Final[Mapping[str, str]] = {
    "school": "education",
    "youth-team": "youth_care",
    "town": "municipality",
    "police": "police",
    "health": "health",
    "cjg": "coordinator",
}
NAMES: Final[Mapping[str, str]] = {
    "school": "De Wissel",
    "youth-team": "Jeugdteam Schouwen",
    "town": "Schuldhulp Oosterschelde",
    "police": "Politie Zeeland",
    "health": "GGZ De Kade",
    "cjg": "CJG Schouwen",
}
PEOPLE: Final[Mapping[str, tuple[tuple[str, str, tuple[Role, ...]], ...]]] = {
    "school": (
        ("fatima", "Fatima Bakker", (Role.CASE_WORKER,)),
        ("wim", "Wim Hoekstra", (Role.TEAM_LEAD,)),
        ("bas", "Bas Verhage", (Role.ADMINISTRATOR,)),
        ("greet", "Greet Lievense", (Role.PRIVACY_OFFICER,)),
        ("mia", "Mia van der Weele", tuple(Role)),
    ),
    "youth-team": (
        ("sanne", "Sanne van den Broek", (Role.CASE_WORKER,)),
        ("joris", "Joris Kooman", (Role.TEAM_LEAD, Role.ADMINISTRATOR)),
        ("hanna", "Hanna Steketee", (Role.PRIVACY_OFFICER,)),
    ),
    "town": (("daan", "Daan Goudswaard", (Role.CASE_WORKER,)),),
    "police": (("ruud", "Ruud Bos", (Role.CASE_WORKER,)),),
    "health": (("marit", "Marit de Jonge", (Role.CASE_WORKER,)),),
    "cjg": (("noor", "Noor de Wit", (Role.COORDINATOR,)),),
}
PHONES: Final = {
    "fatima": "0111-234501",
    "sanne": "0111-234502",
    "daan": "0113-234503",
    "ruud": "0118-234504",
    "marit": "0113-234505",
    "wim": "0111-234506",
}
FUNCTIONS: Final = {
    "fatima": "mentor",
    "sanne": "gezinswerker",
    "daan": "schuldhulpverlener",
    "ruud": "jeugdagent",
    "marit": "behandelaar",
    "wim": "zorgcoördinator",
}


def _named(payload: covenant_pb2.Covenant) -> None:
    payload.index.name = "Index Zeeland"
    for holder, name in zip(payload.key_holders, ("Notariaat Walcheren", "Zeeuwse Bibliotheek", "Waterschap"), strict=True):
        holder.name = name
    for each in payload.members:
        each.name = NAMES[each.id]


class Region:
    """The federation with its pages; `visit` opens somebody's browser. The story's clock is `running.clock`."""

    def __init__(self, browser: Browser, running: Federation, sites: dict[str, Site]) -> None:
        self.browser = browser
        self.running = running
        self.sites = sites
        self.people: dict[str, tuple[str, User]] = {}
        for member, people in PEOPLE.items():
            for email, name, roles in people:
                found = sites[member].user(f"{email}@{member}.example", *roles, name=name)
                self.people[email] = (member, found)

    @property
    def today(self) -> date:
        return self.running.nodes["school"].today(self.running.clock())

    def day(self, days: int) -> str:
        """So many days from today, as a form takes it."""
        return (self.today + timedelta(days=days)).isoformat()

    def put(self, who: str, reference: str, bsn: str, **columns: str) -> None:
        """A case of somebody, as it stands in the administration."""
        member, user = self.people[who]
        given = {"worker_name": user.name, "worker_email": user.email, "worker_phone": PHONES[who], "function": FUNCTIONS[who]}
        self.running.nodes[member].put_case(case(reference, bsn, **(given | columns)))

    def settle(self) -> None:
        self.running.settle()

    def passes(self, days: int) -> None:
        """Days pass, and everybody's terms are kept."""
        self.running.clock.pass_(days=days)
        self.settle()

    def found(self, member: str, other: str, reference: str = "") -> FollowUp:
        """The one follow-up of a member with another; or a coordinator's about it; or the one of this own case."""
        follow_ups = self.running.nodes[member].follow_ups()
        (known,) = [
            each
            for each in follow_ups.pairs.all()
            if other in each.pair.members and (not reference or each.pair.party(member).reference == reference)
        ]
        return follow_ups.of(known, self.running.clock())

    def follow_up(self, member: str, other: str) -> str:
        """The path of its page."""
        return f"/follow-ups/{self.found(member, other).known.id}"

    def picture(self, member: str, reference: str) -> str:
        """The path of the client picture of a case."""
        return f"/cases/{self.running.nodes[member].store.case_handle(reference).hex()}"

    def cookie(self, who: str) -> dict[str, str]:
        """The cookie of a new session of somebody."""
        member, user = self.people[who]
        site = self.sites[member]
        token = Sessions(site.node.store, site.node.random).begin(user.id, "test", self.running.clock())
        return {"name": f"raakvlak-{member}-session", "value": token, "url": self.address(member)}

    def address(self, member: str) -> str:
        pages = self.sites[member].node.settings.pages
        assert pages is not None
        return pages.address

    @contextmanager
    def visit(
        self,
        who: str,
        path: str = "/",
        *,
        language: Language = "nl",
        width: int = 1440,
        scheme: Scheme = "light",
        **options: Any,
    ) -> Iterator[Window]:
        """The browser of somebody who is signed in, on this page."""
        member, _ = self.people[who]
        with window(self.browser, self.address(member), width=width, scheme=scheme, language=language, **options) as opened:
            opened.page.context.add_cookies([self.cookie(who)])  # type: ignore[list-item]
            opened.go(path)
            yield opened


def link(here: Region, who: str) -> str:
    """The path of the link by which somebody comes in for the first time, as an administrator hands it over."""
    member, user = here.people[who]
    node = here.sites[member].node
    relying = Relying("localhost", here.address(member), node.member.name)
    return "/welcome/" + Accounts(node.store, node.random, relying).link(user, ADMIN, here.running.clock())


@contextmanager
def region(browser: Browser, folder: Path, begins: datetime | None = None) -> Iterator[Region]:
    """All of it, running until the context ends. The clock starts at the machine's, or where the story `begins`."""
    with ExitStack() as stack:
        federated = stack.enter_context(federation(folder, make_covenant(members=KINDS, change=_named)))
        federated.clock.now = begins or federated.clock.now
        sites = {member: stack.enter_context(served(node)) for member, node in federated.nodes.items()}
        federated.nodes.update({member: site.node for member, site in sites.items()})
        yield Region(browser, federated, sites)
