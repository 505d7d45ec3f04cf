from raakvlak_protocol.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CovenantHistory(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[CovenantEnvelope]
    def __init__(self, versions: _Optional[_Iterable[_Union[CovenantEnvelope, _Mapping]]] = ...) -> None: ...

class CovenantEnvelope(_message.Message):
    __slots__ = ("payload", "signatures")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signatures: _containers.RepeatedCompositeFieldContainer[BoardSignature]
    def __init__(self, payload: _Optional[bytes] = ..., signatures: _Optional[_Iterable[_Union[BoardSignature, _Mapping]]] = ...) -> None: ...

class BoardSignature(_message.Message):
    __slots__ = ("public_key", "signature")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    signature: bytes
    def __init__(self, public_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Covenant(_message.Message):
    __slots__ = ("id", "version", "valid_from", "valid_until", "previous_hash", "sandbox", "legal_basis", "board_keys", "board_threshold", "ca_certificates", "members", "key_holders", "key_threshold", "epochs", "index", "rules", "witnesses", "witness_threshold", "coordination")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HASH_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    BOARD_KEYS_FIELD_NUMBER: _ClassVar[int]
    BOARD_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CA_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    KEY_HOLDERS_FIELD_NUMBER: _ClassVar[int]
    KEY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    WITNESS_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    COORDINATION_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    valid_from: int
    valid_until: int
    previous_hash: bytes
    sandbox: bool
    legal_basis: LegalBasis
    board_keys: _containers.RepeatedScalarFieldContainer[bytes]
    board_threshold: int
    ca_certificates: _containers.RepeatedScalarFieldContainer[bytes]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    key_holders: _containers.RepeatedCompositeFieldContainer[KeyHolderEntry]
    key_threshold: int
    epochs: _containers.RepeatedCompositeFieldContainer[Epoch]
    index: IndexEntry
    rules: Rules
    witnesses: _containers.RepeatedCompositeFieldContainer[Witness]
    witness_threshold: int
    coordination: _containers.RepeatedCompositeFieldContainer[Coordination]
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ..., valid_from: _Optional[int] = ..., valid_until: _Optional[int] = ..., previous_hash: _Optional[bytes] = ..., sandbox: _Optional[bool] = ..., legal_basis: _Optional[_Union[LegalBasis, _Mapping]] = ..., board_keys: _Optional[_Iterable[bytes]] = ..., board_threshold: _Optional[int] = ..., ca_certificates: _Optional[_Iterable[bytes]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., key_holders: _Optional[_Iterable[_Union[KeyHolderEntry, _Mapping]]] = ..., key_threshold: _Optional[int] = ..., epochs: _Optional[_Iterable[_Union[Epoch, _Mapping]]] = ..., index: _Optional[_Union[IndexEntry, _Mapping]] = ..., rules: _Optional[_Union[Rules, _Mapping]] = ..., witnesses: _Optional[_Iterable[_Union[Witness, _Mapping]]] = ..., witness_threshold: _Optional[int] = ..., coordination: _Optional[_Iterable[_Union[Coordination, _Mapping]]] = ...) -> None: ...

class LegalBasis(_message.Message):
    __slots__ = ("uri", "text")
    URI_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    uri: str
    text: str
    def __init__(self, uri: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("id", "name", "kind", "signing_key", "letter_key", "quotas", "controller", "processor")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    LETTER_KEY_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    kind: str
    signing_key: bytes
    letter_key: bytes
    quotas: _containers.RepeatedCompositeFieldContainer[Quota]
    controller: str
    processor: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., signing_key: _Optional[bytes] = ..., letter_key: _Optional[bytes] = ..., quotas: _Optional[_Iterable[_Union[Quota, _Mapping]]] = ..., controller: _Optional[str] = ..., processor: _Optional[str] = ...) -> None: ...

class Quota(_message.Message):
    __slots__ = ("namespace", "declared", "first_load", "daily")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    FIRST_LOAD_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    declared: int
    first_load: int
    daily: int
    def __init__(self, namespace: _Optional[str] = ..., declared: _Optional[int] = ..., first_load: _Optional[int] = ..., daily: _Optional[int] = ...) -> None: ...

class KeyHolderEntry(_message.Message):
    __slots__ = ("id", "name", "share_number", "controller", "processor", "signing_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHARE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    share_number: int
    controller: str
    processor: str
    signing_key: bytes
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., share_number: _Optional[int] = ..., controller: _Optional[str] = ..., processor: _Optional[str] = ..., signing_key: _Optional[bytes] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("number", "valid_from", "valid_until", "keys")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    number: int
    valid_from: int
    valid_until: int
    keys: _containers.RepeatedCompositeFieldContainer[GroupKey]
    def __init__(self, number: _Optional[int] = ..., valid_from: _Optional[int] = ..., valid_until: _Optional[int] = ..., keys: _Optional[_Iterable[_Union[GroupKey, _Mapping]]] = ...) -> None: ...

class GroupKey(_message.Message):
    __slots__ = ("namespace", "public_key", "shares")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    public_key: bytes
    shares: _containers.RepeatedCompositeFieldContainer[PublicShare]
    def __init__(self, namespace: _Optional[str] = ..., public_key: _Optional[bytes] = ..., shares: _Optional[_Iterable[_Union[PublicShare, _Mapping]]] = ...) -> None: ...

class PublicShare(_message.Message):
    __slots__ = ("share_number", "public_key")
    SHARE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    share_number: int
    public_key: bytes
    def __init__(self, share_number: _Optional[int] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class IndexEntry(_message.Message):
    __slots__ = ("id", "name", "controller", "processor", "log_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_FIELD_NUMBER: _ClassVar[int]
    LOG_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    controller: str
    processor: str
    log_key: bytes
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., controller: _Optional[str] = ..., processor: _Optional[str] = ..., log_key: _Optional[bytes] = ...) -> None: ...

class Witness(_message.Message):
    __slots__ = ("id", "name", "key", "controller", "processor")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    key: bytes
    controller: str
    processor: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., key: _Optional[bytes] = ..., controller: _Optional[str] = ..., processor: _Optional[str] = ...) -> None: ...

class Rules(_message.Message):
    __slots__ = ("retention_months", "adult_clients", "household_limit", "mixing_minutes", "kinds", "direct", "follow_up", "archive_months")
    RETENTION_MONTHS_FIELD_NUMBER: _ClassVar[int]
    ADULT_CLIENTS_FIELD_NUMBER: _ClassVar[int]
    HOUSEHOLD_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MIXING_MINUTES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    DIRECT_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_UP_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_MONTHS_FIELD_NUMBER: _ClassVar[int]
    retention_months: int
    adult_clients: bool
    household_limit: int
    mixing_minutes: int
    kinds: _containers.RepeatedCompositeFieldContainer[KindRule]
    direct: _containers.RepeatedCompositeFieldContainer[KindPair]
    follow_up: FollowUpTerms
    archive_months: int
    def __init__(self, retention_months: _Optional[int] = ..., adult_clients: _Optional[bool] = ..., household_limit: _Optional[int] = ..., mixing_minutes: _Optional[int] = ..., kinds: _Optional[_Iterable[_Union[KindRule, _Mapping]]] = ..., direct: _Optional[_Iterable[_Union[KindPair, _Mapping]]] = ..., follow_up: _Optional[_Union[FollowUpTerms, _Mapping]] = ..., archive_months: _Optional[int] = ...) -> None: ...

class FollowUpTerms(_message.Message):
    __slots__ = ("acknowledge_days", "contact_days", "agreement_days", "evaluation_days", "grace_days", "reminder_days")
    ACKNOWLEDGE_DAYS_FIELD_NUMBER: _ClassVar[int]
    CONTACT_DAYS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_DAYS_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_DAYS_FIELD_NUMBER: _ClassVar[int]
    GRACE_DAYS_FIELD_NUMBER: _ClassVar[int]
    REMINDER_DAYS_FIELD_NUMBER: _ClassVar[int]
    acknowledge_days: int
    contact_days: int
    agreement_days: int
    evaluation_days: int
    grace_days: int
    reminder_days: int
    def __init__(self, acknowledge_days: _Optional[int] = ..., contact_days: _Optional[int] = ..., agreement_days: _Optional[int] = ..., evaluation_days: _Optional[int] = ..., grace_days: _Optional[int] = ..., reminder_days: _Optional[int] = ...) -> None: ...

class Coordination(_message.Message):
    __slots__ = ("coordinator", "kinds")
    COORDINATOR_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    coordinator: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, coordinator: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ...) -> None: ...

class KindRule(_message.Message):
    __slots__ = ("kind", "relations")
    KIND_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    relations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kind: _Optional[str] = ..., relations: _Optional[_Iterable[str]] = ...) -> None: ...

class KindPair(_message.Message):
    __slots__ = ("one", "other")
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    one: str
    other: str
    def __init__(self, one: _Optional[str] = ..., other: _Optional[str] = ...) -> None: ...
