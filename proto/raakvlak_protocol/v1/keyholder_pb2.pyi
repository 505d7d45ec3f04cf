from raakvlak_protocol.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateRequest(_message.Message):
    __slots__ = ("covenant_hash", "namespace", "epoch", "blinded_elements")
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BLINDED_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    namespace: str
    epoch: int
    blinded_elements: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, covenant_hash: _Optional[bytes] = ..., namespace: _Optional[str] = ..., epoch: _Optional[int] = ..., blinded_elements: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateReply(_message.Message):
    __slots__ = ("share_number", "evaluated_elements", "proof", "quota_left")
    SHARE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    QUOTA_LEFT_FIELD_NUMBER: _ClassVar[int]
    share_number: int
    evaluated_elements: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    quota_left: QuotaLeft
    def __init__(self, share_number: _Optional[int] = ..., evaluated_elements: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ..., quota_left: _Optional[_Union[QuotaLeft, _Mapping]] = ...) -> None: ...

class QuotaRequest(_message.Message):
    __slots__ = ("covenant_hash",)
    COVENANT_HASH_FIELD_NUMBER: _ClassVar[int]
    covenant_hash: bytes
    def __init__(self, covenant_hash: _Optional[bytes] = ...) -> None: ...

class QuotaReply(_message.Message):
    __slots__ = ("quotas", "now")
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    quotas: _containers.RepeatedCompositeFieldContainer[QuotaLeft]
    now: int
    def __init__(self, quotas: _Optional[_Iterable[_Union[QuotaLeft, _Mapping]]] = ..., now: _Optional[int] = ...) -> None: ...

class QuotaLeft(_message.Message):
    __slots__ = ("namespace", "epoch", "first_load", "daily", "until")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_LOAD_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    epoch: int
    first_load: int
    daily: int
    until: int
    def __init__(self, namespace: _Optional[str] = ..., epoch: _Optional[int] = ..., first_load: _Optional[int] = ..., daily: _Optional[int] = ..., until: _Optional[int] = ...) -> None: ...
