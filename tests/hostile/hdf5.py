"""Fixtures whose HDF5 side breaks a rule of DATA.md."""

from __future__ import annotations

import io
import os
import struct
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from hostile.file import (
    ALIGNED,
    add,
    add_bytes,
    add_hdf5,
    replace_dataset,
    set_attribute,
)
from hostile.format_seeds import (
    Seeds,
    enlarged,
    sign,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _copy(name: str) -> Callable[[h5py.File], None]:
    """Store a dataset at another place."""

    def change(file: h5py.File) -> None:
        file.create_dataset("copy", data=file[name][()])
        del file[name]
        file.move("copy", name)

    return change


def _replace_type(name: str, make: Callable[[int], Any]) -> Callable[[h5py.File], None]:
    """Store texts with another HDF5 type, given the width."""

    def change(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        space = h5py.h5s.create_simple(values.shape)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_obj_track_times(False)
        kind = make(values.dtype.itemsize)
        dataset = h5py.h5d.create(file.id, name.encode(), kind, space, plist)
        values = values.astype(f"S{kind.get_size()}")
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=kind)

    return change


def _text_type(
    *,
    pad: int = h5py.h5t.STR_NULLPAD,
    charset: int = h5py.h5t.CSET_ASCII,
    more: int = 0,
) -> Callable[[int], Any]:
    def make(width: int) -> Any:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(width + more)
        kind.set_strpad(pad)
        kind.set_cset(charset)
        return kind

    return make


def _link(name: str, link: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


def _external(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    names = [("/etc/passwd", 0, values.nbytes)]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    for name, start, size in names:
        plist.set_external(name.encode(), start, size)
    space = h5py.h5s.create_simple(values.shape)
    h5py.h5d.create(file.id, b"onset", h5py.h5t.IEEE_F64LE, space, plist)


def _virtual(source: str, *, unlimited: bool = False) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["onset"]
        longest = (None,) if unlimited else None
        layout = h5py.VirtualLayout((4,), "<f8", maxshape=longest)
        there = h5py.VirtualSource(source, "onset", (4,), "<f8", maxshape=longest)
        if unlimited:
            layout[: h5py.h5s.UNLIMITED] = there[: h5py.h5s.UNLIMITED]
        else:
            layout[:] = there
        file.create_virtual_dataset("onset", layout)

    return change


def _waiting(path: Path, seeds: Seeds) -> None:
    """Make a virtual dataset without limit, over a FIFO that nobody writes to."""
    fifo = path.with_suffix(".fifo")
    os.mkfifo(fifo)
    path.write_bytes(seeds.fixture)
    with h5py.File(path, "r+") as file:
        _virtual(str(fifo), unlimited=True)(file)
    changed = path.read_bytes()
    index, records = split(changed)
    index["file_size"] = len(changed)
    path.write_bytes(sign(changed, index, records))


def _misaligned(file: h5py.File) -> None:
    """Close the file, which aligns what is new, and open it without."""
    path = file.filename
    file.close()
    with h5py.File(path, "r+") as other:
        _copy("onset")(other)


def _committed(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    file["type"] = np.dtype("<f8")
    file.create_dataset("onset", data=values, dtype=file["type"])
    del file["type"]


def _compact(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(values.shape)
    made = h5py.h5d.create(file.id, b"onset", h5py.h5t.IEEE_F64LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def _set(name: str, row: int, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file[name].__setitem__(row, value)


def _event_text(text: bytes) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = file["events"][()].tolist()
        values[3] = text
        replace_dataset("events", data=np.array(values))(file)

    return change


_EVENT = b'{"duration":1.0,"onset":0.25,"szcore":"sz_foc","tusz":"fnsz"}'

add_hdf5(
    "R14",
    ("more", lambda f: f.create_dataset("more", data=1), "HDF5 datasets: expected"),
    ("group", lambda f: f.create_group("more"), "HDF5 datasets: expected"),
    ("less", lambda f: f.__delitem__("kind"), "HDF5 datasets: expected"),
    ("type", lambda f: f.__setitem__("t", np.dtype("<f8")), "HDF5 datasets: expected"),
    (
        "escape",
        lambda f: f.create_dataset("\x1b[2J", data=1),
        r"HDF5 datasets: .*'\\x1b\[2J'",
    ),
    (
        "group-for-dataset",
        lambda f: (f.__delitem__("id"), f.create_group("id")),
        "HDF5 object 'id': expected a hard-linked dataset",
    ),
    ("soft-link", _link("id", h5py.SoftLink("/split")), "'id': expected a hard-linked dataset"),
    ("soft-link-to-itself", _link("id", h5py.SoftLink("/id")), "'id': expected a data"),
    (
        "external-link",
        _link("id", h5py.ExternalLink("/dev/zero", "/id")),
        "'id': expected a hard-linked dataset",
    ),
    (
        "cyclic-hard-link",
        lambda f: (f.__delitem__("id"), f.__setitem__("id", f["/"])),
        "'id': expected a hard-linked dataset",
    ),
    (
        "two-names-for-one-dataset",
        lambda f: (f.__delitem__("scale"), f.__setitem__("scale", f["offset"])),
        "HDF5 dataset 'scale': expected",
    ),
    ("type-of-its-own", _committed, "HDF5 dataset 'onset': expected plain <f8"),
    (
        "swapped",
        lambda f: (
            f.move("scale", "s"),
            f.move("offset", "scale"),
            f.move("s", "offset"),
        ),
        "HDF5 dataset 'offset': expected",
    ),
    ("copied", _copy("labels"), "HDF5 dataset 'labels': expected"),
    (
        "other-dtype",
        replace_dataset("scale", dtype="<f8"),
        "HDF5 dataset 'scale': expected .*'<f8'",
    ),
    (
        "big-endian",
        replace_dataset("scale", dtype=">f4"),
        "HDF5 dataset 'scale': expected .*'>f4'",
    ),
    (
        "other-shape",
        replace_dataset("scale", shape=(2, 6)),
        r"HDF5 dataset 'scale': expected .*\(2, 6\)",
    ),
)  # fmt: skip
add_hdf5(
    "R15",
    ("number", _set("onset", 1, 99.0), "'onset', row 1: records say 10.0, got 99.0"),
    ("not-a-number", _set("onset", 1, np.nan), "'onset', row 1: records say 10.0, got"),
    (
        "text",
        _set("split", 0, b"dev"),
        "'split', row 0: records say 'train', got 'dev'",
    ),
    ("not-ascii", _set("split", 0, b"\xff"), "cannot be read: 'ascii' codec"),
    ("not-json", _set("events", 0, b"[1"), "'events', row 0: expected a JSON object"),
    (
        "scalar",
        lambda f: (f.__delitem__("id"), f.create_dataset("id", data=b"w0")),
        r"HDF5 dataset 'id': expected \('\|S', \(4,\)\), got \('\|O', \(\)\)",
    ),
    (
        "event-is-true",
        _event_text(b"[" + _EVENT.replace(b"1.0", b"true") + b"]"),
        "'events', row 3.*duration: expected a number in .*got True",
    ),
    (
        "event-with-a-key-twice",
        _event_text(b"[" + _EVENT.replace(b"}", b',"onset":0.25}') + b"]"),
        "'events', row 3: .*the key 'onset' twice",
    ),
    (
        "more-than-events",
        _event_text(b"[" + _EVENT + b'],"more":[]'),
        r"'events', row 3.*unknown keys \['more'\]",
    ),
    ("event-missing", _event_text(b"[]"), r"'events', row 3: records say"),
    (
        "float32",
        replace_dataset("onset", dtype="<f4"),
        "'onset': expected .*'<f8'.*'<f4'",
    ),
    (
        "int32",
        replace_dataset("n_clipped", dtype="<i4"),
        "'n_clipped': expected .*'<i8'",
    ),
    (
        "variable-width",
        replace_dataset("id", dtype=h5py.string_dtype("ascii")),
        r"HDF5 dataset 'id': expected .*'\|O'",
    ),
    (
        "wider-than-the-longest",
        replace_dataset("id", dtype="S9"),
        r"HDF5 dataset 'id': expected \('\|S2'.*got \('\|S9'",
    ),
    (
        "padded-with-blanks",
        _replace_type("kind", _text_type(pad=h5py.h5t.STR_SPACEPAD)),
        r"HDF5 dataset 'kind': expected plain \|S10",
    ),
    (
        "ended-by-a-zero",
        _replace_type("kind", _text_type(pad=h5py.h5t.STR_NULLTERM, more=1)),
        r"HDF5 dataset 'kind': expected",
    ),
    (
        "utf-8",
        _replace_type("kind", _text_type(charset=h5py.h5t.CSET_UTF8)),
        r"HDF5 dataset 'kind': expected plain \|S10",
    ),
)
add_hdf5(
    "R16",
    (
        "attribute",
        set_attribute("sfreq", 512.0),
        "'sfreq': records say 256.0, got 512.0",
    ),
    ("more-attributes", set_attribute("more", 1), "HDF5 attributes: expected"),
    (
        "huge-attribute",
        set_attribute("more", np.zeros(7000)),
        "HDF5 attributes: expected",
    ),
    (
        "no-attribute",
        lambda f: f.attrs.__delitem__("unit"),
        "HDF5 attributes: expected",
    ),
    (
        "sfreq-float32",
        set_attribute("sfreq", 256, "<f4"),
        "'sfreq': expected dtype <f8",
    ),
    (
        "sfreq-int",
        set_attribute("sfreq", 256, "<i8"),
        "'sfreq': expected dtype <f8, got",
    ),
    ("unit-variable", set_attribute("unit", "1"), r"'unit': expected dtype \|S1"),
    (
        "unit-wide",
        set_attribute("unit", b"1", "S9"),
        r"'unit': expected dtype \|S1, got",
    ),
    (
        "ch-names-2d",
        set_attribute("ch_names", np.array([[b"Fp1", b"F3", b"C3"]])),
        "'ch_names': records say",
    ),
    (
        "dataset-attribute",
        lambda f: f["events"].attrs.__setitem__("x", 1),
        "HDF5 dataset 'events': expected contiguous .* without attributes",
    ),
)
add_hdf5(
    "R17",
    ("chunked", replace_dataset("onset", chunks=(4,)), "'onset': expected contiguous"),
    (
        "compressed",
        replace_dataset("onset", compression="gzip"),
        "'onset': expected contiguous",
    ),
    ("compact", _compact, "'onset': expected contiguous"),
    ("external-storage", _external, "'onset': expected contiguous"),
    ("virtual", _virtual("/dev/zero"), "'onset': expected contiguous"),
    ("virtual-in-itself", _virtual("."), "'onset': expected contiguous"),
    (
        "without-data",
        replace_dataset("onset", data=None, shape=(4,), dtype="<f8"),
        "'onset': expected contiguous",
    ),
    (
        "8-EiB-of-zeros",
        replace_dataset("onset", data=None, shape=(2**60 - 1,), dtype="<f8"),
        "'onset': expected contiguous",
    ),
    ("misaligned", _misaligned, "'onset': expected contiguous .* multiple of 4096"),
    (
        "resizable",
        replace_dataset("onset", maxshape=(None,)),
        "'onset': expected contiguous",
    ),
)
add_hdf5(
    "R17 R18",
    (
        "times",
        replace_dataset("onset", track_times=True),
        "HDF5 dataset 'onset': expected no t",
    ),
)
add_hdf5(
    "R21",
    (
        "format-2",
        set_attribute("format_version", 2),
        "'format_version': records say 1, got 2",
    ),
    (
        "content-2",
        set_attribute("content_version", 2),
        "'content_version': records say 1",
    ),
    (
        "format-int32",
        set_attribute("format_version", 1, "<i4"),
        "'format_version': expected dtype <i8, got <i4",
    ),
)
if hasattr(os, "mkfifo"):
    add(
        "verify-hdf5-virtual-over-a-fifo",
        "R17",
        "verify",
        "'onset': expected contiguous",
        _waiting,
    )


def _track_order(path: Path, seeds: Seeds) -> None:
    """Write the HDF5 side once more, with the order of creation kept."""
    index, records = split(seeds.fixture)
    old = path.with_suffix(".old")
    old.write_bytes(seeds.fixture)
    with (
        h5py.File(old) as source,
        h5py.File(
            path,
            "w",
            userblock_size=8192,
            alignment_threshold=1,
            alignment_interval=4096,
            track_order=True,
        ) as file,
    ):
        for name, value in source.attrs.items():
            file.attrs[name] = value
        for name, dataset in source.items():
            made = file.create_dataset(name, data=dataset[()])
            if name in index["arrays"]:
                index["arrays"][name]["offset"] = made.id.get_offset()
    data = path.read_bytes()
    index["file_size"] = len(data)
    path.write_bytes(sign(b"BGBFIX" + data[6:], index, records, block=8192))


add(
    "verify-hdf5-creation-order",
    "R17",
    "verify",
    "HDF5 root group: expected no creation order",
    _track_order,
)


def _wide_column(data: bytes) -> bytes:
    """Say that a column of texts is 8 GiB large, in its type and in its layout."""
    index, records = split(data)
    with h5py.File(io.BytesIO(data)) as file:
        dataset = file["subject"]
        width, offset = dataset.dtype.itemsize, dataset.id.get_offset()
    # Datatype message: version 1, class 3 (text); padding with zeros; width.
    # Layout message: version 3, class 1 (contiguous); address; size.
    wide = 2**31 - 1
    address = struct.pack("<Q", offset - index["user_block"])
    layout = data.index(b"\x03\x01" + address + struct.pack("<Q", 4 * width))
    kind = data.rindex(b"\x13\x01\0\0" + struct.pack("<I", width), 0, layout)
    changed = bytearray(data)
    changed[kind + 4 : kind + 8] = struct.pack("<I", wide)
    changed[layout + 10 : layout + 18] = struct.pack("<Q", 4 * wide)
    return sign(bytes(changed), index, records)


add_bytes(
    "verify-hdf5-column-wider-than-the-file",
    "R17",
    "verify",
    # HDF5 2.0 sees it by itself.
    "'subject': expected contiguous data inside|cannot be read: .*invalid dataset size",
    _wide_column,
)


def _long_montage(path: Path, seeds: Seeds, *, length: int = 40_000) -> None:
    """Give both sides a text that is longer than an attribute may be."""
    text = "m" * length
    path.write_bytes(enlarged(seeds.fixture, 2**17, lambda r: r.update(montage=text)))
    with h5py.File(path, "r+", **ALIGNED) as file:
        file.attrs["montage"] = np.bytes_(text.encode())
    changed = path.read_bytes()
    index, records = split(changed)
    index["file_size"] = len(changed)
    path.write_bytes(sign(changed, index, records))


add(
    "verify-hdf5-attribute-of-40-KB",
    "R16",
    "verify",
    "HDF5 attribute 'montage': expected less than 32 KiB, got 40000",
    _long_montage,
)
add(
    "verify-hdf5-attribute-of-32-KiB",
    "R16",
    "verify",
    "HDF5 attribute 'montage': expected less than 32 KiB, got 32768",
    lambda path, seeds: _long_montage(path, seeds, length=32_768),
)
add_bytes(
    "verify-hdf5-garbage",
    "R14",
    "verify",
    "the HDF5 side cannot be read",
    lambda d: sign(d[:8200] + b"\xff" * 200 + d[8400:], *split(d)),
)
