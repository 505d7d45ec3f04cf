"""Random histories of a follow-up: two sides and a coordinator, each with what it happens to hold.

Each acts by what its own copy allows. What it writes reaches the others in part, doubled, late or not before the end; a
party goes back to an older copy; a side writes what it should not. Once all is delivered everybody finds the same.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from raakvlak_node import followup
from raakvlak_node.followup import SIGN, Move, Phase, Standing, allowed
from raakvlak_protocol.act import Act, ActKind, Cause, Signature
from raakvlak_protocol.errors import Refused
from tests.node.test_followup import BEGAN, CENTRE, EVALUATE_ON, MEMBERS, PAIR, START, TERMS, Desk, an_agreement

LEGAL: Final = {
    # Closed before any contact: by a coordinator that was called in and has decided.
    Phase.SIGNALLED: {Phase.ACKNOWLEDGED, Phase.IN_CONTACT, Phase.ALREADY_IN_CONTACT, Phase.ESCALATED, Phase.CLOSED},
    Phase.ACKNOWLEDGED: {Phase.IN_CONTACT, Phase.ALREADY_IN_CONTACT, Phase.ESCALATED, Phase.CLOSED},
    Phase.IN_CONTACT: {Phase.ALREADY_IN_CONTACT, Phase.AGREED, Phase.ESCALATED, Phase.CLOSED},
    Phase.ALREADY_IN_CONTACT: {Phase.SIGNALLED, Phase.ACKNOWLEDGED, Phase.IN_CONTACT, Phase.ESCALATED, Phase.CLOSED},
    Phase.AGREED: {Phase.ESCALATED, Phase.CLOSED},
    # Back to where it stood, on to an agreement, or to the end.
    Phase.ESCALATED: set(Phase) - {Phase.EVALUATION_DUE, Phase.WITHDRAWN, Phase.EXPIRED},
    # Reopened it goes on from where it stood, but no longer silent.
    Phase.CLOSED: {Phase.SIGNALLED, Phase.ACKNOWLEDGED, Phase.IN_CONTACT, Phase.AGREED},
}
_MEMBERS = st.sampled_from(MEMBERS)
_MOVES: Final[tuple[Move, ...]] = (*ActKind, SIGN)
_NAMES: Final = [each.name for each in _MOVES]

Record = Act | Signature


def _move(name: str) -> Move:
    return SIGN if name == "SIGN" else ActKind[name]


class Histories(RuleBasedStateMachine):
    """`seen` has for each record what its author had read when it wrote it."""

    def __init__(self) -> None:
        super().__init__()
        self.desks = {each: Desk() for each in MEMBERS}
        self.before: dict[str, Desk] = {}
        self.seen: dict[Record, frozenset[Record]] = {}
        self.texts = 0
        self.all_behave = True

    @initialize(begun=st.sampled_from(["", "contact", "agreed", "called in"]), all_behave=st.booleans())
    def begin(self, begun: str, all_behave: bool) -> None:
        """Some histories start further on, others would seldom come so far."""
        self.all_behave = all_behave
        moves: dict[str, list[tuple[str, Move]]] = {
            "": [],
            "contact": [("school", ActKind.CONTACTED)],
            "agreed": [("town", ActKind.CONTACTED), ("school", ActKind.PROPOSED), ("school", SIGN), ("town", SIGN)],
            "called in": [("town", ActKind.ESCALATED)],
        }
        for member, move in moves[begun]:
            self._take(member, move, 1)
            for other in set(MEMBERS) - {member}:
                self.desks[other].take(self._told(member, other))

    # --- what people do ---------------------------------------------------------------------------------------------------

    @rule(member=_MEMBERS, choice=st.integers(0, 20), ahead=st.integers(1, 200))
    def act(self, member: str, choice: int, ahead: int) -> None:
        """One of the moves that are offered; what was offered counts."""
        offered = sorted(allowed(self.desks[member].standing, member), key=lambda each: _NAMES.index(each.name))
        if offered:
            self._take(member, offered[choice % len(offered)], ahead)

    def _take(self, member: str, move: Move, ahead: int) -> None:
        desk = self.desks[member]
        standing = desk.standing
        followup.demand(standing, move, member)
        record = self._do(desk, member, move, ahead)
        self.seen[record] = frozenset(each.record for each in standing.steps)
        step = next(each for each in desk.standing.steps if each.record == record)
        assert step.counted, (move, standing)

    def _do(self, desk: Desk, member: str, move: Move, ahead: int) -> Record:
        if move is SIGN:
            return desk.sign(member).signatures[-1]
        assert isinstance(move, ActKind)
        if move is ActKind.PROPOSED:
            self.texts += 1
            text = an_agreement(self.texts, evaluate_on=EVALUATE_ON + timedelta(days=ahead))
            desk.agreements[text.hash] = text
            return desk.write(member, move, about=text.hash, day=text.evaluate_on, lead=text.lead)
        if move is ActKind.EVALUATED:
            return desk.write(member, move, day=BEGAN + timedelta(days=ahead) if ahead % 3 else None)
        if move is ActKind.ESCALATED:
            return desk.write(member, move, cause=Cause.TERM if ahead % 2 else Cause.REQUEST)
        if move is ActKind.DECIDED:
            return desk.write(member, move, lead=PAIR.members[ahead % 2])
        return desk.write(member, move, day=BEGAN if move is ActKind.CONTACTED else None)

    @rule(member=st.sampled_from(PAIR.members), again=st.booleans())
    def propose_and_sign(self, member: str, again: bool) -> None:
        """As nodes do it; without it few histories would come to an agreement."""
        for move in (ActKind.PROPOSED, SIGN) if again else (SIGN,):
            if move in allowed(self.desks[member].standing, member):
                self._take(member, move, 1)

    @rule(member=_MEMBERS, name=st.sampled_from(_NAMES))
    def ask_what_is_not_offered(self, member: str, name: str) -> None:
        standing = self.desks[member].standing
        if _move(name) not in allowed(standing, member):
            with pytest.raises(Refused):
                followup.demand(standing, _move(name), member)

    @rule(member=_MEMBERS, minutes=st.integers(-30, 60 * 24 * 20))
    def time_passes(self, member: str, minutes: int) -> None:
        """For one of them: clocks differ."""
        self.desks[member].passes(minutes=minutes)

    # --- what goes wrong ----------------------------------------------------------------------------------------------------

    @rule(sender=_MEMBERS, receiver=_MEMBERS, data=st.data())
    def some_is_delivered(self, sender: str, receiver: str, data: st.DataObject) -> None:
        """Some of it, in any order, some of it twice."""
        sent, got = self.desks[sender], self.desks[receiver]
        if sent.acts:
            got.acts += data.draw(st.lists(st.sampled_from(sent.acts), max_size=len(sent.acts)))
        if sent.signatures:
            got.signatures += data.draw(st.lists(st.sampled_from(sent.signatures), max_size=3))
        if sent.agreements and receiver != CENTRE:
            got.agreements |= dict(data.draw(st.lists(st.sampled_from(list(sent.agreements.items())), max_size=2)))

    @rule(one=st.sampled_from(PAIR.members), other=_MEMBERS)
    def all_is_delivered(self, one: str, other: str) -> None:
        for sender, receiver in ((one, other), (other, one)):
            if sender != receiver:
                self.desks[receiver].take(self._told(sender, receiver))

    def _told(self, sender: str, receiver: str) -> Desk:
        sent = self.desks[sender].copy()
        return replace(sent, agreements={}) if CENTRE in (sender, receiver) else sent

    @rule(member=_MEMBERS)
    def back_up(self, member: str) -> None:
        self.before[member] = self.desks[member].copy()

    @precondition(lambda self: self.before)
    @rule(member=_MEMBERS)
    def restore(self, member: str) -> None:
        """What was written since and had not reached anybody is gone; of what had, the node knows nothing for now."""
        if member in self.before:
            now = self.desks[member].now
            self.desks[member] = replace(self.before[member].copy(), now=now)

    @precondition(lambda self: not self.all_behave)
    @rule(member=_MEMBERS, name=st.sampled_from([each.name for each in ActKind]), years=st.integers(-2, 2))
    def misbehave(self, member: str, name: str, years: int) -> None:
        """Writes what is not allowed, with a clock of its own: it has no effect, unless it is dated back to before a
        signature, from where it can't be told from one that crossed with that."""
        desk = self.desks[member]
        before = desk.standing
        if _move(name) not in allowed(before, member):
            at = int((START + timedelta(days=365 * years)).timestamp())
            record = desk.write(member, ActKind[name], at=at)
            step = next(each for each in desk.standing.steps if each.record == record)
            assert not step.counted or any(each.at > at for each in desk.signatures)

    # --- what holds -----------------------------------------------------------------------------------------------------------

    @invariant()
    def every_step_is_legal(self) -> None:
        for desk in self.desks.values():
            standing = desk.standing
            phase = Phase.SIGNALLED
            for step in standing.steps:
                assert step.phase is phase or (step.counted and step.phase in LEGAL[phase])
                phase = step.phase
            assert standing.phase is phase
            due = followup.due(standing, TERMS, BEGAN)
            silent = {Phase.ALREADY_IN_CONTACT, Phase.ESCALATED, Phase.CLOSED}
            assert (due is None) == (phase in silent or (phase is Phase.AGREED and standing.evaluate_on is None))

    @rule()
    def quiet(self) -> None:
        """All is delivered to all; nobody has lost anything, and what has no effect has crossed."""
        told = {(one, other): self._told(one, other) for one in MEMBERS for other in MEMBERS if one != other}
        for (_, receiver), sent in told.items():
            self.desks[receiver].take(sent)
        found = {each: desk.standing for each, desk in self.desks.items()}
        school = found["school"]
        assert found["town"] == school and found[CENTRE] == replace(school, held=False)
        assert not school.missing
        self._nothing_is_lost(school)
        if self.all_behave:
            self._what_has_no_effect_has_crossed(school)

    def _nothing_is_lost(self, standing: Standing) -> None:
        records = [each.record for each in standing.steps]
        assert len(records) == len(set(records))
        acts = {each for desk in self.desks.values() for each in desk.acts}
        signed = {(each.agreement, each.party) for desk in self.desks.values() for each in desk.signatures}
        assert {each for each in records if isinstance(each, Act)} == acts
        assert {(each.agreement, each.party) for each in records if isinstance(each, Signature)} == signed

    def _what_has_no_effect_has_crossed(self, standing: Standing) -> None:
        passed: set[Record] = set()
        for step in standing.steps:
            assert step.counted or passed - self.seen[step.record], step
            passed.add(step.record)

    def teardown(self) -> None:
        self.quiet()


Histories.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestHistories = Histories.TestCase
