"""The walk of a node: evaluate → publish → receive → proof letters → cards → prove, in one direction, and again while it
moves.

Safe to kill at any moment: each step stores what it is about to do, or what came of it, in one transaction, and the
next walk goes on from there. One walk per store, held by a lock file; imports may run beside it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from raakvlak_node import canary
from raakvlak_node.alarm import Alarms
from raakvlak_node.answer import post
from raakvlak_node.evaluate import Evaluator, Holder
from raakvlak_node.import_jobs import Jobs
from raakvlak_node.node import Node
from raakvlak_node.promises import Promises
from raakvlak_node.prove import Prover, log_of
from raakvlak_node.publish import CHUNK_ITEMS, STREAM_SECONDS, Publisher
from raakvlak_node.receive import ANY_NUMBER
from raakvlak_node.reconcile import publish_again_what_was_lost
from raakvlak_protocol.errors import Evidence, OverQuota, RaakvlakError, Refused, Unavailable
from raakvlak_protocol.follow import Fetch
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.party.serving import only_one
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.term import month_of, start_of
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2

MAX_ROUNDS: Final = 20
CHUNK_CASES: Final = 500
DAY_SECONDS: Final = 86_400
KEPT_RECEIPT_DAYS: Final = 30
"""How long a receipt is kept at most: it holds the hash of a request, also of rows that were erased since."""
KEPT_ASIDE_DAYS: Final = 90
"""How long a letter that can't be read is kept for whoever has to look."""
SILENT_DAYS: Final = 80
"""The index removes a silent member's rows after 90 days (DESIGN §4); asked a little earlier, for clocks that differ."""

Log = Callable[..., None]
Progress = Callable[[str, int], None]


@dataclass
class Outcome:
    """What one walk did, and why something still waits."""

    evaluated: int = 0
    published: int = 0
    withdrawn: int = 0
    received: int = 0
    posted: int = 0
    proven: int = 0
    alarms: list[str] = field(default_factory=list)
    """Why nothing is published until a person has looked."""
    waiting: list[RaakvlakError] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Key holders that did not serve, by id, and why."""

    @property
    def moved(self) -> bool:
        return bool(self.evaluated or self.published or self.withdrawn or self.received or self.posted)


class Walk:
    """One node's connections and its walk. Use `walking` to make one."""

    def __init__(
        self, node: Node, holders: list[Holder], index: Remote, fetch: Fetch | None, log: Log, progress: Progress
    ) -> None:
        self._node = node
        self._store = node.store
        self._covenant = node.covenant
        self._log = log
        self._progress = progress
        self._outcome = Outcome()
        member = node.member.id
        seed = node.signing_seed
        promises = self._promises = Promises(node.store)
        self.alarms = Alarms(promises, node.folder.path, log)
        self.publisher = Publisher(node.store, node.covenant, member, seed, index, node.clock, promises, self.alarms)
        self._prover = None if fetch is None else Prover(node, self.publisher, promises, self.alarms, fetch, log)
        self._evaluator = Evaluator(node.store, node.covenant, member, holders, random=node.random, report=self._holder_failed)
        self._receiver = node.receiver(self._put_aside)
        self._writer = node.writer()
        self._follow_ups = node.follow_ups()
        self._opened = False

    def close(self) -> None:
        self._evaluator.close()

    def once(self) -> Outcome:
        """One walk. What can't be done now stays for the next one and is told in `waiting`; raises Refused where a
        person must act first, Stale where another process of this node is at work, Evidence where the index lies."""
        outcome = self._outcome = Outcome()
        self.renew_rules()
        quota = ""
        try:
            self._evaluator.run(self._now(), self._not_before, self._evaluated)
        except (OverQuota, Unavailable, Refused) as error:
            quota = error.message if isinstance(error, OverQuota) else ""
            self._wait(error)
        if quota != self._store.remark("quota"):
            self._store.set_remark("quota", quota)
        self._tell("evaluated", count=outcome.evaluated)
        try:
            self._with_index(outcome)
        except Unavailable as error:
            # Whether the last write was done, Open will tell.
            self._opened = False
            self._wait(error)
        except BaseException:
            # Also where an answer was wrong or could not be stored: the write in flight must be settled first.
            self._opened = False
            raise
        return outcome

    def _evaluated(self, count: int) -> None:
        self._outcome.evaluated += count
        self._progress("evaluated", count)

    def _with_index(self, outcome: Outcome) -> None:
        if not self._opened:
            self.publisher.open()
            self._opened = True
        self.publisher.demand_reconciled()
        self._end_silence()
        stalled: Unavailable | None = None
        for _ in range(MAX_ROUNDS):
            before = (outcome.withdrawn, outcome.published, outcome.received, outcome.posted)
            try:
                if stalled is None:
                    self._write(outcome)
            except Unavailable as error:
                # The index may take no writes now and still tell of matches. Where it can't be reached, the next line says so.
                stalled = error
            outcome.received += self._receive()
            self._tell("escalated", count=self._follow_ups.keep_terms(self._now()))
            self._writer.run(self._now())
            outcome.posted += self._post()
            if before == (outcome.withdrawn, outcome.published, outcome.received, outcome.posted):
                break
        if self._prover is not None:
            outcome.proven = self._prover.run(published=bool(outcome.published or outcome.withdrawn))
        outcome.alarms = [each.message for each in self.alarms.open()]
        self._tell("withdrawn", count=outcome.withdrawn)
        self._tell("published", count=outcome.published)
        self._tell("received", events=outcome.received)
        self._tell("posted", letters=outcome.posted)
        if stalled is not None:
            raise stalled

    def _write(self, outcome: Outcome) -> None:
        outcome.withdrawn += self._withdraw()
        self._tell("erased", count=self._store.forget_unneeded())
        outcome.published += self._publish()

    def _end_silence(self) -> None:
        """Looks whether the rows still stand, where this node has been silent for so long that they may be gone."""
        today = int(self._now().timestamp()) // DAY_SECONDS
        last = self._store.number("last_day")
        if last and today - last > SILENT_DAYS:
            self._tell("lost_rows", count=publish_again_what_was_lost(self._node, self.publisher))
        if today != last:
            self._store.set_number("last_day", today)

    def renew_rules(self) -> None:
        """Judges every case again when the day or the covenant has changed, and forgets what has lapsed."""
        now = self._now()
        self._store.end_lapsed_matches(month_of(now))
        Jobs(self._store, self._node.folder.path).sweep(now)
        canary.renew(self._store, self._covenant, self._node.member, now)
        # Ages count in days here, terms in months by UTC: a month may begin an hour or two into a day.
        rules = f"{self._covenant.hash.hex()} {self._node.today(now)} {month_of(now)}"
        if self._store.remark("rules") == rules:
            return
        handles, standing = self._store.case_handles(), self._node.standing()
        for place in range(0, len(handles), CHUNK_CASES):
            with self._store.transaction():
                for handle in handles[place : place + CHUNK_CASES]:
                    standing.judge(handle, now)
        standing.archive.forget(month_of(now))
        self._tell("terms_told", count=standing.remind(self._node.webhooks(), self._node.notices(), now))
        self._store.forget_put_aside(int(now.timestamp()) - KEPT_ASIDE_DAYS * DAY_SECONDS)
        kept_from_second = int(now.timestamp()) - KEPT_RECEIPT_DAYS * DAY_SECONDS
        self._tell("receipts_forgotten", count=self._promises.forget_received(kept_from_second))
        # A line about a row goes on the day on which the index removes the row, if not before.
        kept_from = max(0, month_of(now) - self._covenant.retention_months + 1)
        self._store.forget_lines(int(start_of(kept_from).timestamp()))
        self._store.set_remark("rules", rules)

    def _withdraw(self) -> int:
        count = 0
        month = month_of(self._now())
        limit, retention = self._covenant.household_limit, self._covenant.retention_months
        while found := self._store.to_withdraw(limit, month, retention, CHUNK_ITEMS):
            epoch = found[0][0]
            references = [reference for each, reference in found if each == epoch]
            self.publisher.withdraw(references, epoch)
            count += len(references)
        return count

    def _publish(self) -> int:
        now = self._now()
        live = self._covenant.live_epochs(now)
        if not live:
            return 0  # Only withdrawing stays possible; why nothing is evaluated has been told.
        if self.alarms.open():
            return 0
        epoch, month, limit = live[-1].number, month_of(now), self._covenant.household_limit
        count = 0
        for visibility in Visibility:
            while persons := self._store.to_publish(epoch, limit, int(now.timestamp()), month, CHUNK_ITEMS, visibility):
                persons.sort(key=lambda _: self._node.random(8))
                self.publisher.publish(persons, epoch, visibility)
                count += len(persons)
                self._progress("published", len(persons))
                if self.alarms.open():
                    return count
        return count

    def _receive(self) -> int:
        """Everything that waits at the index, stored and acknowledged."""
        count, replay = 0, False
        stream = self.publisher.watch(self._store.number("last_event"), STREAM_SECONDS)
        try:
            for batch in stream:
                if batch.replay_needed:
                    replay = True
                    self._store.set_remark(ANY_NUMBER, "yes")
                count += self._receiver.take(batch, self._now())
                if self._store.number("last_event") >= batch.newest:
                    break
        finally:
            stream.cancel()
        self._acknowledge()
        if replay:
            # After the queue, so that an old event can't bring back a match whose end found no room in it.
            self._replay()
        return count

    def _acknowledge(self) -> None:
        last = self._store.number("last_event")
        if last > self._store.number("acknowledged"):
            request = index_pb2.AcknowledgeRequest(
                covenant_hash=self._covenant.hash, generation=self.publisher.generation, up_to=last
            )
            self.publisher.call("Acknowledge", request, index_pb2.AcknowledgeReply)
            self._store.set_number("acknowledged", last)

    def _replay(self) -> None:
        """This node's queue was full: asks for all current matches, so that none was missed."""
        self._log("replayed", matches=self._node.replay(self.publisher))

    def _post(self) -> int:
        """A letter that is not taken now, because the other side does not fetch its own, holds up nothing here."""
        posted, refused = post(self._store, self.publisher, self._covenant, self._now())
        if refused is not None and all(refused.message != each.message for each in self._outcome.waiting):
            self._wait(refused)
        return posted

    def _not_before(self) -> int:
        """A random moment within the mixing window, so that one family's tokens do not travel alone."""
        window = self._covenant.mixing_minutes * 60
        now = int(self._now().timestamp())
        return now + int.from_bytes(self._node.random(8), "big") % window if window else 0

    def _now(self) -> datetime:
        return self._node.clock()

    def _wait(self, error: RaakvlakError) -> None:
        self._outcome.waiting.append(error)
        self._log("waiting", kind=type(error).__name__, reason=error.message)

    def _holder_failed(self, holder: str, error: RaakvlakError) -> None:
        self._outcome.failed[holder] = error.message
        kind = "Evidence" if isinstance(error, Evidence) else type(error).__name__
        self._log("key_holder_failed", key_holder=holder, kind=kind, reason=error.message)

    def _put_aside(self, sender: str, reason: str) -> None:
        self._log("letter_put_aside", sender=sender, reason=reason)

    def _tell(self, event: str, **count: int) -> None:
        if any(count.values()):
            self._log(event, **count)


@contextmanager
def walking(node: Node, log: Log, progress: Progress = lambda what, count: None) -> Iterator[Walk]:
    """A Walk with its connections; raises Unavailable while another process walks on this store."""
    with only_one(node.folder.path / "sync.lock", "sync"), log_of(node) as fetch:
        holders = [Holder(entry, holder_remote(node, entry.identity)) for entry in node.covenant.key_holders.values()]
        index = node.index_remote()
        walk = Walk(node, holders, index, fetch, log, progress)
        try:
            yield walk
        finally:
            walk.close()
            for holder in holders:
                holder.remote.close()
            index.close()


def holder_remote(node: Node, identity: Identity) -> Remote:
    """A client of one key holder; raises Refused where the settings name no address for it."""
    address = node.settings.key_holders.get(identity.id)
    if address is None:
        raise Refused(f"settings.toml names no address for key holder {identity.id}: add it under [key_holders]")
    service = keyholder_pb2.DESCRIPTOR.services_by_name["KeyHolder"]
    holder = Identity(node.covenant.id, Role.KEYHOLDER, identity.id)
    return Remote(address, service, node.credentials, holder, sending=node.ledger.sending)
