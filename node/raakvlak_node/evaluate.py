"""From persons to tokens with the help of t key holders (DESIGN §2).

What is sent is stored first, blinds and all, so that a crash, a lost answer or a retry sends the same request again and
is not charged twice. Each holder's answer is verified against its own public share before it counts; one that is down,
slow or wrong is named, and another is asked. Fewer than t: everything waits, nothing is lost.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from raakvlak_node.store import Batch, Store, identifier_of
from raakvlak_protocol import ristretto, threshold, token, voprf
from raakvlak_protocol.covenant import Covenant, KeyHolder
from raakvlak_protocol.errors import OverQuota, RaakvlakError, Unavailable
from raakvlak_protocol.identifier import NAMESPACES
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.ristretto import Element, Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import keyholder_pb2 as pb

CHUNK_ELEMENTS: Final = voprf.MAX_BATCH
ANSWER_SECONDS: Final = 10.0
LAST_SECOND: Final = 253402300799
"""The end of the year 9999, in Unix seconds."""

Report = Callable[[str, RaakvlakError], None]


def moment(unix_seconds: int) -> datetime:
    """What a key holder says of time; a moment that no calendar has becomes the last one that it has."""
    return datetime.fromtimestamp(min(unix_seconds, LAST_SECOND), UTC)


@dataclass
class Holder:
    """A key holder as this node reaches it. `failed` says why it is not asked again in this walk."""

    entry: KeyHolder
    remote: Remote
    failed: RaakvlakError | None = None
    left: dict[tuple[str, int], tuple[int, datetime]] = field(default_factory=dict)

    def may_give(self, namespace: str, epoch: int) -> int:
        return self.left.get((namespace, epoch), (0, datetime.max.replace(tzinfo=UTC)))[0]


class Evaluator:
    """Turns the store's unevaluated persons into tokens, a batch at a time."""

    def __init__(
        self,
        store: Store,
        covenant: Covenant,
        member: str,
        holders: Sequence[Holder],
        *,
        random: Callable[[int], bytes],
        report: Report,
    ) -> None:
        self._store = store
        self._covenant = covenant
        self._member = member
        self._holders = holders
        self._random = random
        self._report = report
        self._threads = ThreadPoolExecutor(max(1, len(holders)), "evaluate")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def run(self, now: datetime, not_before: Callable[[], int], done: Callable[[int], None]) -> None:
        """Evaluates everything that is wanted. `not_before` draws the Unix second from which a new token may be
        published; `done` hears how many tokens each batch made.

        Raises OverQuota (all that the quota allowed was done) or Unavailable (fewer than t holders answered).
        """
        epoch = self._covenant.epoch_at(now)
        waiting: RaakvlakError | None = None
        stored = self._store.batches()
        if not stored and not self._wanted(epoch.number):
            return
        self._ask_quotas()
        for batch in stored:
            if batch.epoch != epoch.number:
                self._store.dissolve_batch(batch)  # No key holder evaluates for an epoch that is over.
                continue
            try:
                self._evaluate(batch, not_before, done)
            except OverQuota as error:
                waiting = error
                self._dissolve_if_too_large(batch)
        for namespace in NAMESPACES:
            while namespace in epoch.keys:
                try:
                    following = self._next_batch(namespace, epoch.number)
                    if following is None:
                        break
                    self._evaluate(following, not_before, done)
                except OverQuota as error:
                    waiting = error
                    break
        if waiting is not None:
            raise waiting

    def _dissolve_if_too_large(self, batch: Batch) -> None:
        """A batch larger than a day's quota would wait for ever once the first load is used: its persons are taken in
        smaller ones. The same elements are kept otherwise, because a holder that has charged them answers them free."""
        if len(batch.persons) > self._covenant.quota(self._member, batch.namespace).daily:
            self._store.dissolve_batch(batch)

    def _wanted(self, epoch: int) -> bool:
        limit = self._covenant.household_limit
        return any(self._store.unevaluated(namespace, epoch, limit, 1) for namespace in NAMESPACES)

    def _ask_quotas(self) -> None:
        """Learns who can be reached, and what each holder still grants."""
        request = pb.QuotaRequest(covenant_hash=self._covenant.hash)

        def ask(holder: Holder) -> None:
            holder.failed = None
            try:
                reply = holder.remote.call("Quota", request, pb.QuotaReply, timeout_seconds=ANSWER_SECONDS)
            except RaakvlakError as error:
                self._fail(holder, error)
                return
            for each in reply.quotas:
                self._keep_left(holder, each)

        list(self._threads.map(ask, self._holders))

    def _keep_left(self, holder: Holder, left: pb.QuotaLeft) -> None:
        until = moment(left.until)
        holder.left[left.namespace, left.epoch] = (left.first_load + left.daily, until)

    def _fail(self, holder: Holder, error: RaakvlakError) -> None:
        holder.failed = error
        self._report(holder.entry.id, error)

    def _next_batch(self, namespace: str, epoch: int) -> Batch | None:
        """The next persons, no more than t holders still grant; None when there are none."""
        # One look for a whole batch: it passes over every person that has a token already.
        persons = self._store.unevaluated(namespace, epoch, self._covenant.household_limit, CHUNK_ELEMENTS)
        if not persons:
            return None
        granted = sorted((each.may_give(namespace, epoch) for each in self._able()), reverse=True)
        if len(granted) < self._covenant.key_threshold:
            raise self._too_few()
        persons = persons[: granted[self._covenant.key_threshold - 1]]
        if not persons:
            raise self._over_quota(namespace, epoch)
        return self._store.add_batch(namespace, epoch, persons, voprf.new_blinds(len(persons), self._random))

    def _able(self) -> list[Holder]:
        return [each for each in self._holders if each.failed is None]

    def _over_quota(self, namespace: str, epoch: int) -> OverQuota:
        grants = [each.left[namespace, epoch] for each in self._able() if (namespace, epoch) in each.left]
        until = min((moment for _, moment in grants), default=datetime.now(UTC))
        left = sum(amount for amount, _ in grants)
        return OverQuota(
            f"the quota for namespace {namespace} is used up: {left} evaluations are left in all and "
            f"{self._covenant.key_threshold} key holders must grant each; it is full again at {until:%Y-%m-%d %H:%M} UTC, "
            "what waits is kept until then; a larger caseload needs a larger quota in the covenant",
            left=left,
            until=until,
        )

    def _too_few(self) -> Unavailable:
        reasons = "; ".join(f"{each.entry.id}: {each.failed.message}" for each in self._holders if each.failed)
        return Unavailable(
            f"{len(self._able())} key holders answer and {self._covenant.key_threshold} are needed; "
            f"everything waits and goes on at the next sync ({reasons})"
        )

    def _evaluate(self, batch: Batch, not_before: Callable[[], int], done: Callable[[int], None]) -> None:
        inputs = [self._input(person, batch.epoch) for person in batch.persons]
        blinds = [Scalar(each.reveal()) for each in batch.blinds]
        blinded = voprf.blind(inputs, blinds)
        answers = self._answers(batch, blinded)
        outputs = threshold.combine(inputs, blinds, answers, self._covenant.key_threshold)
        keys = [token.expand(each) for each in outputs]
        self._store.finish_batch(batch, keys, [not_before() for _ in keys])
        done(len(keys))

    def _input(self, person: bytes, epoch: int) -> SecretBytes:
        return token.prf_input(self._covenant.id, epoch, identifier_of(*self._store.canonical(person)))

    def _answers(self, batch: Batch, blinded: list[Element]) -> list[threshold.Verified]:
        """t verified answers: t holders are asked at once, others as some fail. A batch that is sent again goes to the
        same ones first, because they have charged it already; from batch to batch the load moves on."""
        needed = self._covenant.key_threshold
        answers: list[threshold.Verified] = []
        refused: list[OverQuota] = []
        first = batch.id % len(self._holders)
        turned = [*self._holders[first:], *self._holders[:first]]
        able = [each for each in turned if each.failed is None]
        candidates = sorted(
            able,
            key=lambda each: (
                each.entry.id not in batch.asked,
                each.may_give(batch.namespace, batch.epoch) < len(batch.persons),
            ),
        )
        while len(answers) < needed:
            asked, candidates = candidates[: needed - len(answers)], candidates[needed - len(answers) :]
            if not asked:
                raise refused[0] if refused and len(answers) + len(refused) >= needed else self._too_few()
            self._store.note_asked(batch, [each.entry.id for each in asked])
            for answer in self._threads.map(lambda each: self._ask(each, batch, blinded), asked):
                if isinstance(answer, threshold.Verified):
                    answers.append(answer)
                elif answer is not None:
                    refused.append(answer)
        return answers

    def _ask(self, holder: Holder, batch: Batch, blinded: list[Element]) -> threshold.Verified | OverQuota | None:
        key = self._covenant.key(batch.namespace, batch.epoch)
        number = holder.entry.share_number
        request = pb.EvaluateRequest(
            covenant_hash=self._covenant.hash, namespace=batch.namespace, epoch=batch.epoch, blinded_elements=blinded
        )
        try:
            reply = holder.remote.call("Evaluate", request, pb.EvaluateReply, timeout_seconds=ANSWER_SECONDS)
            self._keep_left(holder, reply.quota_left)
            public = threshold.Holder(holder.entry.id, number, ristretto.parse_element(key.shares[number]))
            return threshold.verify_answer(public, blinded, reply.evaluated_elements, reply.proof)
        except OverQuota as error:
            holder.left[batch.namespace, batch.epoch] = (error.left, error.until)
            self._report(holder.entry.id, error)
            return error
        except RaakvlakError as error:
            self._fail(holder, error)
        return None
