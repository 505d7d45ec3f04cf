from raakvlak_protocol.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Relation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELATION_UNSPECIFIED: _ClassVar[Relation]
    CLIENT: _ClassVar[Relation]
    PARENT: _ClassVar[Relation]
    CHILD: _ClassVar[Relation]
    SIBLING: _ClassVar[Relation]
    ADDRESS: _ClassVar[Relation]

class ActKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACT_KIND_UNSPECIFIED: _ClassVar[ActKind]
    ACKNOWLEDGED: _ClassVar[ActKind]
    CONTACTED: _ClassVar[ActKind]
    ALREADY_IN_CONTACT: _ClassVar[ActKind]
    RESUMED: _ClassVar[ActKind]
    PROPOSED: _ClassVar[ActKind]
    DISAGREED: _ClassVar[ActKind]
    ESCALATED: _ClassVar[ActKind]
    DECIDED: _ClassVar[ActKind]
    EVALUATED: _ClassVar[ActKind]
    CLOSED: _ClassVar[ActKind]
    REOPENED: _ClassVar[ActKind]

class Cause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAUSE_UNSPECIFIED: _ClassVar[Cause]
    TERM: _ClassVar[Cause]
    REQUEST: _ClassVar[Cause]

class Informed(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INFORMED_UNSPECIFIED: _ClassVar[Informed]
    AGREES: _ClassVar[Informed]
    INFORMED_ONLY: _ClassVar[Informed]
    NOT_INFORMED: _ClassVar[Informed]
RELATION_UNSPECIFIED: Relation
CLIENT: Relation
PARENT: Relation
CHILD: Relation
SIBLING: Relation
ADDRESS: Relation
ACT_KIND_UNSPECIFIED: ActKind
ACKNOWLEDGED: ActKind
CONTACTED: ActKind
ALREADY_IN_CONTACT: ActKind
RESUMED: ActKind
PROPOSED: ActKind
DISAGREED: ActKind
ESCALATED: ActKind
DECIDED: ActKind
EVALUATED: ActKind
CLOSED: ActKind
REOPENED: ActKind
CAUSE_UNSPECIFIED: Cause
TERM: Cause
REQUEST: Cause
INFORMED_UNSPECIFIED: Informed
AGREES: Informed
INFORMED_ONLY: Informed
NOT_INFORMED: Informed

class LetterContent(_message.Message):
    __slots__ = ("proof", "card", "follow_up", "ask", "answer", "again")
    PROOF_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_UP_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    proof: ProofLetter
    card: ContactCard
    follow_up: FollowUp
    ask: Ask
    answer: Answer
    again: Again
    def __init__(self, proof: _Optional[_Union[ProofLetter, _Mapping]] = ..., card: _Optional[_Union[ContactCard, _Mapping]] = ..., follow_up: _Optional[_Union[FollowUp, _Mapping]] = ..., ask: _Optional[_Union[Ask, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., again: _Optional[_Union[Again, _Mapping]] = ...) -> None: ...

class ProofLetter(_message.Message):
    __slots__ = ("relations", "write_again")
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    WRITE_AGAIN_FIELD_NUMBER: _ClassVar[int]
    relations: _containers.RepeatedScalarFieldContainer[Relation]
    write_again: bool
    def __init__(self, relations: _Optional[_Iterable[_Union[Relation, str]]] = ..., write_again: _Optional[bool] = ...) -> None: ...

class ContactCard(_message.Message):
    __slots__ = ("cases", "left_out")
    CASES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    cases: _containers.RepeatedCompositeFieldContainer[CardCase]
    left_out: int
    def __init__(self, cases: _Optional[_Iterable[_Union[CardCase, _Mapping]]] = ..., left_out: _Optional[int] = ...) -> None: ...

class CardCase(_message.Message):
    __slots__ = ("reference", "relations", "name", "function", "phone", "email", "since")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    relations: _containers.RepeatedScalarFieldContainer[Relation]
    name: str
    function: str
    phone: str
    email: str
    since: str
    def __init__(self, reference: _Optional[str] = ..., relations: _Optional[_Iterable[_Union[Relation, str]]] = ..., name: _Optional[str] = ..., function: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., since: _Optional[str] = ...) -> None: ...

class FollowUp(_message.Message):
    __slots__ = ("pair", "acts", "texts", "agreements", "signatures", "contacts", "began")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    ACTS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    BEGAN_FIELD_NUMBER: _ClassVar[int]
    pair: Pair
    acts: _containers.RepeatedCompositeFieldContainer[Act]
    texts: _containers.RepeatedCompositeFieldContainer[ActText]
    agreements: _containers.RepeatedCompositeFieldContainer[Agreement]
    signatures: _containers.RepeatedCompositeFieldContainer[AgreementSignature]
    contacts: _containers.RepeatedCompositeFieldContainer[PairContact]
    began: str
    def __init__(self, pair: _Optional[_Union[Pair, _Mapping]] = ..., acts: _Optional[_Iterable[_Union[Act, _Mapping]]] = ..., texts: _Optional[_Iterable[_Union[ActText, _Mapping]]] = ..., agreements: _Optional[_Iterable[_Union[Agreement, _Mapping]]] = ..., signatures: _Optional[_Iterable[_Union[AgreementSignature, _Mapping]]] = ..., contacts: _Optional[_Iterable[_Union[PairContact, _Mapping]]] = ..., began: _Optional[str] = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("one", "other")
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    one: Party
    other: Party
    def __init__(self, one: _Optional[_Union[Party, _Mapping]] = ..., other: _Optional[_Union[Party, _Mapping]] = ...) -> None: ...

class Party(_message.Message):
    __slots__ = ("member", "reference")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    member: str
    reference: str
    def __init__(self, member: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class PairContact(_message.Message):
    __slots__ = ("party", "name", "function", "phone", "email")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    party: Party
    name: str
    function: str
    phone: str
    email: str
    def __init__(self, party: _Optional[_Union[Party, _Mapping]] = ..., name: _Optional[str] = ..., function: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class Act(_message.Message):
    __slots__ = ("author", "number", "after", "at", "kind", "cause", "day", "lead", "about", "text_hash", "signature")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    TEXT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    author: str
    number: int
    after: _containers.RepeatedScalarFieldContainer[bytes]
    at: int
    kind: ActKind
    cause: Cause
    day: str
    lead: str
    about: bytes
    text_hash: bytes
    signature: bytes
    def __init__(self, author: _Optional[str] = ..., number: _Optional[int] = ..., after: _Optional[_Iterable[bytes]] = ..., at: _Optional[int] = ..., kind: _Optional[_Union[ActKind, str]] = ..., cause: _Optional[_Union[Cause, str]] = ..., day: _Optional[str] = ..., lead: _Optional[str] = ..., about: _Optional[bytes] = ..., text_hash: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ActText(_message.Message):
    __slots__ = ("salt", "text")
    SALT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    salt: bytes
    text: str
    def __init__(self, salt: _Optional[bytes] = ..., text: _Optional[str] = ...) -> None: ...

class Agreement(_message.Message):
    __slots__ = ("salt", "version", "replaces", "parties", "lead", "tasks", "evaluate_on", "parents", "youth", "because")
    SALT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_ON_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    YOUTH_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    salt: bytes
    version: int
    replaces: bytes
    parties: _containers.RepeatedCompositeFieldContainer[Party]
    lead: str
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    evaluate_on: str
    parents: Informed
    youth: Informed
    because: str
    def __init__(self, salt: _Optional[bytes] = ..., version: _Optional[int] = ..., replaces: _Optional[bytes] = ..., parties: _Optional[_Iterable[_Union[Party, _Mapping]]] = ..., lead: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., evaluate_on: _Optional[str] = ..., parents: _Optional[_Union[Informed, str]] = ..., youth: _Optional[_Union[Informed, str]] = ..., because: _Optional[str] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("who", "what", "by")
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    who: str
    what: str
    by: str
    def __init__(self, who: _Optional[str] = ..., what: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class AgreementSignature(_message.Message):
    __slots__ = ("agreement", "party", "at", "signature")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    agreement: bytes
    party: Party
    at: int
    signature: bytes
    def __init__(self, agreement: _Optional[bytes] = ..., party: _Optional[_Union[Party, _Mapping]] = ..., at: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("reference", "epoch", "name", "phone", "email", "text")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    reference: bytes
    epoch: int
    name: str
    phone: str
    email: str
    text: str
    def __init__(self, reference: _Optional[bytes] = ..., epoch: _Optional[int] = ..., name: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("released", "text")
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    released: bool
    text: str
    def __init__(self, released: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class Again(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
