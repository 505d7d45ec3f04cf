from raakvlak_protocol.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Visibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VISIBILITY_UNSPECIFIED: _ClassVar[Visibility]
    DIRECT: _ClassVar[Visibility]
    COORDINATOR: _ClassVar[Visibility]
VISIBILITY_UNSPECIFIED: Visibility
DIRECT: Visibility
COORDINATOR: Visibility

class OpenRequest(_message.Message):
    __slots__ = ("covenant_hash",)
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ...) -> None: ...

class OpenReply(_message.Message):
    __slots__ = ("generation", "last_sequence", "last_request_hash", "last_answer")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    LAST_ANSWER_FIELD_NUMBER: _ClassVar[int]
    generation: int
    last_sequence: int
    last_request_hash: bytes
    last_answer: bytes
    def __init__(self, generation: _Optional[int] = ..., last_sequence: _Optional[int] = ..., last_request_hash: _Optional[bytes] = ..., last_answer: _Optional[bytes] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("covenant_hash", "epoch", "generation", "sequence", "visibility", "tokens", "token_signatures", "member_signature")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    MEMBER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    epoch: int
    generation: int
    sequence: int
    visibility: Visibility
    tokens: _containers.RepeatedScalarFieldContainer[bytes]
    token_signatures: _containers.RepeatedScalarFieldContainer[bytes]
    member_signature: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ..., epoch: _Optional[int] = ..., generation: _Optional[int] = ..., sequence: _Optional[int] = ..., visibility: _Optional[_Union[Visibility, str]] = ..., tokens: _Optional[_Iterable[bytes]] = ..., token_signatures: _Optional[_Iterable[bytes]] = ..., member_signature: _Optional[bytes] = ...) -> None: ...

class PublishReply(_message.Message):
    __slots__ = ("references", "already_there", "removal_month", "first_position", "entries_hash", "receipt")
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    ALREADY_THERE_FIELD_NUMBER: _ClassVar[int]
    REMOVAL_MONTH_FIELD_NUMBER: _ClassVar[int]
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_HASH_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    references: _containers.RepeatedScalarFieldContainer[bytes]
    already_there: _containers.RepeatedScalarFieldContainer[bool]
    removal_month: int
    first_position: int
    entries_hash: bytes
    receipt: bytes
    def __init__(self, references: _Optional[_Iterable[bytes]] = ..., already_there: _Optional[_Iterable[bool]] = ..., removal_month: _Optional[int] = ..., first_position: _Optional[int] = ..., entries_hash: _Optional[bytes] = ..., receipt: _Optional[bytes] = ...) -> None: ...

class WithdrawRequest(_message.Message):
    __slots__ = ("covenant_hash", "epoch", "generation", "sequence", "references", "member_signature")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    MEMBER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    epoch: int
    generation: int
    sequence: int
    references: _containers.RepeatedScalarFieldContainer[bytes]
    member_signature: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ..., epoch: _Optional[int] = ..., generation: _Optional[int] = ..., sequence: _Optional[int] = ..., references: _Optional[_Iterable[bytes]] = ..., member_signature: _Optional[bytes] = ...) -> None: ...

class WithdrawReply(_message.Message):
    __slots__ = ("was_there", "first_position", "entries_hash", "receipt")
    WAS_THERE_FIELD_NUMBER: _ClassVar[int]
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_HASH_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    was_there: _containers.RepeatedScalarFieldContainer[bool]
    first_position: int
    entries_hash: bytes
    receipt: bytes
    def __init__(self, was_there: _Optional[_Iterable[bool]] = ..., first_position: _Optional[int] = ..., entries_hash: _Optional[bytes] = ..., receipt: _Optional[bytes] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("covenant_hash", "generation", "after")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    generation: int
    after: int
    def __init__(self, covenant_hash: _Optional[bytes] = ..., generation: _Optional[int] = ..., after: _Optional[int] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("events", "newest", "replay_needed")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    REPLAY_NEEDED_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    newest: int
    replay_needed: bool
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., newest: _Optional[int] = ..., replay_needed: _Optional[bool] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("number", "match", "match_ended", "letter", "letter_lapsed", "covenant_changed", "mediation")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    MATCH_ENDED_FIELD_NUMBER: _ClassVar[int]
    LETTER_FIELD_NUMBER: _ClassVar[int]
    LETTER_LAPSED_FIELD_NUMBER: _ClassVar[int]
    COVENANT_CHANGED_FIELD_NUMBER: _ClassVar[int]
    MEDIATION_FIELD_NUMBER: _ClassVar[int]
    number: int
    match: Match
    match_ended: MatchEnded
    letter: Letter
    letter_lapsed: LetterLapsed
    covenant_changed: CovenantChanged
    mediation: Mediation
    def __init__(self, number: _Optional[int] = ..., match: _Optional[_Union[Match, _Mapping]] = ..., match_ended: _Optional[_Union[MatchEnded, _Mapping]] = ..., letter: _Optional[_Union[Letter, _Mapping]] = ..., letter_lapsed: _Optional[_Union[LetterLapsed, _Mapping]] = ..., covenant_changed: _Optional[_Union[CovenantChanged, _Mapping]] = ..., mediation: _Optional[_Union[Mediation, _Mapping]] = ...) -> None: ...

class Match(_message.Message):
    __slots__ = ("match_id", "reference", "other", "epoch")
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    match_id: bytes
    reference: bytes
    other: str
    epoch: int
    def __init__(self, match_id: _Optional[bytes] = ..., reference: _Optional[bytes] = ..., other: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class Mediation(_message.Message):
    __slots__ = ("match_id", "one", "other", "one_reference", "other_reference", "epoch", "direct")
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    ONE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    OTHER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DIRECT_FIELD_NUMBER: _ClassVar[int]
    match_id: bytes
    one: str
    other: str
    one_reference: bytes
    other_reference: bytes
    epoch: int
    direct: bool
    def __init__(self, match_id: _Optional[bytes] = ..., one: _Optional[str] = ..., other: _Optional[str] = ..., one_reference: _Optional[bytes] = ..., other_reference: _Optional[bytes] = ..., epoch: _Optional[int] = ..., direct: _Optional[bool] = ...) -> None: ...

class MatchEnded(_message.Message):
    __slots__ = ("match_id",)
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    match_id: bytes
    def __init__(self, match_id: _Optional[bytes] = ...) -> None: ...

class Letter(_message.Message):
    __slots__ = ("match_id", "sender", "number", "ciphertext")
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    match_id: bytes
    sender: str
    number: int
    ciphertext: bytes
    def __init__(self, match_id: _Optional[bytes] = ..., sender: _Optional[str] = ..., number: _Optional[int] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class LetterLapsed(_message.Message):
    __slots__ = ("match_id", "number", "to")
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    match_id: bytes
    number: int
    to: str
    def __init__(self, match_id: _Optional[bytes] = ..., number: _Optional[int] = ..., to: _Optional[str] = ...) -> None: ...

class CovenantChanged(_message.Message):
    __slots__ = ("covenant_hash",)
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ...) -> None: ...

class AcknowledgeRequest(_message.Message):
    __slots__ = ("covenant_hash", "generation", "up_to")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    generation: int
    up_to: int
    def __init__(self, covenant_hash: _Optional[bytes] = ..., generation: _Optional[int] = ..., up_to: _Optional[int] = ...) -> None: ...

class AcknowledgeReply(_message.Message):
    __slots__ = ("waiting",)
    WAITING_FIELD_NUMBER: _ClassVar[int]
    waiting: int
    def __init__(self, waiting: _Optional[int] = ...) -> None: ...

class PostLetterRequest(_message.Message):
    __slots__ = ("covenant_hash", "generation", "match_id", "number", "ciphertext", "to")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    MATCH_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    generation: int
    match_id: bytes
    number: int
    ciphertext: bytes
    to: str
    def __init__(self, covenant_hash: _Optional[bytes] = ..., generation: _Optional[int] = ..., match_id: _Optional[bytes] = ..., number: _Optional[int] = ..., ciphertext: _Optional[bytes] = ..., to: _Optional[str] = ...) -> None: ...

class PostLetterReply(_message.Message):
    __slots__ = ("match_live",)
    MATCH_LIVE_FIELD_NUMBER: _ClassVar[int]
    match_live: bool
    def __init__(self, match_live: _Optional[bool] = ...) -> None: ...

class InventoryRequest(_message.Message):
    __slots__ = ("covenant_hash",)
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ...) -> None: ...

class InventoryBatch(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[InventoryRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[InventoryRow, _Mapping]]] = ...) -> None: ...

class InventoryRow(_message.Message):
    __slots__ = ("reference", "epoch", "removal_month", "visibility")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REMOVAL_MONTH_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    reference: bytes
    epoch: int
    removal_month: int
    visibility: Visibility
    def __init__(self, reference: _Optional[bytes] = ..., epoch: _Optional[int] = ..., removal_month: _Optional[int] = ..., visibility: _Optional[_Union[Visibility, str]] = ...) -> None: ...

class OpeningsRequest(_message.Message):
    __slots__ = ("covenant_hash", "epoch", "references")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    epoch: int
    references: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, covenant_hash: _Optional[bytes] = ..., epoch: _Optional[int] = ..., references: _Optional[_Iterable[bytes]] = ...) -> None: ...

class OpeningsReply(_message.Message):
    __slots__ = ("openings",)
    OPENINGS_FIELD_NUMBER: _ClassVar[int]
    openings: _containers.RepeatedCompositeFieldContainer[Opening]
    def __init__(self, openings: _Optional[_Iterable[_Union[Opening, _Mapping]]] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("position", "salt", "digest", "removal_month", "visibility")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    REMOVAL_MONTH_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    position: int
    salt: bytes
    digest: bytes
    removal_month: int
    visibility: Visibility
    def __init__(self, position: _Optional[int] = ..., salt: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., removal_month: _Optional[int] = ..., visibility: _Optional[_Union[Visibility, str]] = ...) -> None: ...

class ReplayRequest(_message.Message):
    __slots__ = ("covenant_hash", "generation")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    generation: int
    def __init__(self, covenant_hash: _Optional[bytes] = ..., generation: _Optional[int] = ...) -> None: ...

class ReplayBatch(_message.Message):
    __slots__ = ("matches", "newest", "mediations")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    MEDIATIONS_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[Match]
    newest: int
    mediations: _containers.RepeatedCompositeFieldContainer[Mediation]
    def __init__(self, matches: _Optional[_Iterable[_Union[Match, _Mapping]]] = ..., newest: _Optional[int] = ..., mediations: _Optional[_Iterable[_Union[Mediation, _Mapping]]] = ...) -> None: ...
