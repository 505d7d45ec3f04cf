from raakvlak_protocol.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    MALFORMED: _ClassVar[RefusalReason]
    NOT_PERMITTED: _ClassVar[RefusalReason]
    STALE: _ClassVar[RefusalReason]
    TOO_LARGE: _ClassVar[RefusalReason]
    REFUSED: _ClassVar[RefusalReason]
    UNAVAILABLE: _ClassVar[RefusalReason]
    OVER_QUOTA: _ClassVar[RefusalReason]
REFUSAL_REASON_UNSPECIFIED: RefusalReason
MALFORMED: RefusalReason
NOT_PERMITTED: RefusalReason
STALE: RefusalReason
TOO_LARGE: RefusalReason
REFUSED: RefusalReason
UNAVAILABLE: RefusalReason
OVER_QUOTA: RefusalReason

class Refusal(_message.Message):
    __slots__ = ("reason", "item", "generation", "sequence", "left", "until")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    reason: RefusalReason
    item: int
    generation: int
    sequence: int
    left: int
    until: int
    def __init__(self, reason: _Optional[_Union[RefusalReason, str]] = ..., item: _Optional[int] = ..., generation: _Optional[int] = ..., sequence: _Optional[int] = ..., left: _Optional[int] = ..., until: _Optional[int] = ...) -> None: ...
