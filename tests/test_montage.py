"""Montages: every row is a channel or an exact difference, or there is an error."""

from __future__ import annotations

import pytest

from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError
from bgb_fixtures.montage import MONTAGES, montage_rows, resolve_montage


def words(text: str) -> list[str]:
    return text.split()


ELECTRODES = words("Fp1 F3 C3 P3 F7 T3 T5 O1 Fz Cz Pz Fp2 F4 C4 P4 F8 T4 T6 O2")
PAIRS = words(
    "Fp1-F7 F7-T3 T3-T5 T5-O1 Fp2-F8 F8-T4 T4-T6 T6-O2 "
    "Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2 Fz-Cz Cz-Pz"
)
# The 23 labels of a CHB-MIT recording, in its order.
CHBMIT = words(
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8"
)


def referential(suffix: str, prefix: str = "EEG ") -> list[str]:
    return [f"{prefix}{name.upper()}{suffix}" for name in ELECTRODES]


def renamed(labels: list[str], **changes: str) -> list[str]:
    """Give the channels of some electrodes other labels."""
    return [
        changes.get(label.replace("EEG ", "").split("-")[0], label) for label in labels
    ]


def channels(labels: list[str], montage: str) -> list[tuple[tuple[int, ...], ...]]:
    rows = resolve_montage(labels, montage, where="a.edf")
    return [(row.plus, row.minus) for row in rows]


def test_10_20_is_in_the_order_of_the_first_consumer() -> None:
    assert list(montage_rows("10-20")) == ELECTRODES


def test_double_banana_has_its_18_derivations_in_order() -> None:
    assert list(montage_rows("double-banana")) == PAIRS


def test_unknown_montage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        SpecError, match=r"'tcp'; montages: '10-20' and 'double-banana'"
    ):
        montage_rows("tcp")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(referential("-REF"), id="EEG-prefix-and-REF"),
        pytest.param(referential("-LE"), id="linked-ears"),
        pytest.param(referential("-AR"), id="average-reference"),
        pytest.param(referential("-CS2", prefix=""), id="a-named-reference-electrode"),
        pytest.param(referential("", prefix=""), id="bare-names"),
        pytest.param(ELECTRODES, id="canonical-case"),
        pytest.param([name.lower() for name in ELECTRODES], id="lower-case"),
        pytest.param([f" {name} - Avg " for name in ELECTRODES], id="blanks"),
    ],
)
def test_referential_labels_are_read_however_they_are_written(
    labels: list[str],
) -> None:
    assert channels(labels, "10-20") == [((i,), ()) for i in range(19)]


def test_rows_follow_the_montage_and_not_the_order_of_the_recording() -> None:
    labels = referential("-REF")[::-1]
    assert channels(labels, "10-20") == [((18 - i,), ()) for i in range(19)]


@pytest.mark.parametrize("case", [str.upper, str.lower], ids=["upper", "lower"])
def test_new_names_of_four_electrodes_are_aliases(case: type[str]) -> None:
    new = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    labels = [case(new.get(name, name)) for name in ELECTRODES]
    assert channels(labels, "10-20") == [((i,), ()) for i in range(19)]


def test_other_channels_are_left_alone() -> None:
    extra = "EEG A1-REF,EEG EKG1-REF,EEG 26-REF,PHOTIC-REF,DC1-DC,IBI,-,.,,EEG T1-REF"
    labels = [*extra.split(","), *referential("-REF")]
    assert channels(labels, "10-20") == [((i,), ()) for i in range(10, 29)]


def test_a_name_that_only_begins_like_an_electrode_is_not_taken_for_it() -> None:
    labels = ["EEG C3P-REF", *renamed(referential("-REF"), C3="EEG C3P-REF")]
    with pytest.raises(ChannelNotFoundError, match=r"'a.edf' lacks C3 for montage"):
        resolve_montage(labels, "10-20", where="a.edf")


def test_a_zero_typed_for_the_letter_o_is_not_guessed() -> None:
    labels = renamed(referential("-REF"), O1="EEG 01-REF")
    with pytest.raises(ChannelNotFoundError, match=r"lacks O1 .* EEG 01-REF"):
        resolve_montage(labels, "10-20", where="a.edf")


def test_all_missing_channels_are_named_at_once_and_the_present_ones_listed() -> None:
    labels = [x for x in referential("-REF") if x not in ("EEG FZ-REF", "EEG PZ-REF")]
    with pytest.raises(
        ChannelNotFoundError, match=r"lacks Fz, Pz .* its 17 channels: EEG FP1-REF, "
    ):
        resolve_montage(labels, "10-20", where="a.edf")


def test_derivations_subtract_the_second_electrode_from_the_first() -> None:
    rows = channels(ELECTRODES, "double-banana")
    # Fp1-F7 is channel 0 minus channel 4; Cz-Pz is channel 9 minus channel 10.
    assert (rows[0], rows[-1]) == (((0,), (4,)), ((9,), (10,)))


def test_bipolar_channels_are_taken_as_they_are() -> None:
    # double-banana order, as positions in the CHB-MIT order; T8-P8 is there twice.
    positions = [0, 1, 2, 3, 12, 13, (14, 22), 15, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17]
    expected = [((p if isinstance(p, tuple) else (p,)), ()) for p in positions]
    assert channels(CHBMIT, "double-banana") == expected


def test_a_reversed_pair_is_not_taken_for_the_pair() -> None:
    labels = ["F7-FP1" if label == "FP1-F7" else label for label in CHBMIT]
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fp1-F7 for montage"):
        resolve_montage(labels, "double-banana", where="a.edf")


def test_10_20_from_bipolar_channels_is_refused_with_the_reason() -> None:
    with pytest.raises(
        ChannelNotFoundError,
        match=r"bipolar: .*18 pairs have rank 16.*--montage double-banana",
    ):
        resolve_montage(CHBMIT, "10-20", where="chb01_03.edf")


def test_a_pair_with_an_electrode_of_no_montage_is_still_bipolar() -> None:
    # T7-FT9 is no T3 against a reference, and C3-C5 no C3.
    labels = [f"{name}-FT9" for name in ELECTRODES]
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fp1, F3, C3, .*rank 16"):
        resolve_montage(labels, "10-20", where="a.edf")


def test_a_missing_pair_is_not_answered_with_the_montage_that_was_asked_for() -> None:
    labels = [label for label in CHBMIT if label != "FZ-CZ"]
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fz-Cz") as error:
        resolve_montage(labels, "double-banana", where="a.edf")
    assert "--montage" not in str(error.value)


def test_repeated_labels_are_all_named_so_that_the_reader_can_compare_them() -> None:
    labels = [*referential("-REF"), "EEG FP1-REF"]
    assert channels(labels, "10-20")[0] == ((0, 19), ())


@pytest.mark.parametrize("montage", list(MONTAGES))
@pytest.mark.parametrize(
    ("odd", "named"),
    [
        pytest.param("EEG O2-LE", "'LE', 'REF'", id="another-reference"),
        pytest.param("EEG O2", "none, 'REF'", id="no-reference"),
    ],
)
def test_mixed_references_are_refused(montage: str, odd: str, named: str) -> None:
    labels = renamed(referential("-REF"), O2=odd)
    with pytest.raises(SourceError, match=rf"'a.edf' mixes references \({named}\)"):
        resolve_montage(labels, montage, where="a.edf")


def test_another_reference_of_a_channel_that_is_not_needed_does_not_matter() -> None:
    labels = [*referential("-REF"), "EEG A1-LE"]
    assert len(resolve_montage(labels, "10-20", where="a.edf")) == 19


def test_the_same_electrode_with_two_references_is_refused() -> None:
    labels = [*referential("-REF"), "EEG FP1-LE"]
    with pytest.raises(SourceError, match=r"mixes references"):
        resolve_montage(labels, "10-20", where="a.edf")
