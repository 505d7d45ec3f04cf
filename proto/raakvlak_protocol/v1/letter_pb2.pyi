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
RELATION_UNSPECIFIED: Relation
CLIENT: Relation
PARENT: Relation
CHILD: Relation
SIBLING: Relation
ADDRESS: Relation

class LetterContent(_message.Message):
    __slots__ = ("proof", "card")
    PROOF_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    proof: ProofLetter
    card: ContactCard
    def __init__(self, proof: _Optional[_Union[ProofLetter, _Mapping]] = ..., card: _Optional[_Union[ContactCard, _Mapping]] = ...) -> None: ...

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
