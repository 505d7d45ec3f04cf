"""Agreements: who does what by when, who leads, when to evaluate, and whether parents and youth know of it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from raakvlak_node.follow_ups import Terms
from raakvlak_node.followup import Records
from raakvlak_node.rest.door import Day
from raakvlak_node.rest.manners import MAX_NUMBER
from raakvlak_protocol.act import MAX_PARTIES, MAX_TASKS, Informed, Task
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS, MAX_WRITTEN_CHARACTERS

ID_PATTERN: Final = "^[0-9a-f]{32}$"
Seen = Annotated[int, Field(ge=0, le=MAX_NUMBER, strict=True, description="the `seen` of the follow-up as you last read it")]


class Told(StrEnum):
    """Whether somebody agrees with an agreement, knows of it only, or does not know of it."""

    AGREES = "agrees"
    INFORMED_ONLY = "informed_only"
    NOT_INFORMED = "not_informed"


class TaskBody(BaseModel):
    """Who does what by when."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    who: str = Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)
    what: str = Field(min_length=1, max_length=MAX_WRITTEN_CHARACTERS)
    by: Day


class TermsBody(BaseModel):
    """What is agreed. Where parents or youth are not informed, `because` says why."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    lead: str = Field(description="the member that leads: one of the parties, or their coordinator")
    tasks: list[TaskBody] = Field(min_length=1, max_length=MAX_TASKS)
    evaluate_on: Day
    parents: Told
    youth: Told
    because: str = Field("", max_length=MAX_WRITTEN_CHARACTERS)

    def terms(self) -> Terms:
        return Terms(
            self.lead,
            tuple(Task(each.who, each.what, each.by) for each in self.tasks),
            self.evaluate_on,
            Informed[self.parents.name],
            Informed[self.youth.name],
            self.because,
        )


class PartyBody(BaseModel):
    """A party of an agreement; `signed` is null until it has signed."""

    member: str
    case_ref: str
    signed: datetime | None


class AgreementBody(BaseModel):
    """An agreement, and who has signed it. `terms` is null where the text is not here, or not for this organisation."""

    id: str
    version: int | None
    parties: list[PartyBody]
    terms: TermsBody | None


def agreement_body(records: Records, hash: bytes | None) -> AgreementBody | None:
    """The agreement of this hash as the API, and `--json`, tell it."""
    if hash is None:
        return None
    text = records.agreements.get(hash)
    signed = {each.party: each.at for each in reversed(records.signatures) if each.agreement == hash}
    parties = sorted(signed) if text is None else text.parties
    return AgreementBody(
        id=hash.hex(),
        version=None if text is None else text.version,
        parties=[
            PartyBody(
                member=each.member,
                case_ref=each.reference,
                signed=datetime.fromtimestamp(signed[each], UTC) if each in signed else None,
            )
            for each in parties
        ],
        terms=None
        if text is None
        else TermsBody(
            lead=text.lead,
            tasks=[TaskBody(who=each.who, what=each.what, by=each.by) for each in text.tasks],
            evaluate_on=text.evaluate_on,
            parents=Told[text.parents.name],
            youth=Told[text.youth.name],
            because=text.because,
        ),
    )


class InBody(BaseModel):
    """A follow-up in which an agreement is proposed, as it was last read."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=ID_PATTERN)]
    seen: Seen


class ProposalBody(TermsBody):
    """An agreement to be proposed: in one follow-up, or one text in several of the same own case."""

    follow_ups: list[InBody] = Field(min_length=1, max_length=MAX_PARTIES - 1)
