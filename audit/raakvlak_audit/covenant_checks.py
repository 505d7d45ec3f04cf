"""What a verified covenant says of following up a match, for an officer: the terms, who is called in, who has nobody."""

from collections.abc import Iterator
from itertools import combinations

from raakvlak_audit.report import Check, Table, Verdict
from raakvlak_audit.sentences import covenant as words
from raakvlak_audit.wording import Said
from raakvlak_protocol.covenant import COORDINATOR, NEVER_DIRECT, Covenant


def checks(covenant: Covenant) -> tuple[Check, ...]:
    """Nothing in them is ever wrong: what a covenant leaves to nobody is a note, for people to judge."""
    return (_terms(covenant), _coordination(covenant))


def _terms(covenant: Covenant) -> Check:
    terms, months = covenant.follow_up, covenant.archive_months
    rows = (
        (words.ACKNOWLEDGE(), terms.acknowledge_days),
        (words.CONTACT(), terms.contact_days),
        (words.AGREEMENT(), terms.agreement_days),
        (words.EVALUATION(), terms.evaluation_days),
        (words.GRACE(), terms.grace_days),
    )
    archive = words.ARCHIVE_FOUND(months=months) if months else words.ARCHIVE_NONE()
    found = (words.TERMS_FOUND(reminder=terms.reminder_days), archive)
    table = Table((words.TERM(), words.DAYS()), rows)
    return Check("follow_up_terms", words.TERMS_NAME(), words.READ(), Verdict.OK, found, (table,))


def _coordination(covenant: Covenant) -> Check:
    rows = tuple(
        (each.coordinator, covenant.members[each.coordinator].name, ", ".join(sorted(each.kinds)))
        for each in covenant.coordination
    )
    lacking = tuple(_lacking(covenant))
    return Check(
        "coordination",
        words.COORDINATION_NAME(),
        words.COORDINATION_HOW(),
        Verdict.NOTE if lacking else Verdict.OK,
        lacking or (words.ALL_SERVED(),),
        (Table((words.COORDINATOR(), words.NAME(), words.SERVES()), rows),) if rows else (),
    )


def _lacking(covenant: Covenant) -> Iterator[Said]:
    """A sentence for each kind of member without a coordinator, and for each two kinds that have none in common."""
    kinds = sorted({member.kind for member in covenant.members.values()} - {COORDINATOR})
    for kind in kinds:
        if not covenant.coordinated(kind):
            yield (words.WITHHELD if kind in NEVER_DIRECT else words.UNSERVED)(kind=kind)
    for one, other in combinations(filter(covenant.coordinated, kinds), 2):
        if covenant.coordinator_for(one, other) is None:
            yield (words.PAIR_UNSERVED if covenant.direct_for(one, other) else words.PAIR_UNHEARD)(one=one, other=other)
