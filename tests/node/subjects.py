"""Stories that a subject-access report is made of: invented people, in a federation of school, town and coordinator."""

from datetime import date, timedelta

from raakvlak_node import subject, subject_page
from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.follow_ups import Terms
from raakvlak_node.node import Node
from raakvlak_node.subject_facts import AskedBy, SubjectReport
from raakvlak_node.wording import Language
from raakvlak_protocol.act import ActKind, Informed, Task
from raakvlak_protocol.identifier import Bsn
from tests.federation import Federation, case

CHILD, SISTER, BROTHER, MOTHER = "123456782", "111222333", "999990020", "999990019"
BORN = date(1980, 5, 5)
ASKS = Actor.command("ilse")
LANGUAGES: tuple[Language, ...] = ("nl", "en")


def ask(node: Node, number: str = MOTHER, by: AskedBy = AskedBy.SUBJECT, born: date | None = BORN) -> SubjectReport:
    """The report on a person, the mother where nothing else is said."""
    return subject.report(node, Bsn.parse(number), by, ASKS, node.clock(), birth_date=born)


def everything(report: SubjectReport) -> str:
    """Both pages and the form for machines."""
    return "\n".join([repr(report.record()), *(subject_page.html(report, each) for each in LANGUAGES)])


def looked(node: Node, reference: str, event: Event = Event.READ) -> None:
    with node.store.transaction():
        AccessLog(node.store, node.random).write(Actor.rest("dossier", "Ilse Quist"), event, node.clock(), case=reference)


def mother_of_three(running: Federation) -> None:
    """The mother is a parent in three cases of the school, and a client of the town."""
    school, town = running.nodes["school"], running.nodes["town"]
    for reference, child, born in (("S-1", CHILD, "2015-02-03"), ("S-2", SISTER, "2012-06-07"), ("S-3", BROTHER, "2009-01-30")):
        school.put_case(case(reference, child, birth_date=born, parent_bsn_1=MOTHER, worker_name="Ilse Quist"))
    town.put_case(case("T-1", MOTHER, birth_date=BORN.isoformat(), function="debt counsellor", worker_name="Jan Maas"))
    running.settle()


def follow(running: Federation, reference: str, parents: Informed = Informed.AGREES) -> None:
    """School and town talk about a case of the school, and agree."""
    now = running.clock()
    school, town = running.nodes["school"], running.nodes["town"]
    (known,) = [each for each in school.follow_ups().pairs.all() if each.pair.party("school").reference == reference]
    today = school.today(now)
    school.follow_ups().act(known.id, ActKind.CONTACTED, ASKS, now, day=today)
    because = "" if parents is not Informed.NOT_INFORMED else "the child is not safe"
    task = Task("mentor", "talks with the family", today + timedelta(days=7))
    terms = Terms("school", (task,), today + timedelta(days=40), parents, Informed.AGREES, because)
    school.follow_ups().propose([known.id], terms, ASKS, now)
    running.settle()
    (theirs,) = [each for each in town.follow_ups().pairs.all() if each.pair.party("school").reference == reference]
    town.follow_ups().sign(theirs.id, ASKS, running.clock())
    running.settle()
