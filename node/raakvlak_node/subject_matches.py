"""What a subject-access report tells of matches, and of what was done about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from raakvlak_node import followup, picture
from raakvlak_node.case import Case
from raakvlak_node.followup import Records, Standing
from raakvlak_node.pairs import Known, Pairs
from raakvlak_node.picture import Contact, Entry
from raakvlak_node.subject_facts import Agreement, Match, Signed, Step, Task
from raakvlak_node.subject_person import Person, day_of, marks
from raakvlak_node.workdays import ZONE
from raakvlak_protocol.act import Act, Informed, Pair, Party, Signature
from raakvlak_protocol.relation import MatchKind, Relation


@dataclass(frozen=True, slots=True, repr=False)
class _Found:
    """A match as it lies in the store: `known` is its follow-up where there is one, `contact` what the other told."""

    case: Case
    other: str
    kind: MatchKind
    began: int
    known: Known | None
    contact: Contact | None


class Matches:
    """The matches that a person itself makes: what was found through others in the family is told to those."""

    def __init__(self, person: Person, now: datetime) -> None:
        self._person = person
        self._covenant = person.node.covenant
        self._member = person.node.member.id
        self._pairs = Pairs(person.node.store, person.node.covenant.id)
        self._today = now.astimezone(ZONE).date()

    def told(self) -> tuple[Match, ...]:
        """Those that stand first, in order of own cases."""
        found = [self._match(each) for each in (*self._live(), *self._ended()) if self._person.may_name(each.other)]
        return tuple(sorted(found, key=_order))

    def _live(self) -> Iterator[_Found]:
        for entry in self._entries():
            case, contact, known = self._person.case(entry.own_case), entry.contact, None
            if case is None:
                continue
            if contact is not None:
                pair = Pair.of(Party(self._member, case.reference), Party(entry.other, contact.reference))
                known = self._pairs.known(self._pairs.handle(pair))
            yield _Found(case, entry.other, entry.kind, entry.began, known, contact)

    def _entries(self) -> list[Entry]:
        store, handles = self._person.node.store, self._person.handles
        rows = self._person.run(f"SELECT match_id FROM match WHERE live = 1 AND person IN ({marks(handles)})", *handles)  # noqa: S608
        matches = [found for row in rows if (found := store.match(bytes(row[0]))) is not None]
        return picture.entries(matches, {each.person: store.places(each.person) for each in matches})

    def _ended(self) -> Iterator[_Found]:
        """Of matches that are over nobody knows through whom they were found, but for those on the client itself."""
        for stand in self._person.stands:
            if stand.relation is not Relation.CLIENT:
                continue
            for known in self._pairs.of_case(self._person.node.store.case_handle(stand.case.reference)):
                if known.ended is not None and known.match_kind is MatchKind.CLIENT:
                    other = known.pair.opposite(self._member).member
                    yield _Found(stand.case, other, known.match_kind, known.began, known, None)

    def _match(self, found: _Found) -> Match:
        known, contact = found.known, found.contact
        ended = None if known is None or known.ended is None else day_of(known.ended)
        received = [] if known is not None and known.ended is not None else ["relation"]
        if contact is not None:
            received.append("contact")
        phase = ""
        steps: tuple[Step, ...] = ()
        agreement = None
        if known is not None:
            records = self._pairs.records(known)
            standing = followup.fold(records, self._covenant)
            if any(each.author == found.other for each in records.acts):
                received.append("follow_up")
            if _is_told(standing, records):
                final = standing if ended is None else followup.ended(standing, known.expired)
                phase = str(followup.phase_on(final, self._today))
                steps = tuple(self._steps(standing))
                agreement = self._agreement(standing, records, is_client=self._is_client(found.case))
        return Match(
            found.case.reference,
            self._person.name(found.other),
            str(found.kind),
            day_of(found.began),
            ended,
            None if contact is None else contact.since,
            "" if contact is None else contact.function,
            tuple(received),
            phase,
            steps,
            agreement,
        )

    def _is_client(self, case: Case) -> bool:
        return any(each.case is case and each.relation is Relation.CLIENT for each in self._person.stands)

    def _steps(self, standing: Standing) -> Iterator[Step]:
        for each in standing.steps:
            match each.record:
                case Act() as act if each.counted:
                    yield Step(day_of(act.at), act.kind.name.lower(), self._person.name(act.author))
                case Signature() as signature if each.counted:
                    yield Step(day_of(signature.at), "signed", self._person.name(signature.party.member))

    def _agreement(self, standing: Standing, records: Records, *, is_client: bool) -> Agreement | None:
        """The one in force, else the one that waits for signatures."""
        agreed = records.agreements.get(standing.agreement or standing.proposal or b"")
        if agreed is None:
            return None
        signed = {each.party: day_of(each.at) for each in records.signatures if each.agreement == agreed.hash}
        return Agreement(
            self._person.name(standing.lead or agreed.lead),
            agreed.evaluate_on,
            agreed.parents.name.lower(),
            agreed.youth.name.lower(),
            tuple(
                Signed(self._person.name(party.member), signed.get(party))
                for party in agreed.parties
                if self._person.may_name(party.member)
            ),
            tuple(Task(each.who, each.what, each.by) for each in agreed.tasks) if is_client else (),
        )


def _is_told(standing: Standing, records: Records) -> bool:
    """Whether parents and youth know of the agreements that stand, as far as these say so themselves."""
    current = [records.agreements.get(hash) for hash in (standing.agreement, standing.proposal) if hash]
    return all(each is not None and Informed.NOT_INFORMED not in (each.parents, each.youth) for each in current)


def _order(each: Match) -> tuple[object, ...]:
    involved = each.involved_since or date.min
    return each.ended is not None, each.case_ref, each.since, each.other, involved, each.function, each.phase, len(each.steps)
