"""Headers of GGUF and safetensors files: whole ones are read, cut and lying ones are refused, none crashes."""

import contextlib
import json
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.loading.inspection import gguf_header, safetensors_header


def safetensors_bytes(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


GOOD = {
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]},
}


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory) -> bytes:
    """A GGUF file from ggml's own writer: keys of every kind and two tensors."""
    import gguf
    import numpy

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_token_list(["a", "b", "雨"])
    writer.add_token_types([1, 1, 1])
    writer.add_float32("some.float", 0.5)
    writer.add_bool("some.flag", True)
    writer.add_tensor("one", numpy.ones((4, 8), numpy.float32))
    writer.add_tensor("two", numpy.ones((64,), numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


# ── safetensors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_the_real_library_is_read(tmp_path):
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "real.safetensors"
    save_file({"x": torch.zeros(3, 5), "y": torch.ones(2, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})
    header = safetensors_header.read_header(path)
    assert header.shapes == {"x": (3, 5), "y": (2,)}
    assert header.metadata == {"format": "pt"}


def test_every_cut_of_a_safetensors_file_is_refused(tmp_path):
    whole = safetensors_bytes(GOOD, bytes(22))
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole)
    safetensors_header.read_header(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError):
            safetensors_header.read_header(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="should have"):
        safetensors_header.read_header(path)


def changed(name: str = "a", **fields: object) -> dict:
    return {**GOOD, name: {**GOOD[name], **fields}}


@pytest.mark.parametrize(
    "header",
    [
        changed(shape=[2, 3]),
        changed(shape=[-2, -2]),
        changed(shape=[2.0, 2.0]),
        changed(shape=[True, 4]),
        changed(shape="22"),
        changed(data_offsets=[0, 17]),
        changed(data_offsets=[16, 0]),
        changed(data_offsets=[0]),
        changed("b", data_offsets=[0, 6]),
        changed("b", data_offsets=[15, 21]),
        changed(dtype="OBJECT"),
        changed(dtype=None),
        {**GOOD, "c": "no"},
        {**GOOD, "model.__class__.__init__": {"dtype": "U8", "shape": [0], "data_offsets": [22, 22]}},
        [1, 2],
        b"{" * 5000,
        b'{"a": \xff}',
        b"[" * 100_000,
    ],
    ids=repr,
)
def test_a_lying_safetensors_header_is_refused(header, tmp_path):
    path = tmp_path / "lying.safetensors"
    path.write_bytes(safetensors_bytes(header, bytes(22)))
    with pytest.raises(ValueError):
        safetensors_header.read_header(path)


def test_absurd_safetensors_headers_are_refused_at_once(tmp_path):
    path = tmp_path / "absurd.safetensors"
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    many = safetensors_bytes({f"t{number}": entry for number in range(100_000)})
    with path.open("wb") as file:  # a sparse file: 100 MB of header that nobody should read
        file.write(struct.pack("<Q", 100_000_000))
        file.truncate(100_000_100)
    started = time.process_time()
    with pytest.raises(ValueError, match="100,000,000"):
        safetensors_header.read_header(path)
    assert time.process_time() - started < 0.1
    path.write_bytes(many)
    with pytest.raises(ValueError, match="100,000 tensors"):
        safetensors_header.read_header(path)
    assert time.process_time() - started < 2


# ── GGUF ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_starter_is_read_quickly(starter_folder):
    (path,) = starter_folder.glob("*.gguf")
    started = time.process_time()
    header = gguf_header.read_header(path)
    assert time.process_time() - started < 0.5
    assert (header.architecture, header.context_tokens, header.tensor_count) == ("llama", 8192, 272)


def test_block_sizes_are_those_of_ggml():
    import gguf

    ours = gguf_header._BLOCKS
    for kind, sizes in gguf.GGML_QUANT_SIZES.items():
        assert ours[kind.value] == sizes, kind


def test_every_cut_of_a_gguf_file_is_refused(tiny_gguf, tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_gguf)
    header = gguf_header.read_header(path)
    assert header.keys["some.float"] == 0.5 and header.keys["some.flag"] is True
    assert header.context_tokens == 512
    needed = len(tiny_gguf.rstrip(b"\0")) if tiny_gguf.endswith(b"\0") else len(tiny_gguf)
    for size in range(needed - 2):  # the last value, 1.0 in float16, is two bytes
        path.write_bytes(tiny_gguf[:size])
        with pytest.raises(ValueError):
            gguf_header.read_header(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_gguf_header_does_more_than_a_value_error(data, tiny_gguf, tmp_path):
    damaged = bytearray(tiny_gguf)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 9))
        damaged[at : at + 8] = data.draw(
            st.one_of(st.binary(min_size=8, max_size=8), st.just(b"\xff" * 8), st.just(b"\xff" * 7 + b"\x7f"))
        )
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damaged)
    started = time.process_time()
    with contextlib.suppress(ValueError):
        gguf_header.read_header(path)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("count_at", [8, 16], ids=["tensors", "keys"])
def test_absurd_gguf_counts_are_refused(tiny_gguf, tmp_path, count_at):
    path = tmp_path / "absurd.gguf"
    path.write_bytes(tiny_gguf[:count_at] + struct.pack("<Q", 2**40) + tiny_gguf[count_at + 8 :])
    with pytest.raises(ValueError, match="promises"):
        gguf_header.read_header(path)
