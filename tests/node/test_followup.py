"""The rules of the follow-up: who may do what where, what crosses, and by when."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_node import followup
from raakvlak_node.followup import SIGN, Move, Phase, Records, Reminder, Standing, Term
from raakvlak_protocol.act import NOTHING, Act, ActKind, Agreement, Cause, Informed, Pair, Party, Signature, Task
from raakvlak_protocol.covenant import Covenant, FollowUpTerms
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused
from tests.covenants import make_covenant

SCHOOL, TOWN = Party("school", "S-1"), Party("town", "T-1")
PAIR = Pair.of(SCHOOL, TOWN)
CENTRE = "coordinator"
MEMBERS = ("school", "town", CENTRE)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BEGAN = date(2026, 3, 2)
EVALUATE_ON = date(2026, 5, 4)
TERMS = FollowUpTerms(5, 10, 30, 60, 5, 2)


@cache
def covenant(*, coordinated: bool = True) -> Covenant:
    members = {"school": "education", "town": "municipality"} | ({CENTRE: "coordinator"} if coordinated else {})
    return make_covenant(members=members).covenant


def an_agreement(salt: int = 1, parties: Iterable[Party] = (SCHOOL, TOWN), evaluate_on: date = EVALUATE_ON) -> Agreement:
    """An agreement that differs from others by its salt."""
    tasks = (Task("the school", "calls the parents", evaluate_on),)
    parties = tuple(sorted(parties))
    return Agreement(
        salt.to_bytes(32), 1, NOTHING, parties, "school", tasks, evaluate_on, Informed.AGREES, Informed.INFORMED_ONLY
    )


@dataclass
class Desk:
    """What one party holds of the pair, and its clock. Acts of anybody can be written down in it."""

    covenant: Covenant = field(default_factory=covenant)
    now: datetime = START
    acts: list[Act] = field(default_factory=list)
    agreements: dict[bytes, Agreement] = field(default_factory=dict)
    signatures: list[Signature] = field(default_factory=list)

    @property
    def records(self) -> Records:
        return Records(PAIR, list(self.acts), {}, dict(self.agreements), list(self.signatures))

    @property
    def standing(self) -> Standing:
        return followup.fold(self.records, self.covenant)

    def copy(self) -> "Desk":
        return replace(self, acts=list(self.acts), agreements=dict(self.agreements), signatures=list(self.signatures))

    def passes(self, **time: int) -> "Desk":
        self.now += timedelta(**time)
        return self

    def at(self) -> int:
        return followup.moment(self.records, int(self.now.timestamp()))

    def write(self, author: str, kind: ActKind, **also: Any) -> Act:
        """Adds an act behind what is here, whether it is allowed or not."""
        number, after = followup.place(self.standing, self.covenant.id)
        act = replace(Act(PAIR, author, number, after, self.at(), kind), **also)
        self.acts.append(act)
        return act

    def act(self, author: str, kind: ActKind, **also: Any) -> "Desk":
        """As a node does it: only what is allowed."""
        followup.demand(self.standing, kind, author)
        self.write(author, kind, **also)
        return self

    def contact(self, author: str = "school", day: date = BEGAN) -> "Desk":
        return self.act(author, ActKind.CONTACTED, day=day)

    def propose(self, author: str, agreement: Agreement) -> "Desk":
        self.act(author, ActKind.PROPOSED, about=agreement.hash, day=agreement.evaluate_on, lead=agreement.lead)
        self.agreements[agreement.hash] = agreement
        return self.signs(PAIR.party(author), agreement)

    def signs(self, party: Party, agreement: Agreement) -> "Desk":
        self.signatures.append(Signature(agreement.hash, party, self.at()))
        return self

    def sign(self, member: str) -> "Desk":
        standing = self.standing
        followup.demand(standing, SIGN, member)
        assert standing.proposal is not None
        return self.signs(PAIR.party(member), self.agreements[standing.proposal])

    def take(self, other: "Desk") -> "Desk":
        """Gets all that another holds, what is known already as well."""
        self.acts = [*dict.fromkeys(self.acts), *dict.fromkeys(other.acts)]
        self.agreements |= other.agreements
        self.signatures = [*dict.fromkeys(self.signatures), *dict.fromkeys(other.signatures)]
        return self


def meet(*desks: Desk) -> Standing:
    """Everybody gets everything; what they all find."""
    held = [each.copy() for each in desks]
    for each in desks:
        for other in held:
            each.take(other)
    found = [each.standing for each in desks]
    assert all(each == found[0] for each in found) and not found[0].missing
    return found[0]


def agreed(salt: int = 1) -> Desk:
    return Desk().contact().propose("school", an_agreement(salt)).sign("town")


def escalated() -> Desk:
    return Desk().contact().act("town", ActKind.ESCALATED, cause=Cause.REQUEST)


def uncounted(standing: Standing) -> list[Act | Signature]:
    return [each.record for each in standing.steps if not each.counted]


# --- the table ------------------------------------------------------------------------------------------------------------

A, C, AL, R, P, D, E, DE, EV, CL, RE = ActKind
STATES: Mapping[str, tuple[Callable[[], Desk], Phase, set[Move], set[Move], set[Move]]] = {
    # how it is reached, its phase, what the school, the town and the coordinator may do
    "signalled": (Desk, Phase.SIGNALLED, {A, C, AL, E}, {A, C, AL, E}, set()),
    "acknowledged by one": (lambda: Desk().act("school", A), Phase.SIGNALLED, {C, AL, E}, {A, C, AL, E}, set()),
    "acknowledged": (lambda: Desk().act("school", A).act("town", A), Phase.ACKNOWLEDGED, {C, AL, E}, {C, AL, E}, set()),
    "in contact": (lambda: Desk().contact(), Phase.IN_CONTACT, {C, AL, P, D, E, CL}, {A, C, AL, P, D, E, CL}, set()),
    "proposed": (
        lambda: Desk().contact().propose("school", an_agreement()),
        Phase.IN_CONTACT, {C, P, D, E, CL}, {A, C, P, SIGN, D, E, CL}, set(),
    ),
    "already in contact": (
        lambda: Desk().act("town", AL),
        Phase.ALREADY_IN_CONTACT, {A, C, R, P, E, CL}, {C, R, P, E, CL}, set(),
    ),
    "agreed": (agreed, Phase.AGREED, {C, P, E, EV, CL}, {C, P, E, EV, CL}, set()),
    "a change proposed": (
        lambda: agreed().propose("town", an_agreement(2)),
        Phase.AGREED, {C, P, SIGN, D, E, EV, CL}, {C, P, D, E, EV, CL}, set(),
    ),
    "escalated before contact": (lambda: Desk().act("school", E), Phase.ESCALATED, {C}, {C}, {DE, CL}),
    "escalated by a term": (lambda: Desk().act("school", E, cause=Cause.TERM), Phase.ESCALATED, {C}, {C}, {DE, CL}),
    "escalated": (escalated, Phase.ESCALATED, {C, P}, {C, P}, {DE, CL}),
    "not agreed": (
        lambda: Desk().contact().propose("school", an_agreement()).act("town", D),
        Phase.ESCALATED, {C, P}, {C, P, SIGN}, {DE, CL},
    ),
    "decided": (
        lambda: escalated().act(CENTRE, DE, lead="town"),
        Phase.IN_CONTACT, {C, AL, P, D, E, CL}, {C, AL, P, D, E, CL}, {CL},
    ),
    "closed": (lambda: agreed().act("town", CL), Phase.CLOSED, {RE}, {RE}, set()),
    "closed by the coordinator": (lambda: escalated().act(CENTRE, CL), Phase.CLOSED, {RE}, {RE}, set()),
    "reopened": (lambda: agreed().act("town", CL).act("school", RE), Phase.AGREED, {C, P, E, EV, CL}, {C, P, E, EV, CL}, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_what_each_may_do_in_each_state(name: str) -> None:
    make, phase, *expected = STATES[name]
    standing = make().standing
    assert standing.phase is phase and not uncounted(standing)
    assert [followup.allowed(standing, each) for each in MEMBERS] == expected


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("kind", ActKind)
def test_what_is_offered_is_what_counts(name: str, member: str, kind: ActKind) -> None:
    """Whatever somebody writes against its node's advice has no effect, for anybody."""
    desk = STATES[name][0]()
    before = desk.standing
    offered = kind in followup.allowed(before, member)
    if offered:
        followup.demand(before, kind, member)
    else:
        with pytest.raises(Refused, match=r"you can|nothing for you to do"):
            followup.demand(before, kind, member)
    change = an_agreement(9)
    also = {ActKind.PROPOSED: {"about": change.hash, "day": change.evaluate_on, "lead": change.lead}}
    desk.write(member, kind, **also.get(kind, {}))
    after = desk.standing
    assert after.steps[-1].counted == offered
    if not offered:
        assert replace(after, steps=before.steps) == before


@pytest.mark.parametrize("name", STATES)
def test_nothing_is_offered_in_a_match_that_has_ended(name: str) -> None:
    for expired, phase in ((True, Phase.EXPIRED), (False, Phase.WITHDRAWN)):
        standing = followup.ended(STATES[name][0]().standing, expired)
        assert standing.phase is phase and followup.due(standing, TERMS, BEGAN) is None
        assert not any(followup.allowed(standing, each) for each in MEMBERS)


@pytest.mark.parametrize("name", STATES)
def test_a_coordinator_without_the_texts_finds_the_same(name: str) -> None:
    desk = STATES[name][0]()
    whole = desk.standing
    desk.agreements.clear()
    skeleton = desk.standing
    assert skeleton == replace(whole, held=False)


def test_a_refusal_says_what_can_be_done() -> None:
    closed = agreed().act("town", CL).standing
    with pytest.raises(Refused, match=r"^this match is closed: you can reopen it$"):
        followup.demand(closed, P, "school")
    with pytest.raises(Refused, match=r"you have acknowledged this match already: you can note a contact, say .* or call in"):
        followup.demand(Desk().act("school", A).standing, A, "school")
    with pytest.raises(Refused, match=r"^no decision is asked for now: you can close it$"):
        followup.demand(escalated().act(CENTRE, DE, lead="town").standing, DE, CENTRE)
    with pytest.raises(Refused, match=r"^the coordinator has not been called in: there is nothing for you to do now$"):
        followup.demand(Desk().standing, DE, CENTRE)
    with pytest.raises(NotPermitted):
        followup.demand(Desk().standing, A, "police")


def test_a_proposal_whose_text_has_not_come_is_not_signed() -> None:
    desk = Desk().contact().propose("school", an_agreement())
    desk.agreements.clear()
    with pytest.raises(Refused, match="the text of the proposal has not come yet"):
        followup.demand(desk.standing, SIGN, "town")


# --- stories --------------------------------------------------------------------------------------------------------------


def test_from_a_match_to_an_evaluation_and_a_close() -> None:
    desk = Desk().act("school", A).passes(days=1).act("town", A).passes(days=1)
    desk.contact("town", date(2026, 3, 3)).passes(days=5).propose("school", an_agreement()).passes(days=2)
    standing = desk.standing
    assert (standing.contacted_on, standing.lead) == (date(2026, 3, 3), "") and standing.unsigned == {TOWN}
    standing = desk.sign("town").standing
    assert (standing.agreement, standing.lead, standing.agreed_on) == (an_agreement().hash, "school", date(2026, 3, 11))
    assert followup.phase_on(standing, date(2026, 5, 3)) is Phase.AGREED
    assert followup.phase_on(standing, EVALUATE_ON) is Phase.EVALUATION_DUE
    standing = desk.passes(days=60).act("town", EV, day=date(2026, 7, 1), about=an_agreement().hash).standing
    assert followup.phase_on(standing, date(2026, 6, 30)) is Phase.AGREED
    standing = desk.act("school", EV).standing
    assert standing.phase is Phase.AGREED and followup.due(standing, TERMS, BEGAN) is None
    standing = desk.act("school", CL).standing
    assert standing.phase is Phase.CLOSED and not uncounted(standing)
    assert [each.phase for each in standing.steps] == [
        *[Phase.SIGNALLED, Phase.ACKNOWLEDGED, Phase.IN_CONTACT, Phase.IN_CONTACT, Phase.IN_CONTACT],
        *[Phase.AGREED, Phase.AGREED, Phase.AGREED, Phase.CLOSED],
    ]


def test_who_acts_has_acknowledged_and_a_node_by_itself_has_not() -> None:
    desk = Desk()
    desk.act("school", E, cause=Cause.TERM)
    assert desk.standing.acknowledged == {}
    desk.passes(hours=1).contact("town")
    assert desk.standing.acknowledged == {"town": int(desk.now.timestamp())}


def test_an_agreement_stays_in_force_until_both_have_signed_the_next() -> None:
    first, second = an_agreement(1), an_agreement(2, evaluate_on=date(2026, 6, 1))
    desk = agreed(1).propose("town", second)
    standing = desk.standing
    assert (standing.agreement, standing.proposal, standing.evaluate_on) == (first.hash, second.hash, EVALUATE_ON)
    assert standing.unsigned == {SCHOOL}
    standing = desk.sign("school").standing
    assert (standing.agreement, standing.proposal, standing.evaluate_on) == (second.hash, None, date(2026, 6, 1))


def test_a_newer_proposal_replaces_the_one_that_waits() -> None:
    desk = Desk().contact().propose("school", an_agreement(1)).propose("town", an_agreement(2))
    assert desk.standing.proposal == an_agreement(2).hash
    desk.signs(TOWN, an_agreement(1))
    assert desk.standing.agreement is None and uncounted(desk.standing) == [desk.signatures[-1]]
    assert desk.sign("school").standing.agreement == an_agreement(2).hash


def test_the_coordinator_decides_who_leads_and_stays_until_the_close() -> None:
    desk = escalated()
    standing = desk.standing
    assert (standing.escalated_by, standing.cause, standing.since) == ("town", Cause.REQUEST, BEGAN)
    standing = desk.act(CENTRE, DE, lead="town").standing
    assert (standing.lead, standing.coordinated, standing.since, standing.cause) == ("town", True, None, None)
    standing = desk.act("school", CL).standing
    assert not standing.coordinated and standing.lead == "town"


def test_an_agreement_signed_by_both_ends_an_escalation() -> None:
    desk = Desk().contact().propose("school", an_agreement()).act("town", D, about=an_agreement().hash)
    assert desk.standing.phase is Phase.ESCALATED and desk.standing.cause is Cause.NONE
    standing = desk.sign("town").standing
    assert standing.phase is Phase.AGREED and standing.coordinated and standing.escalated_by == ""
    assert not uncounted(standing)


def test_an_agreement_signed_before_an_escalation_does_not_end_it() -> None:
    desk = agreed().act("town", E)
    assert desk.standing.phase is Phase.ESCALATED and desk.standing.agreement == an_agreement().hash


def test_disagreement_is_only_marked_where_nobody_can_be_called_in() -> None:
    desk = Desk(covenant(coordinated=False)).contact()
    assert E not in followup.allowed(desk.standing, "school")
    with pytest.raises(Refused, match="the covenant names no coordinator"):
        followup.demand(desk.standing, E, "school")
    standing = desk.act("school", D).standing
    assert (standing.phase, standing.disagreed, standing.coordinated) == (Phase.IN_CONTACT, "school", False)
    standing = desk.propose("town", an_agreement()).sign("school").standing
    assert standing.phase is Phase.AGREED and standing.disagreed == ""


def test_already_in_contact_silences_and_can_be_resumed() -> None:
    desk = Desk().act("school", AL)
    assert desk.standing.silenced and followup.due(desk.standing, TERMS, BEGAN) is None
    desk.passes(days=100).act("town", R)
    found = followup.due(desk.standing, TERMS, BEGAN)
    assert not desk.standing.silenced and desk.standing.terms_from == date(2026, 6, 10)
    assert found is not None and found.term is Term.CONTACT and found.on == date(2026, 6, 24)


def test_those_who_were_in_contact_already_can_still_agree() -> None:
    desk = Desk().act("school", AL).passes(days=3).propose("town", an_agreement())
    standing = desk.standing
    assert (standing.phase, standing.silenced, standing.contacted_on) == (Phase.IN_CONTACT, False, date(2026, 3, 5))
    assert desk.sign("school").standing.phase is Phase.AGREED


def test_a_reopened_match_goes_on_from_where_it_stood() -> None:
    desk = agreed().passes(days=100).act("town", CL).passes(days=1).act("school", RE)
    standing = desk.standing
    assert standing.phase is Phase.AGREED and standing.agreement == an_agreement().hash
    found = followup.due(standing, TERMS, BEGAN)
    assert found is not None and found.term is Term.EVALUATION and found.on == date(2026, 6, 25)  # its own day has long passed


def test_three_organisations_one_agreement_and_who_has_not_signed() -> None:
    police = Party("police", "P-1")
    text = an_agreement(parties=(SCHOOL, TOWN, police))
    desk = Desk().contact().propose("school", text)
    assert desk.standing.unsigned == {TOWN, police}
    standing = desk.sign("town").standing
    assert standing.phase is Phase.AGREED and standing.unsigned == {police}
    standing = desk.signs(police, text).standing
    assert standing.unsigned == frozenset() and not uncounted(standing)


def test_signatures_that_were_given_in_another_pair_count_when_the_agreement_is_carried_in() -> None:
    text = an_agreement()
    desk = Desk().contact().signs(SCHOOL, text).signs(TOWN, text)
    before = desk.standing
    assert before.phase is Phase.IN_CONTACT and len(uncounted(before)) == 2
    desk.write("town", P, about=text.hash, day=text.evaluate_on, lead=text.lead)
    carried = desk.standing
    assert carried.phase is Phase.AGREED and not uncounted(carried)
    desk.write("school", P, about=text.hash, day=text.evaluate_on, lead=text.lead)  # the other side carries it in as well
    assert desk.standing.phase is Phase.AGREED and uncounted(desk.standing) == [desk.acts[-1]]


def test_a_stranger_signs_nothing() -> None:
    desk = Desk().contact().propose("school", an_agreement()).signs(Party("town", "T-2"), an_agreement())
    assert desk.standing.unsigned == {TOWN} and uncounted(desk.standing) == [desk.signatures[-1]]


@pytest.mark.parametrize(
    "also",
    [
        {"day": EVALUATE_ON + timedelta(days=1)},
        {"day": None},
        {"lead": "town"},
        {"lead": ""},
        {"about": NOTHING},
        {"about": an_agreement(2, parties=(SCHOOL, Party("town", "T-2"))).hash},
    ],
)
def test_a_proposal_that_contradicts_its_text_has_no_effect(also: Mapping[str, Any]) -> None:
    text, of_others = an_agreement(), an_agreement(2, parties=(SCHOOL, Party("town", "T-2")))
    desk = Desk(agreements={text.hash: text, of_others.hash: of_others}).contact()
    desk.write("school", P, **{"about": text.hash, "day": text.evaluate_on, "lead": text.lead, **also})
    assert desk.standing.proposal is None and uncounted(desk.standing) == [desk.acts[-1]]


def test_acts_about_another_agreement_have_no_effect() -> None:
    desk = agreed().propose("town", an_agreement(2))
    desk.write("school", D, about=an_agreement(3).hash)
    desk.write("school", EV, about=an_agreement(2).hash, day=date(2026, 7, 1))
    assert uncounted(desk.standing) == desk.acts[-2:] and desk.standing.evaluate_on == EVALUATE_ON


# --- what crosses ---------------------------------------------------------------------------------------------------------


def test_both_acknowledge_at_once() -> None:
    school, town = Desk().act("school", A), Desk().act("town", A)
    assert meet(school, town).phase is Phase.ACKNOWLEDGED


@pytest.mark.parametrize("kind", [C, AL])
def test_contact_and_already_in_contact_cross(kind: ActKind) -> None:
    """Whichever stands first, the match is silent and both count."""
    school, town = Desk().act("school", kind, day=BEGAN), Desk().act("town", C if kind is AL else AL)
    standing = meet(school, town)
    assert standing.phase is Phase.ALREADY_IN_CONTACT and standing.contacted_on == BEGAN and not uncounted(standing)


def test_both_propose_at_once_and_one_of_the_two_is_signed() -> None:
    school, town = Desk().contact(), Desk()
    meet(school, town)
    school.propose("school", an_agreement(1))
    town.propose("town", an_agreement(2))
    standing = meet(school, town)
    assert standing.proposal == an_agreement(2).hash and standing.unsigned == {SCHOOL}
    school.sign("school")
    assert meet(school, town).agreement == an_agreement(2).hash


def test_a_signature_crosses_with_a_newer_version() -> None:
    school, town = Desk().contact().propose("school", an_agreement(1)), Desk()
    meet(school, town)
    school.passes(hours=1).propose("school", an_agreement(2))
    town.passes(hours=2).sign("town")
    standing = meet(school, town)
    assert standing.agreement is None and standing.unsigned == {TOWN}
    town.sign("town")
    assert meet(school, town).agreement == an_agreement(2).hash


def test_both_nodes_call_in_the_coordinator_by_themselves() -> None:
    school, town = Desk().act("school", E, cause=Cause.TERM), Desk().act("town", E, cause=Cause.TERM)
    standing = meet(school, town)
    assert standing.escalated_by == "school" and uncounted(standing) == [town.acts[0]]


def test_closing_crosses_with_calling_in_the_coordinator() -> None:
    school, town = Desk().contact(), Desk()
    meet(school, town)
    school.act("school", CL)
    town.act("town", E)
    standing = meet(school, town)
    assert standing.phase is Phase.CLOSED and [each.kind for each in uncounted(standing) if isinstance(each, Act)] == [E]


def test_an_act_waits_for_those_that_it_follows_on() -> None:
    desk = Desk().act("school", A).contact().propose("school", an_agreement())
    desk.acts.pop(1)
    standing = desk.standing
    assert standing.missing and standing.phase is Phase.SIGNALLED and len([e for e in standing.steps if e.counted]) == 1
    desk.act("town", A)
    assert desk.standing.phase is Phase.ACKNOWLEDGED, "what is done meanwhile does not wait with it"


def test_clocks_that_differ_change_nothing_where_nothing_crosses() -> None:
    school = Desk().passes(hours=3).contact().propose("school", an_agreement())
    town = Desk().take(school).passes(minutes=-20).act("town", D)
    school.take(town).passes(minutes=1)
    town.take(school).sign("town")
    assert town.standing.phase is Phase.AGREED and not uncounted(town.standing)
    school.take(town).act("school", E)
    assert meet(school, town).phase is Phase.ESCALATED


def test_a_clock_that_is_years_ahead_is_not_followed() -> None:
    desk = Desk()
    desk.acts.append(Act(PAIR, "town", 1, (), int((START + timedelta(days=900)).timestamp()), A))
    assert desk.at() == int(START.timestamp())


def test_whoever_evaluates_has_seen_the_signatures_whatever_the_clocks_say() -> None:
    desk = agreed()
    desk.act("school", EV, day=date(2026, 6, 1), at=1)
    assert desk.standing.evaluate_on == date(2026, 6, 1) and not uncounted(desk.standing)


def test_of_two_signatures_of_one_party_the_first_counts() -> None:
    desk = agreed().passes(days=1)
    once = desk.standing
    desk.signs(TOWN, an_agreement())
    assert desk.standing == once


@given(data=st.data())
def test_the_order_in_which_records_come_and_doubles_do_not_matter(data: st.DataObject) -> None:
    desk = STATES[data.draw(st.sampled_from(list(STATES)))][0]()
    whole = desk.standing
    desk.acts = data.draw(st.permutations(desk.acts * 2))
    desk.signatures = data.draw(st.permutations(desk.signatures * 2))
    assert desk.standing == whole


def test_a_member_that_has_left_leaves_its_history() -> None:
    desk = agreed()
    left = replace(desk.covenant, members={key: each for key, each in desk.covenant.members.items() if key != "town"})
    standing = followup.fold(desk.records, left)
    assert standing.phase is Phase.AGREED and standing.coordinator == ""


# --- by when --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "term", "on", "whose"),
    [
        ("signalled", Term.ACKNOWLEDGE, date(2026, 3, 9), {"school", "town"}),
        ("acknowledged by one", Term.ACKNOWLEDGE, date(2026, 3, 9), {"town"}),
        ("acknowledged", Term.CONTACT, date(2026, 3, 16), {"school", "town"}),
        ("in contact", Term.AGREEMENT, date(2026, 4, 15), {"school", "town"}),  # Good Friday and Easter Monday lie between
        ("proposed", Term.AGREEMENT, date(2026, 4, 15), {"town"}),
        ("agreed", Term.EVALUATION, EVALUATE_ON, {"school", "town"}),
        ("decided", Term.AGREEMENT, date(2026, 4, 15), {"school", "town"}),
    ],
)
def test_what_is_due_by_when_and_who_is_to_do_it(name: str, term: Term, on: date, whose: set[str]) -> None:
    found = followup.due(STATES[name][0]().standing, TERMS, BEGAN)
    assert found is not None and (found.term, found.on) == (term, on) and found.whose == whose


@pytest.mark.parametrize("name", ["already in contact", "escalated", "closed", "not agreed"])
def test_nothing_is_due(name: str) -> None:
    assert followup.due(STATES[name][0]().standing, TERMS, BEGAN) is None


def test_the_earlier_of_two_terms_is_due() -> None:
    found = followup.due(Desk().standing, replace(TERMS, contact_days=3), BEGAN)
    assert found is not None and (found.term, found.on) == (Term.CONTACT, date(2026, 3, 5))


def test_nobody_is_late_with_what_it_could_not_know() -> None:
    found = followup.due(Desk().contact("town", date(2026, 1, 5)).standing, TERMS, date(2026, 6, 1))
    assert found is not None and (found.term, found.on) == (Term.AGREEMENT, date(2026, 7, 13))
    assert followup.acknowledge_by(date(2026, 6, 1), TERMS) == date(2026, 6, 8)


def test_a_contact_does_not_lie_behind_the_act_that_tells_it() -> None:
    assert Desk().contact("town", date(2099, 1, 1)).standing.contacted_on == BEGAN


@pytest.mark.parametrize(("grace", "day"), [(0, date(2026, 3, 10)), (5, date(2026, 3, 17))])
def test_the_coordinator_is_called_in_once_the_grace_has_passed(grace: int, day: date) -> None:
    found = followup.due(Desk().standing, replace(TERMS, grace_days=grace), BEGAN)
    assert found is not None and found.escalates_on == day


def test_where_nobody_coordinates_nothing_escalates() -> None:
    found = followup.due(Desk(covenant(coordinated=False)).standing, TERMS, BEGAN)
    assert found is not None and found.escalates_on is None


@pytest.mark.parametrize(
    ("state", "term", "on"),
    [
        (Desk, Term.ACKNOWLEDGE, date(2026, 10, 7)),
        (lambda: Desk().contact(), Term.AGREEMENT, date(2026, 11, 11)),
        (agreed, Term.EVALUATION, date(2026, 10, 14)),
    ],
)
def test_terms_count_anew_from_a_decision(state: Callable[[], Desk], term: Term, on: date) -> None:
    desk = state().act("school", E).passes(days=212).act(CENTRE, DE, lead="town")
    found = followup.due(desk.standing, TERMS, BEGAN)
    assert found is not None and (found.term, found.on) == (term, on)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 4), None),
        (date(2026, 3, 5), Reminder.BEFORE),
        (date(2026, 3, 8), Reminder.BEFORE),
        (date(2026, 3, 9), Reminder.ON),
        (date(2026, 3, 10), Reminder.PAST),
        (date(2026, 4, 10), Reminder.PAST),
    ],
)
def test_reminders(day: date, expected: Reminder | None) -> None:
    found = followup.due(Desk().standing, TERMS, BEGAN)
    assert found is not None and followup.reminder(found, TERMS, day) is expected


def test_days_that_an_act_can_have() -> None:
    followup.demand_day(C, BEGAN, TERMS, BEGAN)
    followup.demand_day(EV, None, TERMS, BEGAN)
    followup.demand_day(A, None, TERMS, BEGAN)
    followup.demand_day(P, date(2026, 6, 1), TERMS, BEGAN)
    wrong: list[tuple[Move, date | None]] = [
        (C, date(2026, 3, 3)), (C, None), (P, None), (P, BEGAN), (P, date(2026, 6, 2)), (SIGN, BEGAN), (EV, BEGAN)
    ]  # fmt: skip
    for move, day in wrong:
        with pytest.raises(Malformed) as caught:
            followup.demand_day(move, day, TERMS, BEGAN)
        assert caught.value.field == "day"
