"""Good files of the kinds that sources read, small and made by code.

Invariant: nothing here uses the code that reads them.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FIELDS",
    "SIGNAL_FIELDS",
    "folder_seeds",
    "make_edf",
    "pack",
    "set_field",
    "set_signal",
    "sidecar",
    "sparse",
    "with_onsets",
]

FIELDS = {
    "version": (0, 8),
    "patient": (8, 80),
    "recording": (88, 80),
    "startdate": (168, 8),
    "starttime": (176, 8),
    "header bytes": (184, 8),
    "reserved": (192, 44),
    "number of records": (236, 8),
    "record duration": (244, 8),
    "number of signals": (252, 4),
}
"""Field of an EDF header -> where it begins, and its width (EDF, table of the header)."""
SIGNAL_FIELDS = {
    # field -> (width, what it holds unless it is said)
    "label": (16, "EEG Fp1"),
    "transducer": (80, ""),
    "physical dimension": (8, "uV"),
    "physical minimum": (8, "-800"),
    "physical maximum": (8, "800"),
    "digital minimum": (8, "-2048"),
    "digital maximum": (8, "2047"),
    "prefiltering": (80, ""),
    "samples per record": (8, "4"),
    "signal reserved": (32, ""),
}
# fmt: off
ELECTRODES = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz", "Fp2", "F4",
    "C4", "P4", "F8", "T4", "T6", "O2",
)
# In the order of CHB-MIT.
BANANA = (
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4",
    "F4-C4", "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ",
)
# fmt: on
_MARK = b"\n#SPARSE:%020d#"


def _pad(text: str | bytes, width: int) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("latin-1")
    return raw.ljust(width)[:width]


def make_edf(
    signals: Sequence[Mapping[str, str]],
    *,
    n_records: int = 5,
    tals: Sequence[bytes] = (),
    bdf: bool = False,
    **fields: str,
) -> bytes:
    """Make an EDF or BDF file whose samples tell signal and place.

    `signals` holds the fields that are not as in `SIGNAL_FIELDS`, `fields` those of
    `FIELDS`, with blanks or underscores in their names; `tals` holds, for each record,
    the bytes of its signals of annotations.
    """
    width = 3 if bdf else 2
    told = {
        "version": b"\xffBIOSEMI" if bdf else "0",
        "patient": "X X X X",
        "recording": "Startdate X X X X",
        "startdate": "01.01.85",
        "starttime": "10.00.00",
        "header bytes": str(256 * (len(signals) + 1)),
        "reserved": "",
        "number of records": str(n_records),
        "record duration": "1",
        "number of signals": str(len(signals)),
    }
    told |= {name.replace("_", " "): text for name, text in fields.items()}
    header = b"".join(_pad(told[name], size) for name, (_, size) in FIELDS.items())
    rows = [{k.replace("_", " "): v for k, v in signal.items()} for signal in signals]
    for name, (size, usual) in SIGNAL_FIELDS.items():
        header += b"".join(_pad(row.get(name, usual), size) for row in rows)
    body = bytearray()
    for record in range(n_records):
        for i, row in enumerate(rows):
            n_samples = int(row.get("samples per record", "4"))
            if row.get("label", "").endswith("Annotations"):
                body += tals[record].ljust(n_samples * width, b"\0")
                continue
            for k in range(n_samples):
                value = (37 * (record * n_samples + k) + 411 * i) % 4001 - 2000
                body += value.to_bytes(width, "little", signed=True)
    return header + bytes(body)


def _onsets(n_records: int, *texts: bytes) -> list[bytes]:
    tals = [b"+%d\x14\x14\0" % i for i in range(n_records)]
    tals[1] += b"".join(texts)
    return tals


def with_onsets(*tals: bytes, **fields: str) -> bytes:
    """Make an EDF+ file of one signal and these annotations, at most 60 bytes a record."""
    signals = [{}, {"label": "EDF Annotations", "samples per record": "30"}]
    data = make_edf(signals, n_records=len(tals), tals=tals, reserved="EDF+C")
    for name, text in fields.items():
        data = set_field(data, name.replace("_", " "), text)
    return data


def set_field(data: bytes, name: str, text: str | bytes) -> bytes:
    """Write a field of the header of an EDF file, padded or cut to its width."""
    start, width = FIELDS[name]
    return data[:start] + _pad(text, width) + data[start + width :]


def set_signal(data: bytes, index: int, name: str, text: str | bytes) -> bytes:
    """Write a field of one signal, from 0, as `set_field` does."""
    n_signals = int(data[252:256])
    start = 256
    for field, (width, _) in SIGNAL_FIELDS.items():
        if field == name:
            start += index * width
            return data[:start] + _pad(text, width) + data[start + width :]
        start += n_signals * width
    raise KeyError(name)


def sparse(data: bytes, size: int) -> bytes:
    """Mark a file to be made longer by a hole, which takes no room."""
    return data + _MARK % size


def split_sparse(marked: bytes) -> tuple[bytes, int]:
    """Return the data of a file that `sparse` may have marked, and its length."""
    data, mark, size = marked.rpartition(b"\n#SPARSE:")
    if not mark or not size[:-1].isdigit() or size[-1:] != b"#":
        return marked, len(marked)
    return data, int(size[:-1])


TAL_SIGNALS = [
    {},
    {"label": "EDF Annotations", "samples per record": "60"},
    {"label": "EEG F3"},
]


def edf_seeds() -> tuple[bytes, ...]:
    """Return EDF and BDF files, plain and with annotations, of several montages."""
    bdf_signals = [dict(signal) for signal in TAL_SIGNALS]
    bdf_signals[1]["label"] = "BDF Annotations"
    return (
        make_edf(
            [
                {},
                {"label": "ECG", "samples per record": "2"},
                {"label": "EEG F3", "physical dimension": "mV"},
                {"label": "-", "digital minimum": "0", "digital maximum": "0"},
            ]
        ),
        tal_seeds()[0],
        make_edf(TAL_SIGNALS, tals=_onsets(5), reserved="EDF+D"),
        make_edf(bdf_signals, tals=_onsets(5), bdf=True, reserved="BDF+C"),
        make_edf([{"label": f"EEG {name}-REF"} for name in ELECTRODES]),
        make_edf([{"label": name} for name in BANANA]),
        make_edf(
            [{"samples per record": "1228"}], n_records=2, record_duration="9.59375"
        ),
    )


def tal_seeds() -> tuple[bytes, ...]:
    """Return EDF+ files with annotations of several kinds."""
    return (
        make_edf(
            TAL_SIGNALS,
            tals=_onsets(5, b"+1.5\x152\x14Seizure\x14\0"),
            reserved="EDF+C",
        ),
        make_edf(
            [*TAL_SIGNALS, TAL_SIGNALS[1]],
            tals=_onsets(
                3, b"+0.5\x14a\x14b \xc2\xb5\x14\0", b"+1\x150.25\x14\xe9\x14\0"
            ),
            n_records=3,
            reserved="EDF+D",
        ),
        make_edf(
            TAL_SIGNALS[1:2],
            n_records=2,
            tals=[b"+0\x14\x14\0", b"+0\x14\x14\0+2\x1530\x14Wake\x14\0"],
            record_duration="0",
            reserved="EDF+C",
        ),
    )


CSV = (
    b"# version = csv_v1.0.0\n# bname = aaaaaajy_s001_t000\n"
    b"# duration = 301.00 secs\n# montage_file = nedc_eas_default_montage.txt\n#\n"
    b"channel,start_time,stop_time,label,confidence\n"
    b"FP1-F7,0.0000,36.8868,bckg,1.0000\nFP1-F7,36.8868,183.3055,fnsz,1.0000\n"
    b"F7-T3,36.8868,180.0000,fnsz,1.0000\nF7-T3,183.3055,301.0000,bckg,1.0000\n"
)
CSV_BI = (
    b"# version = csv_v1.0.0\n# bname = aaaaaajy_s001_t000\n"
    b"# duration = 301.00 secs\n#\nchannel,start_time,stop_time,label,confidence\n"
    b"TERM,36.8868,183.3055,seiz,0.9999\nTERM,200,201.5,seiz,1.0000\n"
)
TSE = (
    b"version = tse_v1.0.0\n\n0.0000 36.8868 bckg 1.0000\n"
    b"36.8868 183.3055 gnsz 1.0000\n183.3055 301.0000 bckg 1.0000\n"
)
LBL = (
    b"version = lbl_v1.0.0\n\n# Montage\nmontage =  0, FP1-F7: EEG FP1-REF -- EEG F7-REF\n"
    b"number_of_levels = 1\n\nlevel[0] = 1\nsymbols[0] = {0: 'bckg', 1: 'seiz', 2: 'fnsz'}\n"
    b"label = {0, 0, 0.0000, 36.8868, 0, [1.0, 0.0, 0.0]}\n"
    b"label = {0, 0, 36.8868, 183.3055, 0, [0.0, 0.2, 0.8]}\n"
    b"label = {0, 0, 36.8868, 200.0000, 1, [0.0, 0.0, 1.0]}\n"
)
TSV = (
    b"onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
    b"36.5\t40.25\tsz_foc_ia\tn/a\tn/a\t2016-11-06 13:43:04\t3600.00\n"
    b"100\t10\tsz\tn/a\tn/a\t2016-11-06 13:43:04\t3600.00\n"
)
TSV_BACKGROUND = b"onset\tduration\teventType\n0.0\t3600.0\tbckg\n"
SUMMARY = (
    b"Data Sampling Rate: 256 Hz\n*************************\n\nChannels in EDF Files:\n"
    b"**********************\nChannel 1: FP1-F7\nChannel 2: F7-T7\n\n"
    b"File Name: chb01_01.edf\nFile Start Time: 11:42:54\nFile End Time: 12:42:54\n"
    b"Number of Seizures in File: 0\n\n"
    b"File Name: chb01_03.edf\nFile Start Time: 13:43:04\nFile End Time: 14:43:04\n"
    b"Number of Seizures in File: 1\nSeizure Start Time: 2996 seconds\n"
    b"Seizure End Time: 3036 seconds\n\n"
    b"File Name: chb01_04.edf\nFile Start Time: 14:43:12\nFile End Time: 15:43:12\n"
    b"Number of Seizures in File: 2\nSeizure 1 Start Time: 1467 seconds\n"
    b"Seizure 1 End Time: 1494 seconds\nSeizure 2 Start Time:  1600 secs\n"
    b"Seizure 2 End Time: 1624.5 secs\n"
)
SIENA = (
    b"PN00\n\nData Sampling Rate: 512 Hz\n\nChannels in EDF files:\nChannel 1: Fp1\n"
    b"Channel 2: F3      \r\nChannel 5: 1\n\nSeizure n 1\nFile name: PN00-1.edf\n"
    b"Registration start time: 19.39.33\nRegistration end time:  20.22.58\n"
    b"Seizure start time: 19.58.36\nSeizure end time: 19.59.46\n\n"
    b"Seizure n 2 (in sleep):\nFile name: PN00-2.edf\n"
    b"Registration start time:23.18.17\nRegistration end time:00.56.04\n"
    b"Start time: 00:38:37\nEnd time: 00.39:31\n\n"
)
SUBJECTS = (
    b"patient_id, age_years, gender, seizure, localization, lateralization, "
    b"eeg_channel, number_seizures, rec_time_minutes\n"
    b"PN00,55,Male,IAS,T,R,29,5,198\nPN01,46,Male,IAS,T,L,29,2,809\n"
    b"PN03,54,Male,WIAS,T,R,29,2,752\n"
)
DESCRIPTION = (
    b'{"Name": "Synthetic", "BIDSVersion": "1.7.0", "License": "CC BY 4.0",\n'
    b' "Authors": ["A. Author", "B. Author"],\n "DatasetDOI": "doi:10.5281/zenodo.10259996"}'
)
PARTICIPANTS = (
    b"participant_id\tage\tsex\tsplit\nsub-01\t11\tf\ttrain\nsub-02\t12\tm\tdev\n"
    b"sub-03\tn/a\tn/a\teval\n"
)
DIGESTS = b"".join(
    b"%064x %s\n" % (i * 7919**12, name)
    for i, name in enumerate(
        [
            b"RECORDS",
            b"chb01/chb01-summary.txt",
            b"chb01/chb01_03.edf",
            b"./chb02/chb02_16+.edf",
            b"*chb02/chb02-summary.txt",
        ],
        1,
    )
)
SPEC_OF_QUOTAS = (
    b'name = "mine"\nsource = "tusz"\nwindow_length = 10\nmontage = "tcp-22"\n'
    b'profile = "zscore-1"\nsfreq = 256\nsplits = ["train", "dev"]\ntypes = ["fnsz"]\n'
    b'per_subject = 3\nmissing = "drop-window"\nband_pass = [0.5, 70.0]\nseed = 7\n'
    b'[quotas]\nonset = 4\nnone = 10\ndev = { partial = 1 }\n[aliases]\n"C3P" = "C3"\n'
)
SPEC_OF_LISTED = (
    b'source = "chbmit"\nwindow_length = 10\n[[recordings]]\n'
    b'name = "chb01/chb01_03.edf"\nwindows = [2990, 3000.5]\nseizures = [[2996, 3036]]\n'
    b'split = "dev"\n[[recordings]]\nname = "chb01/chb01_04.edf"\nwindows = [0]\n'
    b'[sha256]\n"chb01/chb01-summary.txt" = "' + b"ab" * 32 + b'"\n'
)
SPEC_OF_FILES = b'source = "edf"\nlabel_pattern = "seizure( [0-9]+)?"\nper_kind = 1\n'
SPEC_OF_SYNTHETIC = (
    b'source = "synthetic"\nwindow_length = 10\nseed = 3\n[[recordings]]\nsubject = 1\n'
    b'duration = 60\nwindows = [0, 20.5]\nstate = "sleep"\n[[recordings.events]]\n'
    b'onset = 5.5\nduration = 20\nlabel = "fnsz"\namplitude = 1.5\n'
    b'[[recordings.artefacts]]\nonset = 30\nduration = 2\nkind = "chewing"\n'
)
_DIGEST = b"0123456789abcdef" * 4
SAVED_SPEC = (
    b'name = "chbmit"\nsource = "chbmit"\nwindow_length = 10\nsfreq = 256\n'
    b'[[recordings]]\nname = "chb01/chb01_03.edf"\nwindows = [2990, 3000.5]\n'
    b"size = 42399744\nread = [\n"
    b'  { start = 6144, stop = 18000, sha256 = "' + _DIGEST + b'" },\n'
    b'  { start = 18000, stop = 99000, sha256 = "' + _DIGEST + b'" },\n]\n'
    b'[[recordings]]\nname = "chb01/chb01_04.edf"\nwindows = [0]\nsize = 42399744\n'
    b'[sha256]\n"chb01/chb01-summary.txt" = "' + _DIGEST + b'"\n'
    b"[chosen]\nquotas = { onset = 2, background = 1 }\nper_subject = 3\n[fixture]\n"
    + b"".join(
        b'%s = "%s"\n' % (key, _DIGEST)
        for key in (b"digest", b"records", b"signals", b"labels", b"scale", b"offset")
    )
)
SPECS = (
    *(SPEC_OF_QUOTAS, SPEC_OF_LISTED, SPEC_OF_FILES, SPEC_OF_SYNTHETIC),
    SAVED_SPEC,
)


def sidecar(*seconds: float, note: bytes = b"## time resolution: 256") -> bytes:
    """Return a WFDB annotation file with a seizure for each start and end in seconds."""
    data = struct.pack("<H", 22 << 10) + struct.pack("<H", (63 << 10) + len(note))
    data += note + b"\0" * (len(note) % 2)
    before = 0
    for i, second in enumerate(seconds):
        sample = int(second * 256)
        step = sample - before
        data += struct.pack("<HHH", 59 << 10, step >> 16, step & 0xFFFF)
        data += struct.pack("<H", (33 if i % 2 else 32) << 10)
        before = sample
    return data + b"\0\0"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Put a folder, path -> bytes, into one zip file without compression."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return what `pack` put together."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def folder_seeds() -> dict[str, dict[str, bytes]]:
    """Return a small corpus for each source that reads files: source -> path -> bytes."""
    seconds = 40
    referential = make_edf(
        [{"label": f"EEG {e}-REF", "samples per record": "32"} for e in ELECTRODES],
        n_records=seconds,
    )
    bipolar = make_edf(
        [{"label": name, "samples per record": "32"} for name in BANANA],
        n_records=seconds,
    )
    inside = make_edf(
        [
            *({"label": e, "samples per record": "32"} for e in ELECTRODES),
            {"label": "EDF Annotations", "samples per record": "60"},
        ],
        n_records=seconds,
        tals=_onsets(seconds, b"+1.5\x1520\x14seizure\x14\0"),
        reserved="EDF+C",
    )
    tsv = b"onset\tduration\teventType\trecordingDuration\n9.5\t10\tsz\t40\n"
    stem = "aaaaaajy_s001_t000"
    tusz = f"edf/train/aaaaaajy/s001_2002/01_tcp_ar/{stem}"
    csv = (
        b"# version = csv_v1.0.0\n# bname = %s\n# duration = 40.00 secs\n#\n"
        b"channel,start_time,stop_time,label,confidence\n"
    ) % stem.encode()
    info = SUBJECTS.replace(b",5,198", b",1,198")
    siena = SIENA[: SIENA.index(b"Channels in")] + (
        b"Seizure n 1\nFile name: PN00-1.edf\nRegistration start time: 10.00.00\n"
        b"Registration end time: 10.00.40\nSeizure start time: 10.00.10\n"
        b"Seizure end time: 10.00.20\n"
    )
    summary = (
        b"File Name: chb01_03.edf\nFile Start Time: 10:00:00\n"
        b"File End Time: 10:00:40\nNumber of Seizures in File: 1\n"
        b"Seizure Start Time: 9 seconds\nSeizure End Time: 20 seconds\n"
    )
    return {
        "edf": {"night.edf": referential, "night.tsv": tsv, "in.edf": inside},
        "tusz": {
            f"{tusz}.edf": referential,
            f"{tusz}.csv": csv
            + b"FP1-F7,0,9.5,bckg,1\nFP1-F7,9.5,20,fnsz,1\nC3-CZ,10,21,fnsz,1\n",
            f"{tusz}.csv_bi": csv + b"TERM,9.5,21,seiz,1\n",
            f"{tusz[:-1]}1.edf": referential,
            f"{tusz[:-1]}1.tse": b"version = tse_v1.0.0\n\n0 9 bckg 1\n9 20 gnsz 1\n",
            f"{tusz[:-1]}1.lbl_bi": LBL,
        },
        "chbmit": {
            "chb01/chb01-summary.txt": summary,
            "chb01/chb01_03.edf": bipolar,
            "chb01/chb01_03.edf.seizures": sidecar(9, 20),
        },
        "siena": {
            "subject_info.csv": info,
            "PN00/Seizures-list-PN00.txt": siena,
            "PN00/PN00-1.edf": referential,
        },
        "bids": {
            "dataset_description.json": DESCRIPTION,
            "participants.tsv": PARTICIPANTS,
            "sub-01/eeg/sub-01_task-sz_eeg.edf": referential,
            "sub-01/eeg/sub-01_task-sz_events.tsv": tsv,
        },
    }
