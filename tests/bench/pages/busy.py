"""A node as it stands after two years of work, made through the store's own verbs: cases of workers in teams, matches
with proofs, cards and follow-ups in every phase, what left, and who looked at what.

Opened like any other node: its secrets are sealed, its certificate and covenant lie beside them.
"""

import json
import os
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from raakvlak_node.access import AccessLog, Actor, Event, Kind
from raakvlak_node.case import Case, parse
from raakvlak_node.desk import Desk
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, STORE, VAULT_KEY, Node, open_node
from raakvlak_node.pairs import Pairs
from raakvlak_node.people import People, Role
from raakvlak_node.publish import CHUNK_ITEMS
from raakvlak_node.store import InFlight, Store
from raakvlak_node.tokens import Stance
from raakvlak_node.vault import Vault
from raakvlak_protocol.act import Pair, Party
from raakvlak_protocol.follow_up_content import Ask
from raakvlak_protocol.identifier import NAMESPACES
from raakvlak_protocol.letter_content import CardCase, Proof, encode_card, encode_proof
from raakvlak_protocol.party import membership, sealed
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of
from raakvlak_protocol.token import Token, TokenKeys
from raakvlak_protocol.v1 import index_pb2
from tests.bench.measure import talk
from tests.bench.pages.course import DAYS, Course, Told, tell
from tests.covenants import Sandbox, make_covenant
from tests.node.rows import bsn

OWN: Final = "own"
COORDINATOR: Final = "coordinator"
OTHERS: Final[Mapping[str, str]] = {
    "school-a": "education", "school-b": "education", "town-a": "municipality", "town-b": "municipality",
    "police": "police", "justice": "justice", "care-a": "youth_care", "care-b": "youth_care", "health": "health",
}  # fmt: skip
AROUND: Final = (1, 3, 8)
"""Of cases with so many organisations around them the pictures are measured."""
STAFF: Final = 250
"""Case workers, at every size: a list of them grows with the staff, not with the cases."""
WORKER_CASES: Final = 200
TEAM: Final = 8
CHUNK: Final = 1_000
LOG_LINES: Final = 2
"""Lines in the access log for each case."""
QUESTIONS: Final = 20
OBJECTIONS: Final = 40
EPOCH: Final = 1
ROOT: Final = Actor.command("root")


@dataclass(frozen=True)
class Size:
    """How many cases, and how many live matches."""

    cases: int
    matches: int


def covenant() -> Sandbox:
    """A region of ten organisations with a coordinator."""
    return make_covenant(members={OWN: "youth_care", **OTHERS, COORDINATOR: "coordinator"})


def email(worker: int) -> str:
    return f"worker{worker}@care.example"


def make(sandbox: Sandbox, path: Path, size: Size, address: str) -> None:
    """A node in the folder, which must not be there; `address` is host:port of its pages."""
    _found(sandbox, path, address)
    node = open_node(path)
    try:
        # What is made here need not outlive a crash of the machine.
        node.store.database.execute("PRAGMA synchronous = OFF")
        Busy(node, sandbox, size).fill()
        node.store.database.execute("PRAGMA optimize")
        node.store.fold()
    finally:
        node.close()


def _found(sandbox: Sandbox, path: Path, address: str) -> None:
    path.mkdir(parents=True)
    folder, identity = Folder(path), sandbox.member(OWN)
    key_file = path.parent / f"{path.name}.key"
    sealed.new_key_file(key_file)
    own = {"covenant": sandbox.payload.id, "id": OWN, "index": "127.0.0.1:1", "key_file": str(key_file)}
    holders = {f"keyholder-{share}": "127.0.0.1:1" for share in (1, 2, 3)}
    folder.settings.write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in own.items())
        + "[key_holders]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in holders.items())
        + f'[rest]\nlisten = "{address}"\n[pages]\naddress = "http://localhost:{address.rpartition(":")[2]}"\n'
    )  # fmt: skip
    tomllib.loads(folder.settings.read_text())
    credentials, vault_key = sandbox.credentials(identity), os.urandom(32)
    secrets = {
        membership.TLS_KEY: credentials.key.reveal(),
        SIGNING_SEED: sandbox.signing_seeds[OWN].reveal(),
        LETTER_SECRET: sandbox.letter_secrets[OWN].reveal(),
        VAULT_KEY: vault_key,
    }
    content = json.dumps({name: value.hex() for name, value in secrets.items()}).encode()
    sealed.seal(folder.secrets, content, sealed.KeyFile(key_file), label=f"secrets {identity.dns_name}")
    folder.certificate.write_bytes(credentials.certificate)
    folder.covenant.write_bytes(sandbox.file)
    folder.pin.write_bytes(sandbox.pin.hex().encode() + b"\n")
    Store(path / STORE, Vault(SecretBytes(vault_key), os.urandom), create=True).close()


class Busy:
    """Fills the store. Everything but keys is the same for the same size."""

    def __init__(self, node: Node, sandbox: Sandbox, size: Size) -> None:
        self._node = node
        self._store = node.store
        self._size = size
        self._seeds = sandbox.signing_seeds
        self._random = random.Random(size.cases)
        self._now = node.clock()
        self._workers = max(TEAM, size.cases // WORKER_CASES)
        self._log = AccessLog(node.store, os.urandom)

    def fill(self) -> None:
        steps = (
            self._people, self._cases, self._rows, self._matches, self._questions, self._objections, self._views, self._settled,
        )  # fmt: skip
        for step in steps:
            talk(f"  {self._size.cases:,} cases: {step.__name__.strip('_')}")
            step()

    def _chunks(self, count: int) -> Iterator[range]:
        """Numbers below `count`, so many in one transaction."""
        for first in range(0, count, CHUNK):
            with self._store.transaction():
                yield range(first, min(first + CHUNK, count))

    # --- who works here -----------------------------------------------------------------------------------------------

    def _people(self) -> None:
        people, now = People(self._store, os.urandom), self._now - timedelta(days=700)
        with self._store.transaction():
            teams = [
                people.add_team(f"Team {number}", f"team{number}@care.example", ROOT, now).id
                for number in range(-(-STAFF // TEAM))
            ]
            for worker in range(STAFF):
                team = teams[worker // TEAM]
                people.add_user(f"Worker {worker}", email(worker), [Role.CASE_WORKER], [team], "nl", ROOT, now)
            for role in Role:
                # The lead of a team has no cases of its own; nor have the others.
                members = teams[:1] if role is Role.TEAM_LEAD else []
                people.add_user(str(role).title(), f"{role}@care.example", [role], members, "nl", ROOT, now)

    # --- cases, and what of them stands at the index ------------------------------------------------------------------

    def _cases(self) -> None:
        standing = self._node.standing()
        for chunk in self._chunks(self._size.cases):
            for number in chunk:
                moment = self._now - timedelta(days=(self._size.cases - number) * 660 / self._size.cases, minutes=5)
                standing.put(self._case(number), moment)

    def _case(self, number: int) -> Case:
        """One in five has a brother or sister with a case of its own, at the same address."""
        worker, household = number % self._workers, number - number % 5 % 2
        place = household * 5
        columns = {
            "case_ref": reference(number),
            "bsn": bsn(number * 5 + 3),
            "birth_date": f"{2008 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}",
            "parent_bsn_1": bsn(place + 1),
            "parent_bsn_2": bsn(place + 2) if number % 3 else "",
            "sibling_bsns": bsn(place + 4) if number % 4 == 0 else "",
            "postcode": f"{4300 + household % 600}{'ABCDEFGHJK'[household // 600 % 10]}{'KLMNPRSTVW'[household // 6000 % 10]}",
            "house_number": str(1 + household // 60_000 + household % 7),
            "function": "youth worker",
            "worker_name": f"Worker {worker}",
            "worker_phone": f"0118-{550_000 + worker}",
            "worker_email": email(worker),
            "since": f"{(self._now - timedelta(days=100 + number % 500)).date()}",
            "confidential": "yes" if number % 29 == 0 else "",
        }
        return parse(columns, today=self._now.date(), adults=True)

    def _rows(self) -> None:
        store, limit, month = self._store, self._node.covenant.household_limit, month_of(self._now)
        for namespace in NAMESPACES:
            persons = store.unevaluated(namespace, EPOCH, limit, 10**9)
            for place in range(0, len(persons), CHUNK_ITEMS):
                some = persons[place : place + CHUNK_ITEMS]
                batch = store.add_batch(namespace, EPOCH, some, [SecretBytes(os.urandom(32)) for _ in some])
                store.finish_batch(batch, [_keys() for _ in some], [0] * len(some))
        for visibility in Visibility:
            persons = store.to_publish(EPOCH, limit, int(self._now.timestamp()), month, 10**9, visibility)
            for place in range(0, len(persons), CHUNK_ITEMS):
                self._publish(tuple(persons[place : place + CHUNK_ITEMS]), visibility)

    def _publish(self, persons: tuple[bytes, ...], visibility: Visibility) -> None:
        sequence = self._store.number("last_sequence") + 1
        write = InFlight("publish", EPOCH, 1, sequence, os.urandom(32), persons, visibility)
        tokens = [self._store.token_keys(each, EPOCH).token.reveal() for each in persons]
        request = index_pb2.PublishRequest(
            epoch=EPOCH, generation=1, sequence=sequence, tokens=tokens, visibility=index_pb2.Visibility.Name(visibility)
        )
        self._store.begin_write(write)
        self._node.ledger.sending(self._node.covenant.index, "/raakvlak.v1.Index/Publish", request)
        removal = month_of(self._now) + self._node.covenant.retention_months
        self._store.finish_publish(write, [os.urandom(16) for _ in persons], removal)

    # --- matches ------------------------------------------------------------------------------------------------------

    def _matches(self) -> None:
        """Of the cases with matches most have one organisation around them, some a few, and some eight; every third one
        knows a parent too, and then there are two matches for one follow-up."""
        cases = [number for number in range(self._size.cases) if number % 29]
        self._random.shuffle(cases)
        made = 0
        with_many = iter(cases)
        while made < self._size.matches:
            with self._store.transaction():
                for number in [next(with_many) for _ in range(50)]:
                    if made < self._size.matches:
                        made += self._around(number, self._random.choices((1, 2, 3, 8), (70, 15, 10, 5))[0])

    def _around(self, number: int, organisations: int) -> int:
        """So many organisations know the client of a case; how many matches that makes."""
        handle = self._store.case_handle(reference(number))
        case = self._store.case(handle)
        assert case is not None
        made = 0
        for other in self._random.sample(sorted(OTHERS), organisations):
            course = self._random.choice(list(Course))
            began = self._now - timedelta(days=self._random.uniform(*DAYS[course]), hours=1)
            theirs = f"{other.upper()}-{number}"
            persons = [(self._store.person_handle(case.client), Relation.CLIENT)]
            if case.parents and number % 3 == 0:
                persons.append((self._store.person_handle(case.parents[0]), Relation.PARENT))
            for person, relation in persons:
                self._match(person, relation, other, theirs, began)
            self._follow(Pair.of(Party(OWN, case.reference), Party(other, theirs)), course, began)
            made += len(persons)
        return made

    def _match(self, person: bytes, relation: Relation, other: str, theirs: str, began: datetime) -> None:
        match_id, store, moment = os.urandom(16), self._store, int(began.timestamp())
        store.begin_match(match_id, person, EPOCH, other, moment)
        store.keep_their_letter(match_id, "their_proof", encode_proof(Proof(frozenset({relation}))))
        card = CardCase(
            theirs, frozenset({relation}), f"Fatima of {other}", "mentor", "0118-555123", f"fatima@{other}.example",
            (began - timedelta(days=200)).date(),
        )  # fmt: skip
        store.keep_their_letter(match_id, "their_card", encode_card([card]))
        for column in ("own_proof", "own_card"):
            store.mark_letter(match_id, column, os.urandom(16))
        store.settle(match_id)
        match = store.match(match_id)
        assert match is not None
        self._node.correspondence().carry(match, store.places(person), began)

    def _follow(self, pair: Pair, course: Course, began: datetime) -> None:
        follow_ups = self._node.follow_ups()
        pairs, handle = follow_ups.pairs, follow_ups.pairs.handle(pair)
        told = Told(pair, self._node.covenant.id, self._seeds, int(began.timestamp()))
        tell(told, course, OWN, self._now)
        pairs.add(handle, told.records, ())
        follow_ups.settle(handle, self._now)

    # --- what else lies there -----------------------------------------------------------------------------------------

    def _questions(self) -> None:
        """A coordinator asks about confidential cases."""
        desk = Desk(self._store)
        with self._store.transaction():
            for number in range(0, min(29 * QUESTIONS, self._size.cases), 29):
                case = self._store.case(self._store.case_handle(reference(number)))
                assert case is not None
                ask = Ask(os.urandom(16), EPOCH, "Kim Prins", "0118-555900", "", "May the school hear of this family?")
                person = self._store.person_handle(case.client)
                desk.keep_ask(os.urandom(16), COORDINATOR, person, ask, int(self._now.timestamp()) - number)

    def _objections(self) -> None:
        standing = self._node.standing()
        for number in range(self._size.cases - OBJECTIONS, self._size.cases):
            case = self._store.case(self._store.case_handle(reference(number)))
            assert case is not None
            received = (self._now - timedelta(days=number % 30)).date()
            made = standing.object(case.client, "does not want this", received, ROOT, self._now)
            assert standing.objections.stance(case.client) is Stance.SUSPENDED
            if number % 3:
                standing.decide(made.id, upheld=False, because="the law asks for it", actor=ROOT, now=self._now)

    def _views(self) -> None:
        """Everybody looks at cases and lists, all year."""
        lines, kinds = LOG_LINES * self._size.cases, ("picture", "follow-up", "case")
        for chunk in self._chunks(lines):
            for number in chunk:
                worker, kind = number % self._workers, kinds[number % 3]
                own = number % WORKER_CASES * self._workers + worker
                self._view(lines - number, worker, kind, reference(own) if kind != "case" else "")  # type: ignore[arg-type]

    def _view(self, ago: int, worker: int, kind: Kind, case: str) -> None:
        moment = self._now - timedelta(seconds=ago * 300 * 86_400 / (LOG_LINES * self._size.cases))
        event = Event.READ if case else Event.SEARCH
        self._log.write(Actor.page(email(worker), "case-worker"), event, moment, kind=kind, case=case)

    def _settled(self) -> None:
        """As a walk leaves it: today's terms were looked at, and all that was to be written was taken."""
        follow_ups, pairs = self._node.follow_ups(), Pairs(self._store, self._node.covenant.id)
        follow_ups.keep_terms(self._now)
        with self._store.transaction():
            for handle, party in pairs.to_write():
                pairs.sent(handle, party, pairs.unsent(handle, party))
        rules = f"{self._node.covenant.hash.hex()} {self._node.today(self._now)} {month_of(self._now)}"
        self._store.set_remark("rules", rules)


def reference(number: int) -> str:
    return f"CARE-2026-{number:06}"


def _keys() -> TokenKeys:
    return TokenKeys(Token(os.urandom(32)), SecretBytes(os.urandom(32)), SecretBytes(os.urandom(32)))


def found(node: Node) -> dict[str, Any]:
    """What stands there, for the report."""
    counted = {
        name: int(node.store.database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608 constants
        for name in ("own_case", "person", "match", "pair", "record", "access_log", "ledger", "user", "team")
    }
    return {"cases" if name == "own_case" else name: count for name, count in counted.items()}
