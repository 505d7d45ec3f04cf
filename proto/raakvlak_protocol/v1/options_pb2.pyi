from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class DataClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATA_CLASS_UNSPECIFIED: _ClassVar[DataClass]
    BLINDED: _ClassVar[DataClass]
    SEALED: _ClassVar[DataClass]
    ROUTING: _ClassVar[DataClass]
    COUNTER: _ClassVar[DataClass]
    PROOF: _ClassVar[DataClass]
    PUBLIC: _ClassVar[DataClass]
DATA_CLASS_UNSPECIFIED: DataClass
BLINDED: DataClass
SEALED: DataClass
ROUTING: DataClass
COUNTER: DataClass
PROOF: DataClass
PUBLIC: DataClass
DATA_CLASS_FIELD_NUMBER: _ClassVar[int]
data_class: _descriptor.FieldDescriptor
PURPOSE_FIELD_NUMBER: _ClassVar[int]
purpose: _descriptor.FieldDescriptor
