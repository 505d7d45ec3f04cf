"""Under which rules a year is run: all of them, each of them off or changed once, and none."""

from dataclasses import dataclass, replace
from typing import Final

from raakvlak_protocol.covenant import Covenant, FollowUpTerms


@dataclass(frozen=True)
class Rules:
    """What is in force. `terms` False: none, so neither reminders nor escalation by them. `silence`: whether people can say
    that they were in contact already. `network` False: letters come within the quarter hour and no node is ever off."""

    name: str
    terms: bool = True
    reminders: bool = True
    escalation: bool = True
    silence: bool = True
    coordinator: bool = True
    contact_times: int = 1
    grace_times: int = 1
    network: bool = True

    def covenant(self, given: Covenant) -> Covenant:
        """The covenant as these rules have it."""
        terms = given.follow_up
        changed = replace(
            terms, contact_days=self.contact_times * terms.contact_days, grace_days=self.grace_times * terms.grace_days
        )
        return replace(given, follow_up=changed, coordination=given.coordination if self.coordinator else ())

    def in_force(self, covenant: Covenant) -> FollowUpTerms | None:
        return covenant.follow_up if self.terms else None


FULL: Final = Rules("all rules")
INCUMBENT: Final = Rules("as the incumbent", terms=False, reminders=False, escalation=False, silence=False, coordinator=False)
ABLATIONS: Final = (
    Rules("no reminders", reminders=False),
    Rules("no escalation by term", escalation=False),
    Rules("no 'already in contact'", silence=False),
    Rules("contact term × 2", contact_times=2),
    Rules("grace × 2", grace_times=2),
    Rules("perfect network", network=False),
)
