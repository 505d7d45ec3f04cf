"""A family in the middle of it: five organisations around Lotte, her brother and her parents, each at another step; and what
else a day brings to the desks of the region. Invented, and believable."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from raakvlak_node.access import Actor
from raakvlak_node.follow_ups import Terms
from raakvlak_node.mediating import Mediating
from raakvlak_node.people import People
from raakvlak_protocol.act import ActKind, Informed, Task
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.party.look.words import Language
from tests.browser.region import BROTHER, FATHER, LOTTE, MOTHER, Region, link
from tests.browser.window import Window, window
from tests.pages.site import ADMIN

CASES: Final = {"school": "2026-014", "youth-team": "J-88", "town": "S-31", "police": "P-412", "health": "G-203"}
"""Those of the family."""
ADULT: Final = {"birth_date": "1984-05-05"}
CASELOAD: Final = """case_ref,bsn,birth_date,parent_bsn_1,function,worker_name,worker_phone,worker_email,since
2026-031,{0},2011-03-14,{1},mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-01-05
2026-032,{2},2012-09-02,,mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-02-31
2026-033,123456789,2010-11-20,,mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-03-02
2026-034,{3},2009-06-30,,zorgcoördinator,Fatima Bakker,,,2026-03-09
2026-035,{4},2013-01-17,,mentor,Fatima Bakker,0111-234501,fatima@school.example,2026-04-13
"""


def number(nth: int) -> str:
    """A number that passes the 11-proof, of nobody: the nth after those that no office gives out."""
    found = [each for each in range(999_990_100, 999_999_999) if _passes(each)]
    return str(found[nth])


def _passes(number: int) -> bool:
    digits = [int(each) for each in str(number)]
    return sum(weight * digit for weight, digit in zip((9, 8, 7, 6, 5, 4, 3, 2, -1), digits, strict=True)) % 11 == 0


class Evening:
    """The region with what happened in it; `paths` fills the holes of the paths of pages."""

    def __init__(self, here: Region) -> None:
        self.here = here
        self.paths: dict[str, dict[str, str]] = {}

    @contextmanager
    def opened(self, who: str, path: str, language: Language) -> Iterator[Window]:
        """The page of a route in somebody's browser; nobody's where `who` is empty."""
        if who:
            member, _ = self.here.people[who]
            with self.here.visit(who, path_of(path, self.paths[member]), language=language) as opened:
                yield opened
        else:
            with window(self.here.browser, self.here.address("school"), language=language) as opened:
                opened.go(path_of(path, self.paths["school"]))
                yield opened

    def does(self, who: str, other: str, kind: ActKind, text: str = "", **fields: object) -> None:
        """A step in the follow-up about Lotte's family with another organisation."""
        member, user = self.here.people[who]
        found = self.here.found(member, other, CASES[member])
        actor, now = Actor.page(user.email, "case-worker"), self.here.running.clock()
        self.here.running.nodes[member].follow_ups().act(found.known.id, kind, actor, now, text=text, **fields)  # type: ignore[arg-type]

    def agree(self) -> None:
        """The school proposes to the youth team, which signs."""
        here = self.here
        tasks = (
            Task("Sanne van den Broek (Jeugdteam Schouwen)", "komt elke dinsdag thuis langs", here.today + timedelta(days=30)),
            Task("Fatima Bakker (De Wissel)", "regelt een vaste plek om huiswerk te maken", here.today + timedelta(days=32)),
        )
        terms = Terms("youth-team", tasks, here.today + timedelta(days=35), Informed.AGREES, Informed.AGREES)
        for who, other in (("fatima", "youth-team"), ("sanne", "school")):
            member, user = here.people[who]
            follow_ups, actor = here.running.nodes[member].follow_ups(), Actor.page(user.email, "case-worker")
            id = here.found(member, other, CASES[member]).known.id
            if who == "fatima":
                follow_ups.propose([id], terms, actor, here.running.clock())
            else:
                follow_ups.sign(id, actor, here.running.clock())
            here.settle()


def earlier_matches(here: Region) -> None:
    """Four months in which the school and others found each other, and went further or not."""
    school = here.running.nodes["school"]
    for month, count in enumerate((2, 4, 3, 5)):
        for nth in range(count):
            bsn, reference = number(20 + 10 * month + nth), f"{2026}-0{40 + 10 * month + nth}"
            here.put("wim", reference, bsn)
            here.put("sanne" if nth % 3 else "daan", f"M-{month}{nth}", bsn, **(ADULT if nth % 3 == 0 else {}))
        here.settle()
        follow_ups, actor = school.follow_ups(), Actor.page("wim@school.example", "team-lead")
        here.running.clock.pass_(days=3)
        for nth, known in enumerate(follow_ups.pairs.all()):
            found = follow_ups.of(known, here.running.clock())
            if "contacted" in found.allowed and not found.standing.steps and nth % 4:
                kind = ActKind.CONTACTED if nth % 3 else ActKind.ALREADY_IN_CONTACT
                day = {"day": school.today(here.running.clock())} if kind is ActKind.CONTACTED else {}
                follow_ups.act(known.id, kind, actor, here.running.clock(), **day)  # type: ignore[arg-type]
        here.settle()
        here.passes(27)


def lottes_family(here: Region) -> Evening:
    """The school sees them all: with the youth team it agreed, with the help for debts it is in contact, of the police it
    hears today, and with the mental health care it is stuck."""
    evening = Evening(here)
    here.put("fatima", "2026-014", LOTTE, parent_bsn_1=MOTHER, parent_bsn_2=FATHER, sibling_bsns=BROTHER)
    here.put("sanne", "J-88", LOTTE)
    here.put("marit", "G-203", FATHER, **ADULT)
    here.settle()
    evening.does("fatima", "health", ActKind.ACKNOWLEDGED)
    evening.does("fatima", "youth-team", ActKind.CONTACTED, "Gebeld met Sanne; moeder wist ervan.", day=here.today)
    here.settle()
    here.passes(4)
    evening.agree()
    here.passes(17)
    here.put("daan", "S-31", MOTHER, **ADULT)
    here.settle()
    here.passes(6)
    evening.does("fatima", "town", ActKind.ACKNOWLEDGED)
    here.settle()
    here.passes(2)
    evening.does("daan", "school", ActKind.CONTACTED, "Fatima gesproken; we zitten vrijdag bij elkaar.", day=here.today)
    here.settle()
    here.passes(3)
    here.put("ruud", "P-412", BROTHER)
    here.settle()
    return evening


def desks(evening: Evening) -> None:
    """What else lies about: a confidential case and a question about it, objections, a team."""
    here = evening.here
    nodes, now = here.running.nodes, here.running.clock
    here.put("fatima", "2026-027", number(1), confidential="yes")
    here.put("daan", "S-35", number(1), **ADULT)
    here.put("ruud", "P-420", number(2), confidential="yes")
    here.put("sanne", "J-90", number(2))
    here.put("fatima", "2026-019", number(3))
    here.put("fatima", "2026-021", number(4), parent_bsn_1=number(5))
    here.settle()
    desk, noor = Mediating(nodes["cjg"]), Actor.page("noor@cjg.example", "coordinator")
    heard = {frozenset({each.mediation.one, each.mediation.other}): each for each in desk.matches()}
    question = "Er is nog iemand bij dit gezin betrokken. Mag die weten dat jij het ook bent?"
    asked = heard[frozenset({"school", "town"})]
    desk.ask(asked.id, "school", "Noor de Wit", "0111-234500", "noor@cjg.example", question, noor, now())
    here.settle()
    standing, greet = nodes["school"].standing(), Actor.page("greet@school.example", "privacy-officer")
    first = standing.object(Bsn.parse(number(4)), "Moeder wil dit niet.", here.today, greet, now())
    standing.decide(first.id, upheld=False, because="Het belang van het kind weegt hier zwaarder.", actor=greet, now=now())
    second = standing.object(Bsn.parse(number(3)), "Vader wil weten waarom, en tekent bezwaar aan.", here.today, greet, now())
    people = People(here.sites["school"].node.store, here.sites["school"].node.random)
    team = people.add_team("Onderbouw", "onderbouw@school.example", ADMIN, now())
    _, wim = here.people["wim"]
    wim = people.change_user(wim.id, wim.changed, teams=[team.id], actor=ADMIN, now=now())
    _, fatima = here.people["fatima"]
    people.change_user(fatima.id, fatima.changed, teams=[team.id], actor=ADMIN, now=now())
    here.settle()
    lotte = here.picture("school", "2026-014").rpartition("/")[2]
    shared = {
        "case": lotte,
        "follow_up": here.found("school", "town", CASES["school"]).known.id,
        "objection": second.id,
        "user": wim.id,
        "team": team.id,
    }
    evening.paths = {member: dict(shared) for member in nodes}
    evening.paths["school"] |= {
        "new": here.found("school", "police", CASES["school"]).known.id,
        "agreed": here.found("school", "youth-team", CASES["school"]).known.id,
        "stuck": here.found("school", "health", CASES["school"]).known.id,
        "alone": here.picture("school", "2026-021").rpartition("/")[2],
        "hidden": here.picture("school", "2026-027").rpartition("/")[2],
    }
    evening.paths["cjg"] |= {"follow_up": here.found("cjg", "health").known.id, "match": asked.id}


def begun(here: Region, folder: Path) -> Evening:
    """All of it, with two caseload files: one that waits and one that is imported."""
    evening = lottes_family(here)
    desks(evening)
    jobs = {}
    for name in ("job", "done"):
        with here.visit("bas", "/import", language="en") as opened:
            opened.page.locator("[name=file]").set_input_files(caseload(folder))
            opened.press("Look through it")
            opened.lands("/import/*")
            opened.sees("Rows that were not taken")
            jobs[name] = opened.path.rpartition("/")[2]
            if name == "done":
                opened.press("Import 2 cases")
                opened.sees("The caseload is imported")
    here.settle()
    evening.paths["school"] |= jobs | {"token": link(here, "wim").rpartition("/")[2]}
    return evening


def caseload(folder: Path) -> Path:
    """A file of which some rows are not taken."""
    path = folder / "leerlingen-november.csv"
    path.write_text(CASELOAD.format(*(number(nth) for nth in (300, 301, 302, 303, 304))))
    return path


def path_of(path: str, holes: Mapping[str, str]) -> str:
    """A route's path with its holes filled; KeyError where the story has nothing for one."""
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace("{" + name + "}", holes[name])
    return path
