"""What a covenant means, in sentences for the board: the rules that it has, and what it leaves to nobody."""

from collections.abc import Iterator
from itertools import combinations

from raakvlak_protocol.covenant import COORDINATOR, NEVER_DIRECT, Coordination, Covenant


def rules(covenant: Covenant) -> Iterator[str]:
    """Who watches the log, how soon a match is followed up, who is called in, and what is kept."""
    yield _watched(covenant)
    yield from _followed_up(covenant)
    yield from (_called_in(covenant, each) for each in covenant.coordination)
    yield _kept(covenant)


def lacking(covenant: Covenant) -> Iterator[str]:
    """What goes to waste because no coordinator serves it; nothing where each two kinds of member have one.

    A warning and no fault: partners may well agree on it, but not without knowing.
    """
    kinds = sorted({member.kind for member in covenant.members.values()} - {COORDINATOR})
    unserved = [kind for kind in kinds if not covenant.coordinated(kind)]
    for kind in unserved:
        if kind in NEVER_DIRECT:
            yield f"warning: no coordinator serves {kind}: whatever it has is withheld, and nobody hears of its matches"
    others = [kind for kind in unserved if kind not in NEVER_DIRECT]
    if others:
        yield (
            f"warning: no coordinator serves {', '.join(others)}: confidential and protected cases there are withheld, "
            "and nobody is called in where a match is not followed up"
        )
    for one, other in combinations([kind for kind in kinds if kind not in unserved], 2):
        if covenant.coordinator_for(one, other) is None:
            yield f"warning: no coordinator serves both {one} and {other}: {_unheard(covenant, one, other)}"


def _unheard(covenant: Covenant, one: str, other: str) -> str:
    if not covenant.direct_for(one, other):
        return "nobody hears of a match between them"
    return "nobody hears of a match with a confidential or protected case between them, nor is called in about another"


def _watched(covenant: Covenant) -> str:
    """What is asked of the log before anybody trusts it."""
    if not covenant.witness_threshold:
        return f"no witness need cosign the log ({len(covenant.witnesses)} named): parties trust the index's word alone"
    return f"the log is trusted up to where {covenant.witness_threshold} of {len(covenant.witnesses)} witnesses cosigned it"


def _followed_up(covenant: Covenant) -> Iterator[str]:
    terms = covenant.follow_up
    yield (
        f"in working days: a match is looked at within {terms.acknowledge_days} and spoken about within "
        f"{terms.contact_days}; {terms.agreement_days} after that there is an agreement, and {terms.evaluation_days} after "
        "an agreement or evaluation, at most, the next evaluation"
    )
    remind = f"{_counted(terms.reminder_days, 'working day')} before a term" if terms.reminder_days else "on the day of a term"
    called = f"{_counted(terms.grace_days, 'working day')} after it" if terms.grace_days else "as soon as it passed"
    yield f"a reminder is given {remind}; a coordinator, where there is one, is called in {called}"


def _called_in(covenant: Covenant, rule: Coordination) -> str:
    name = covenant.members[rule.coordinator].name
    return f"{rule.coordinator} ({name}) is called in between any two of: {', '.join(sorted(rule.kinds))}"


def _kept(covenant: Covenant) -> str:
    if not covenant.archive_months:
        return "there is no archive: what ended is not kept"
    months = _counted(covenant.archive_months, "month")
    return f"a node may keep what ended because the risk is gone or the term was over for {months} more"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
