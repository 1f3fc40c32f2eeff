"""Event files: read back record by record with Google's own protocol buffers, and checked as TensorBoard checks them."""

import math
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pipelines.training.tensorboard import VERSION, crc32c, event_file

POINTS = [
    {"step": 0, "accuracy": 0.1, "seconds": 0.0},
    {"step": 300, "loss": 1.5, "Genauigkeit ü": 0.25, "broken": math.nan, "seconds": 12.5},
]


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """RFC 3720, appendix B.4, and the check value of CRC-32C."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_every_record_is_read_back_whole() -> None:
    records = list(split(event_file(POINTS, began=1_700_000_000.0)))
    event_type = messages()
    events = [event_type.FromString(record) for record in records]
    assert events[0].file_version.encode() == VERSION and events[0].wall_time == 1_700_000_000.0
    assert [(event.step, event.wall_time) for event in events[1:]] == [(0, 1_700_000_000.0), (300, 1_700_000_012.5)]
    values = [{one.tag: one.simple_value for one in event.summary.value} for event in events[1:]]
    assert values[1] == {"loss": 1.5, "Genauigkeit ü": 0.25}
    assert values[0].keys() == {"accuracy"} and math.isclose(values[0]["accuracy"], 0.1, rel_tol=1e-6)


def split(data: bytes):  # type: ignore[no-untyped-def]
    """The records, their checksums looked at."""
    while data:
        (length,), (of_length,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        record, (of_record,) = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])
        for part, checksum in ((data[:8], of_length), (record, of_record)):
            crc = crc32c(part)
            assert ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF == checksum
        yield record
        data = data[16 + length :]


def messages():  # type: ignore[no-untyped-def]
    """The part of event.proto and summary.proto that is written."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="test", syntax="proto3")
    for name, fields in (
        ("Value", [("tag", 1, kind.TYPE_STRING, ""), ("simple_value", 2, kind.TYPE_FLOAT, "")]),
        ("Summary", [("value", 1, kind.TYPE_MESSAGE, ".test.Value")]),
        (
            "Event",
            [
                ("wall_time", 1, kind.TYPE_DOUBLE, ""),
                ("step", 2, kind.TYPE_INT64, ""),
                ("file_version", 3, kind.TYPE_STRING, ""),
                ("summary", 5, kind.TYPE_MESSAGE, ".test.Summary"),
            ],
        ),
    ):
        message = file.message_type.add(name=name)
        for field, number, of_type, type_name in fields:
            label = kind.LABEL_REPEATED if name == "Summary" else kind.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=of_type, type_name=type_name or None, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Event"))
