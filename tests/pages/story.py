"""A school, a youth team, the police and a coordinator of one covenant, each with pages of its own: for stories that go from
one organisation's page to another's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import httpx

from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.people import Role, User
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation
from tests.pages.site import Forms, Site, Visitor

CHILD, MOTHER, SISTER = "123456782", "999990019", "111222333"
MEMBERS = {"school": "education", "youth-team": "youth_care", "police": "police", "coordinator": "coordinator"}
ILSE, JAN, RUUD, KIM = "ilse@school.example", "jan@youth.example", "ruud@police.example", "kim@cjg.example"


class Story:
    """The federation with its sites; `visit` lets somebody look at the pages of an organisation."""

    def __init__(self, running: Federation) -> None:
        self.running = running
        self.sites = {member: Site(node) for member, node in running.nodes.items()}
        running.nodes.update({member: site.node for member, site in self.sites.items()})
        self.ilse = self.sites["school"].user(ILSE, Role.CASE_WORKER, name="Ilse Quist")
        self.jan = self.sites["youth-team"].user(JAN, Role.CASE_WORKER, name="Jan Maas")
        self.ruud = self.sites["police"].user(RUUD, Role.CASE_WORKER, name="Ruud Bos")
        self.kim = self.sites["coordinator"].user(KIM, Role.COORDINATOR, name="Kim Prins")

    @property
    def today(self) -> date:
        return self.running.nodes["school"].today(self.running.clock())

    def put(self, member: str, reference: str, bsn: str, worker: User, **columns: str) -> None:
        given = {"worker_name": worker.name, "worker_email": worker.email} | columns
        self.running.nodes[member].put_case(case(reference, bsn, **given))

    def match(self) -> None:
        """The school and the youth team know the same child."""
        self.put("school", "S-1", CHILD, self.ilse, parent_bsn_1=MOTHER)
        self.put("youth-team", "J-1", CHILD, self.jan)
        self.running.settle()

    def settle(self) -> None:
        self.running.settle()

    def passes(self, days: int) -> None:
        """Days pass, and everybody's terms are kept."""
        self.running.clock.pass_(days=days)
        self.running.settle()

    def visit(self, member: str, user: User, language: str = "en") -> Visitor:
        return self.sites[member].visit(user, language)

    def found(self, member: str, other: str = "", reference: str = "") -> FollowUp:
        """The one follow-up of a member, or of it with another, or about one of its cases."""
        node = self.running.nodes[member]
        (known,) = [
            each
            for each in node.follow_ups().pairs.all()
            if (not other or other in each.pair.members) and reference in {"", each.pair.party(member).reference}
        ]
        return node.follow_ups().of(known, self.running.clock())

    def path(self, member: str, other: str = "") -> str:
        """Of the page of that follow-up."""
        return f"/follow-ups/{self.found(member, other).known.id}"

    def picture(self, member: str, reference: str) -> str:
        return f"/cases/{self.running.nodes[member].store.case_handle(reference).hex()}"

    def does(self, member: str, user: User, kind: str, other: str = "", **fields: str) -> Visitor:
        """Somebody takes a step at the page of the one follow-up, and the others hear of it."""
        visitor = self.visit(member, user)
        path = self.path(member, other)
        visitor.go(path)
        visitor.done(step(visitor, path, kind, **fields))
        self.settle()
        return visitor

    def agreement(self, **fields: str) -> Mapping[str, str]:
        """What is filled into the form of an agreement."""
        given = {
            "what_0": "talks with the mother every week",
            "by_0": (self.today + timedelta(days=14)).isoformat(),
            "lead": "school",
            "evaluate_on": (self.today + timedelta(days=40)).isoformat(),
            "parents": "agrees",
            "youth": "agrees",
        }
        return given | fields


def step(visitor: Visitor, path: str, kind: str, **fields: str) -> httpx.Response:
    """Sends the form of this kind of step, which must stand on the page."""
    (form,) = [each for each in Forms(visitor.page).forms if each.fields.get("kind") == [kind]]
    assert form.action == f"{path}/acts"
    given = {name: list(values) for name, values in form.fields.items()}
    given |= {f"{kind}_{name}" if name != "seen" else name: [value] for name, value in fields.items()}
    return visitor.post(form.action, given)


@contextmanager
def story(folder: Path) -> Iterator[Story]:
    with federation(folder, make_covenant(members=MEMBERS)) as running:
        yield Story(running)
