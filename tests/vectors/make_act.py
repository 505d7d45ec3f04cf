"""proto/vectors/act.json: acts, texts, agreements and their signatures; a letter to a coordinator (PROTOCOL §6.5, §19)."""

from dataclasses import replace
from datetime import date

from raakvlak_protocol import act as acts
from raakvlak_protocol import follow_up_content, letter
from raakvlak_protocol.act import Act, ActKind, Agreement, Cause, Informed, Pair, Party, Signature, Task, Written
from raakvlak_protocol.follow_up_content import FollowUp
from raakvlak_protocol.letter import NO_PREVIOUS, DeskHeader
from raakvlak_protocol.publication import sign
from raakvlak_protocol.secret import SecretBytes
from tests.covenants import public_key
from tests.vectors.fixed import fixed

COVENANT = "zeeland"
SEEDS = {member: SecretBytes(fixed(f"{member} signs", 32)) for member in ("school", "town")}
PAIR = Pair.of(Party("town", "T-1"), Party("school", "2026-014 é"))
AT = 1_780_000_000
WRITTEN = Written(fixed("act text", 32), "called twice\nsee you on Monday")
AGREEMENT = Agreement(
    fixed("agreement", 32),
    1,
    acts.NOTHING,
    (PAIR.one, PAIR.other),
    "school",
    (Task("mentor", "calls the mother", date(2026, 12, 1)), Task("youth worker", "visits", date(2026, 12, 8))),
    date(2027, 1, 15),
    Informed.AGREES,
    Informed.NOT_INFORMED,
    "asked to wait",
)


def vectors() -> dict[str, object]:
    course = _course()
    signature = Signature(AGREEMENT.hash, PAIR.other, AT + 60).signed(COVENANT, SEEDS["town"])
    return {
        "covenant": COVENANT,
        "keys": {member: public_key(seed).hex() for member, seed in SEEDS.items()},
        "pair": [{"member": each.member, "reference": each.reference} for each in (PAIR.one, PAIR.other)],
        "text": {"salt": WRITTEN.salt.hex(), "text": WRITTEN.text, "hash": WRITTEN.hash.hex()},
        "agreement": {
            "encoded": AGREEMENT.encode().hex(),
            "hash": AGREEMENT.hash.hex(),
            "next_hash": replace(AGREEMENT, version=2, replaces=AGREEMENT.hash).hash.hex(),
            "statement": signature.statement(COVENANT).hex(),
            "signature": signature.signature.hex(),
            "id": signature.id.hex(),
            "at": signature.at,
        },
        "acts": [_told(each) for each in course],
        "order": [each.hash(COVENANT).hex() for each in acts.in_order(reversed(course), COVENANT)],
        "content": follow_up_content.encode(FollowUp(PAIR, tuple(course), (WRITTEN,), (AGREEMENT,), (signature,))).hex(),
        "desk_letter": _desk_letter(),
    }


def _course() -> list[Act]:
    """Two acts, two that cross, and one that follows on both."""
    first = _act("school", (), ActKind.ACKNOWLEDGED)
    second = _act("town", (first,), ActKind.CONTACTED, day=date(2026, 5, 28), text_hash=WRITTEN.hash)
    mine = _act("school", (first, second), ActKind.PROPOSED, day=AGREEMENT.evaluate_on, lead="school", about=AGREEMENT.hash)
    theirs = _act("town", (first, second), ActKind.ESCALATED, cause=Cause.REQUEST)
    return [first, second, mine, theirs, _act("town", (first, second, mine, theirs), ActKind.CONTACTED, day=date(2026, 5, 29))]


def _act(author: str, behind: tuple[Act, ...], kind: ActKind, **fields: object) -> Act:
    number, after = acts.following(behind, COVENANT)
    return Act(PAIR, author, number, after, AT + number, kind, **fields).signed(COVENANT, SEEDS[author])  # type: ignore[arg-type]


def _told(act: Act) -> dict[str, object]:
    return {
        "author": act.author,
        "number": act.number,
        "after": [each.hex() for each in act.after],
        "at": act.at,
        "kind": int(act.kind),
        "cause": int(act.cause),
        "day": "" if act.day is None else act.day.isoformat(),
        "lead": act.lead,
        "about": act.about.hex(),
        "text_hash": act.text_hash.hex(),
        "statement": act.statement(COVENANT).hex(),
        "signature": act.signature.hex(),
        "hash": act.hash(COVENANT).hex(),
    }


def _desk_letter() -> dict[str, object]:
    header = DeskHeader(COVENANT, fixed("desk match", 16), "school", "coordinator", 1, NO_PREVIOUS)
    content = follow_up_content.encode(follow_up_content.Again())
    return {
        "header": header.encode().hex(),
        "content": content.hex(),
        "signature": sign(SEEDS["school"], header.encode() + content).hex(),
        "hash": letter.letter_hash(header, content).hex(),
    }
