"""A node that is ready to act: its settings, membership, vault and store, opened together.

Everything that a command or the REST API does to cases and matches goes through here, so that both follow one set of
rules.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from raakvlak_node import picture, promises
from raakvlak_node.access import Actor
from raakvlak_node.answer import Writer
from raakvlak_node.case import Case, Reason, Rejected
from raakvlak_node.correspondence import Correspondence
from raakvlak_node.desk import Desk
from raakvlak_node.follow_ups import FollowUps
from raakvlak_node.ledger import Ledger
from raakvlak_node.notices import Notices
from raakvlak_node.pairs import Pairs
from raakvlak_node.picture import Entry
from raakvlak_node.publish import Publisher
from raakvlak_node.receive import Receiver
from raakvlak_node.settings import Settings
from raakvlak_node.standing import HOME as HOME
from raakvlak_node.standing import Ending, Standing, Term
from raakvlak_node.store import Match, Store
from raakvlak_node.vault import Vault
from raakvlak_node.webhooks import Webhooks
from raakvlak_protocol.covenant import Covenant, Member
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identity import Identity, Role, checked_id
from raakvlak_protocol.letter import public_letter_key
from raakvlak_protocol.party import membership, sealed, settings
from raakvlak_protocol.party.membership import Folder, Membership
from raakvlak_protocol.party.peer import Credentials, Remote
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of
from raakvlak_protocol.v1 import index_pb2

STORE: Final = "store.db"
SIGNING_SEED: Final = "signing_seed"
LETTER_SECRET: Final = "letter_secret"  # noqa: S105 the name of one, in the sealed file
VAULT_KEY: Final = "vault_key"
KEY_BYTES: Final = 32
ACCESS_TOKEN_BYTES: Final = 32

BsnChange = Literal["wrong", "changed"]
Stored = Literal["new", "changed", "unchanged"]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class BsnDiffers(Rejected):
    """The client of a known case has another BSN; somebody must say which of the two acts it is."""

    def __init__(self) -> None:
        super().__init__(
            (
                Reason(
                    "bsn",
                    "differs from the one that this case had: say whether that one was wrong (its involvement is withdrawn "
                    "at once) or has changed (both stand until the term)",
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One member's node. `clock` and `random` are arguments so that expiry and blinding have exact tests."""

    folder: Folder
    settings: Settings
    membership: Membership
    store: Store
    clock: Clock
    random: Callable[[int], bytes]
    ledger: Ledger = field(init=False, compare=False, repr=False)
    """Every client of another party that this node makes tells it first what is to leave."""

    def __post_init__(self) -> None:
        made = Ledger(self.store, self.covenant, self.settings.id, self.clock, self.random)
        object.__setattr__(self, "ledger", made)

    @property
    def covenant(self) -> Covenant:
        return self.membership.covenant

    @property
    def member(self) -> Member:
        return self.covenant.member(self.settings.id)

    @property
    def credentials(self) -> Credentials:
        return self.membership.credentials

    @property
    def signing_seed(self) -> SecretBytes:
        return self.membership.secrets[SIGNING_SEED]

    @property
    def letter_secret(self) -> SecretBytes:
        return self.membership.secrets[LETTER_SECRET]

    def close(self) -> None:
        self.store.close()

    def today(self, now: datetime) -> date:
        """The day in the Netherlands: ages and terms are counted there."""
        return now.astimezone(HOME).date()

    def index_remote(self) -> Remote:
        service = index_pb2.DESCRIPTOR.services_by_name["Index"]
        index = self.covenant.index
        return Remote(self.settings.index, service, self.credentials, index, sending=self.ledger.sending)

    def reopened(self) -> "Node":
        """The same node with its store opened anew."""
        return replace(self, store=self.another_store())

    def another_store(self) -> Store:
        """The same store for another thread."""
        return Store(self.store.path, self.store.vault)

    # --- cases --------------------------------------------------------------------------------------------------------

    def put_case(self, case: Case, bsn_change: BsnChange | None = None) -> Stored:
        """Stores the case durably; raises BsnDiffers, and changes nothing, where only a person can say what it means, and
        Rejected where the client's objection was upheld."""
        with self.store.transaction():
            what, case = self._compared(case, bsn_change)
            if what != "unchanged":
                self.standing().put(case, self.clock())
        return what

    def preview_case(self, case: Case, bsn_change: BsnChange | None = None) -> Stored:
        """What `put_case` would do."""
        what, case = self._compared(case, bsn_change)
        self.standing().demand_reportable(case)
        return what

    def _compared(self, case: Case, bsn_change: BsnChange | None) -> tuple[Stored, Case]:
        """What the case is to the store, and the case with the history of what the store has."""
        handle = self.store.case_handle(case.reference)
        before = self.store.case(handle)
        if before is None:
            return "new", case
        case = _with_history(case, before, bsn_change)
        same = self.store.stored_fingerprint(handle) == self.store.fingerprint(case)
        return "unchanged" if same else "changed", case

    def drop_case(self, reference: str) -> bool:
        """Forgets the case; what of it stands at the index is withdrawn at the next sync."""
        return self.store.drop_case(self.store.case_handle(reference))

    def standing(self) -> Standing:
        """How long and how visibly the own cases stand, and the acts that change it."""
        return Standing(self.store, self.covenant, self.member, self.random)

    def withdraw(self, reference: str, ending: Ending, actor: Actor) -> bool:
        """Ends a case for a reason; True where a copy went to the archive."""
        return self.standing().withdraw(reference, ending, actor, self.clock())

    def renew(self, reference: str, actor: Actor) -> date:
        """Reports a case anew for another term; returns the day on which that is over."""
        return self.standing().renew(reference, actor, self.clock())

    def terms_due(self) -> list[Term]:
        """The cases whose term is about to end, or has ended."""
        return self.standing().terms(self.clock())

    def release(self, reference: str, because: str, actor: Actor) -> None:
        """Lets others hear of a confidential case directly."""
        self.standing().release(reference, because, actor, self.clock())

    def withdraw_release(self, reference: str, because: str, actor: Actor) -> None:
        """Lets only the coordinator hear of it again."""
        self.standing().withdraw_release(reference, because, actor, self.clock())

    # --- matches ------------------------------------------------------------------------------------------------------

    def name_of(self, member: str) -> str:
        """An organisation's name; its id where it has left the covenant."""
        found = self.covenant.members.get(member)
        return member if found is None else found.name

    def entries(self, matches: Iterable[Match]) -> list[Entry]:
        """The entries of the client picture that these matches make."""
        found = list(matches)
        return picture.entries(found, {match.person: self.store.places(match.person) for match in found})

    def all_entries(self) -> list[tuple[str, Entry]]:
        """(own case reference, entry) for every case, in the order of references."""
        references: dict[bytes, str] = {}
        found = []
        for entry in self.entries(self.store.live_matches()):
            if entry.own_case not in references:
                case = self.store.case(entry.own_case)
                references[entry.own_case] = "" if case is None else case.reference
            found.append((references[entry.own_case], entry))
        return sorted(found, key=lambda each: (each[0], each[1].other, each[1].contact.reference if each[1].contact else ""))

    def picture(self, reference: str) -> tuple[Case, list[Entry]]:
        """The case and who else is involved; raises Refused where there is no such case."""
        handle = self.store.case_handle(reference)
        case = self.store.case(handle)
        if case is None:
            raise Refused("this node has no case of that reference: 'raakvlak-node cases' lists them")
        found = [entry for entry in self.entries(self.store.matches_of_case(handle)) if entry.own_case == handle]
        return case, sorted(found, key=lambda entry: (entry.other, entry.contact.reference if entry.contact else ""))

    def follow_ups(self) -> FollowUps:
        """What is done about the matches."""
        told = (self.webhooks(), self.notices())
        return FollowUps(self.store, self.covenant, self.member.id, self.signing_seed, self.random, *told)

    def webhooks(self) -> Webhooks:
        """What the case system is told of."""
        return Webhooks(self.store, self.settings.webhook, self.random)

    def notices(self) -> Notices:
        """What users are told of by e-mail."""
        return Notices(self.store, self.settings.mail, self.random)

    def correspondence(self) -> Correspondence:
        """The letters about them."""
        follow_ups = self.follow_ups()
        told = (follow_ups.settle, follow_ups.heard, self.notices())
        return Correspondence(self.store, self.covenant, self.member.id, self.signing_seed, self.random, *told)

    def receiver(self, tell: Callable[[str, str], None] = lambda sender, reason: None) -> Receiver:
        """Takes what the index tells; `tell` hears of each letter that is put aside: sender and reason."""
        return Receiver(self.store, self.covenant, self.member.id, self.letter_secret, tell, self.correspondence())

    def writer(self) -> Writer:
        """Writes what is due."""
        pairs = Pairs(self.store, self.covenant.id)
        return Writer(self.store, self.covenant, self.member.id, pairs, self.correspondence())

    def replay(self, publisher: Publisher) -> int:
        """Takes over all current matches from the index, and begins those that this node did not know."""
        receiver, desk = self.receiver(), Desk(self.store)
        now = int(self.clock().timestamp())
        request = index_pb2.ReplayRequest(covenant_hash=self.covenant.hash, generation=publisher.generation)
        current: set[bytes] = set()
        for batch in publisher.stream("Replay", request, index_pb2.ReplayBatch):
            with self.store.transaction():
                for match in batch.matches:
                    receiver.begin(match, now)
                    current.add(match.match_id)
                for mediation in batch.mediations:
                    receiver.bring(mediation, now)
                    current.add(mediation.match_id)
        for gone in [each.match_id for each in desk.mediations() if each.match_id not in current]:
            desk.end(gone)
        for known in [match.match_id for match in self.store.live_matches() if match.match_id not in current]:
            self.store.end_match(known)
        return len(current)

    # --- how things stand ---------------------------------------------------------------------------------------------

    def open_work(self) -> dict[str, int]:
        """How much this node itself has still to do; cheap."""
        now = self.clock()
        live = self.covenant.live_epochs(now)
        epoch = live[-1].number if live else 0
        counts = self.store.token_counts(self.covenant.household_limit, epoch, month_of(now), self.covenant.retention_months)
        letters = self.store.letter_counts()
        return {
            **{name: counts[name] for name in ("unevaluated", "unpublished", "to_withdraw")},
            "unacknowledged": self.store.number("last_event") - self.store.number("acknowledged"),
            "unposted": letters["unposted"] + letters["due"],
            "in_flight": int(self.store.in_flight() is not None),
        }

    def status(self) -> dict[str, Any]:
        """Counts only: what is unevaluated, unpublished, unacknowledged, unanswered, and what was put aside."""
        cases, withheld = self.store.case_counts()
        work = self.open_work()
        unanswered = sum(self._unanswered(match) for match in self.store.unanswered_matches())
        return {
            "cases": cases,
            "withheld": withheld,
            **self.store.published_counts(month_of(self.clock())),
            "lapsing": self.standing().term_counts(self.clock())[0],
            "objections": len(self.standing().objections.all(pending=True)),
            **work,
            "unanswered": unanswered,
            "unreadable": self.store.letter_counts()["unreadable"],
            "waiting_for_quota": self.store.remark("quota") if work["unevaluated"] else "",
            "reconcile": self.store.remark("reconcile"),
            **promises.standing(self.store, self.covenant, self.clock(), followed=bool(self.settings.log)),
            "pending": sum(work.values()) + unanswered,
            "activity": sum(self.store.number(name) for name in ("last_event", "last_sequence", "changed")),
        }

    def _unanswered(self, match: Match) -> bool:
        """Whether the other side still owes a letter: its proof, or the card that follows on a pair that matches."""
        if match.their_proof is None:
            return True
        return match.their_card is None and bool(self.entries([match]))

    # --- access -------------------------------------------------------------------------------------------------------

    def new_access_token(self, name: str) -> str:
        """A token for the REST API, shown this once; the store keeps its hash."""
        token = secrets.token_urlsafe(ACCESS_TOKEN_BYTES)
        if not self.store.add_access_token(checked_id(name, "name"), _token_hash(token), int(self.clock().timestamp())):
            raise Refused(f"there is an access token named {name} already: choose another name")
        return token

    def end_access_token(self, name: str) -> None:
        """Who holds it is let in no more, from the next call on; raises Refused where there is none."""
        if not self.store.drop_access_token(name):
            raise Refused("there is no access token of this name: 'raakvlak-node token list' names them")

    def caller_of(self, store: Store, token: str) -> str | None:
        """The name of an access token, or None."""
        return store.access_token_name(_token_hash(token))


def _token_hash(token: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).digest()


def _with_history(case: Case, before: Case, bsn_change: BsnChange | None) -> Case:
    if case.client == before.client:
        return case.with_former(*before.former)
    if bsn_change is None:
        raise BsnDiffers()
    return case.with_former(*before.former, before.client) if bsn_change == "changed" else case.with_former(*before.former)


def identity_of(covenant: str, id: str) -> Identity:
    return Identity(checked_id(covenant, "covenant"), Role.NODE, checked_id(id))


def prepare(folder: Folder, identity: Identity, lock: sealed.Lock, *, name: str, kind: str, settings_text: str) -> str:
    """Makes a new node in the folder: keys, certificate request, settings, an empty store. Returns the covenant entry."""
    from nacl.bindings import crypto_sign_seed_keypair

    fresh = {name: os.urandom(KEY_BYTES) for name in (SIGNING_SEED, LETTER_SECRET, VAULT_KEY)}
    signing_key, _ = crypto_sign_seed_keypair(fresh[SIGNING_SEED])
    entry = (
        "[[member]]\n"
        f'id = "{identity.id}"\n'
        f"name = {_toml_text(name)}\n"
        f'kind = "{kind}"\n'
        f'signing_key = "{signing_key.hex()}"\n'
        f'letter_key = "{public_letter_key(SecretBytes(fresh[LETTER_SECRET])).hex()}"\n'
    )
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    membership.prepare(folder, identity, lock, fresh, entry)
    folder.settings.write_text(settings_text)
    Store(folder.path / STORE, Vault(SecretBytes(fresh[VAULT_KEY]), os.urandom), create=True).close()
    return entry


def _toml_text(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise Malformed("a name holds no control characters", field="name")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_settings(folder: Folder) -> Settings:
    return settings.load(folder.settings, Settings)


def lock_of(own: Settings) -> sealed.Lock:
    return sealed.KeyFile(own.key_file)


def open_node(path: Path, clock: Clock = utc_now, random: Callable[[int], bytes] = os.urandom) -> Node:
    """The node in a folder; raises Refused with what to do where something is missing or wrong."""
    folder = Folder(path)
    own = read_settings(folder)
    ready = membership.load(folder, identity_of(own.covenant, own.id), lock_of(own), clock())
    store = Store(folder.path / STORE, Vault(ready.secrets[VAULT_KEY], random))
    try:
        store.prove_vault()
    except BaseException:
        store.close()
        raise
    return Node(folder, own, ready, store, clock, random)
