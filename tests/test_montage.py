"""Montages: every row is a channel or an exact difference, or there is an error."""

from __future__ import annotations

import pytest

from bgb_fixtures.eeg.channels import electrode_name
from bgb_fixtures.eeg.montage import (
    MONTAGES,
    find_montage,
    montage_rows,
    resolve_montage,
    row_electrodes,
    split_rows,
)
from bgb_fixtures.errors import ChannelNotFoundError, SourceError, SpecError


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
        SpecError, match=r"'tcp'; did you mean 'tcp-22'\? Montages: '10-20', 'average'"
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
    labels = [f"{name}-{'FT9' if i else 'FT10'}" for i, name in enumerate(ELECTRODES)]
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fp1, F3, C3, .*rank 16"):
        resolve_montage(labels, "10-20", where="a.edf")


# Labels as recorders and readers write them


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("POL {}", id="nihon-kohden"),
        pytest.param("EEG_{}_REF", id="underscores"),
        pytest.param("EEG:{}", id="colon"),
        pytest.param("EEG {}/REF", id="slash"),
        pytest.param("EEG-{}", id="hyphen"),
        pytest.param("{}..", id="physionet"),
        pytest.param("{}-0", id="suffix-of-a-reader"),
        pytest.param("EEG {}-REF-0", id="reference-and-suffix"),
        pytest.param("EEG {}-A1A2", id="linked-ears"),
        pytest.param("{}-M1M2", id="linked-mastoids"),
        pytest.param("{}-(A1+A2)/2", id="mean-of-the-ears"),
        pytest.param("{}-A1+A2", id="sum-of-the-ears"),
        pytest.param("{}-AVG", id="average"),
        pytest.param("EEG {}-CPz", id="electrode-on-the-scalp"),
    ],
)
def test_what_a_label_can_only_mean_is_read(form: str) -> None:
    labels = [form.format(name) for name in ELECTRODES]
    assert channels(labels, "10-20") == [((i,), ()) for i in range(19)]
    assert channels(labels, "double-banana")[0] == ((0,), (4,))


def test_the_suffix_of_a_reader_marks_channels_that_have_to_be_equal() -> None:
    # MNE saves CHB-MIT like this.
    labels = [f"T8-P8-{i}" for i in range(2)]
    montage = find_montage(["T4-T6"])
    assert resolve_montage(labels, montage, where="a.edf")[0].plus == (0, 1)


@pytest.mark.parametrize("label", ["P3-01", "P3-2", "P3-00"])
def test_a_number_that_counts_no_duplicates_is_not_cut_off(label: str) -> None:
    # It can be a mistyped or shortened derivation: P3-O1.
    labels = [label if name == "P3" else name for name in ELECTRODES]
    with pytest.raises(ChannelNotFoundError, match=rf"lacks P3 .* {label}"):
        resolve_montage(labels, "10-20", where="a.edf")


def test_a_channel_number_is_no_suffix_of_an_electrode_with_two_digits() -> None:
    labels = ["T7-FT9", "FT9-FT10", "C3-C5"]
    montage = find_montage(["FT9-FT10"])
    assert resolve_montage(labels, montage, where="a.edf")[0].plus == (1,)


# References


def against(reference: str, *, without: str = "") -> list[str]:
    return [f"EEG {name}-{reference}" for name in ELECTRODES if name != without]


def test_the_reference_electrode_is_zero_only_if_it_is_named() -> None:
    labels = against("Cz", without="Cz")
    with pytest.raises(
        ChannelNotFoundError, match=r"lacks Cz .* pass --reference Cz .* row of zeros"
    ):
        resolve_montage(labels, "10-20", where="a.edf")
    montage = find_montage("10-20", reference="CZ")
    rows = resolve_montage(labels, montage, where="a.edf")
    assert [(row.plus, row.minus) for row in rows][8:11] == [
        ((8,), ()),  # Fz
        ((), ()),  # Cz
        ((9,), ()),  # Pz
    ]


def test_derivations_with_the_reference_electrode_are_exact() -> None:
    labels = against("Cz", without="Cz")
    montage = find_montage(["Fz-Cz", "Cz-Pz", "Fp1-F7"], reference="Cz")
    rows = resolve_montage(labels, montage, where="a.edf")
    assert [(row.plus, row.minus) for row in rows] == [
        ((8,), ()),
        ((), (9,)),
        ((0,), (4,)),
    ]


def test_a_reference_can_be_named_where_labels_name_none() -> None:
    labels = [name for name in ELECTRODES if name != "Cz"]
    montage = find_montage(["Fp1", "Cz"], reference="Cz")
    rows = resolve_montage(labels, montage, where="a.edf")
    assert [(row.plus, row.reference) for row in rows] == [((0,), "Cz"), ((), "Cz")]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        pytest.param(against("LE"), r"it has a channel for Cz", id="has-a-channel"),
        pytest.param(
            against("LE", without="Cz"),
            r"its labels name the reference 'LE'; drop --reference Cz",
            id="labels-name-another",
        ),
    ],
)
def test_a_reference_that_contradicts_the_labels_is_refused(
    labels: list[str], problem: str
) -> None:
    montage = find_montage("double-banana", reference="Cz")
    with pytest.raises(SourceError, match=problem):
        resolve_montage(labels, montage, where="a.edf")


def test_rows_that_would_all_be_zero_are_refused() -> None:
    montage = find_montage(["Cz"], reference="Cz")
    with pytest.raises(SourceError, match=r"every requested row would be zero"):
        resolve_montage(against("Cz", without="Cz"), montage, where="a.edf")


def test_a_reference_that_is_no_electrode_needs_no_option() -> None:
    with pytest.raises(SpecError, match=r"'REF'\. Drop the option if"):
        find_montage("10-20", reference="REF")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["Fp1-F7"], id="one-pair"),
        pytest.param(["Fp1-F7", "F3-F7", "C3-P3"], id="not-all"),
        pytest.param(["Fp1-F7", "F3-F7", "C3-REF"], id="others-have-a-reference"),
    ],
)
def test_an_electrode_that_not_all_share_is_no_reference(labels: list[str]) -> None:
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fp1 .* bipolar"):
        resolve_montage(labels, find_montage(["Fp1"]), where="a.edf")


def ipsilateral() -> list[str]:
    """Name channels against the ear of their own side; the midline against A1."""
    return [f"EEG {name}-A{2 if name[-1] in '2468' else 1}" for name in ELECTRODES]


def test_ipsilateral_ears_are_refused_with_the_derivations_that_are_exact() -> None:
    with pytest.raises(
        SourceError,
        match=r"mixes references \('A1', 'A2'\).*--montage: Fp1-F7, F7-T3.* Fz-Cz",
    ) as error:
        resolve_montage(ipsilateral(), "10-20", where="a.edf")
    assert "Cz-C4" not in str(error.value)


def test_derivations_within_one_ear_are_exact() -> None:
    rows = resolve_montage(ipsilateral(), "double-banana", where="a.edf")
    assert [row.reference for row in rows[:5]] == ["A1"] * 4 + ["A2"]


# Labels of a form of their own


def test_the_form_of_labels_can_be_given() -> None:
    labels = [f"ch {name} (raw)" for name in ELECTRODES]
    montage = find_montage("10-20", label_format="ch {electrode} (raw)")
    rows = resolve_montage(labels, montage, where="a.edf")
    assert [row.plus for row in rows] == [(i,) for i in range(19)]


def test_a_form_of_labels_can_name_the_reference() -> None:
    labels = [f"{name} | {'LE' if i else 'RE'}" for i, name in enumerate(ELECTRODES)]
    montage = find_montage("10-20", label_format="{electrode} | {reference}")
    with pytest.raises(SourceError, match=r"mixes references \('LE', 'RE'\)"):
        resolve_montage(labels, montage, where="a.edf")


def test_only_labels_of_a_given_form_are_electrodes() -> None:
    labels = [*ELECTRODES, *(f"{name} clean" for name in ELECTRODES)]
    montage = find_montage("10-20", label_format="{electrode} clean")
    rows = resolve_montage(labels, montage, where="a.edf")
    assert rows[0].plus == (19,)


@pytest.mark.parametrize("form", ["Fp1", "{electrode}{electrode}", "{channel}", "{"])
def test_a_form_without_one_electrode_is_refused(form: str) -> None:
    with pytest.raises(SpecError, match=r"\{electrode\} once.*'POL \{electrode\}'"):
        find_montage("10-20", label_format=form)


def test_the_form_that_labels_seem_to_have_is_suggested() -> None:
    labels = [f"ch {name} (raw)" for name in ELECTRODES]
    with pytest.raises(
        ChannelNotFoundError, match=r"--label-format 'ch \{electrode\} \(raw\)'"
    ) as error:
        resolve_montage(labels, "10-20", where="a.edf")
    assert error.value.answered


def test_an_alias_is_suggested_for_one_label_that_holds_the_name() -> None:
    labels = renamed(referential("-REF"), O1="EEG (O1) REF")
    with pytest.raises(ChannelNotFoundError, match=r"--alias 'EEG \(O1\) REF=O1'"):
        resolve_montage(labels, "10-20", where="a.edf")


# Channels that are no electrodes


INTRACRANIAL = ["LA1", "LA2", "BTEleft SD", "EEG FP1-REF"]


def test_a_row_can_be_the_label_of_a_channel() -> None:
    montage = find_montage(["BTEleft SD", "LA2", "Fp1"], own_labels=True)
    rows = resolve_montage(INTRACRANIAL, montage, where="a.edf")
    assert [(row.ch_name, row.plus) for row in rows] == [
        ("BTEleft SD", (2,)),
        ("LA2", (1,)),
        ("Fp1", (3,)),
    ]
    assert montage.own_labels == ("BTEleft SD", "LA2")


def test_a_row_can_be_the_difference_of_two_labels() -> None:
    montage = find_montage(["LA1-LA2"], own_labels=True)
    (row,) = resolve_montage(INTRACRANIAL, montage, where="a.edf")
    assert (row.plus, row.minus, row.reference) == ((0,), (1,), "")


def test_a_label_that_is_not_there_is_missing() -> None:
    montage = find_montage(["LA1", "LA9"], own_labels=True)
    with pytest.raises(
        ChannelNotFoundError, match=r"lacks LA9 .* LA1, LA2, BTEleft SD"
    ):
        resolve_montage(INTRACRANIAL, montage, where="a.edf")


@pytest.mark.parametrize("row", ["Fp1-XX", "Fp1-F7-T3", "LA1-Avg", " LA1", "L\tA"])
def test_a_mistyped_row_is_no_label_of_a_channel(row: str) -> None:
    with pytest.raises(SpecError, match="expected an electrode such as 'Fp1'"):
        find_montage([row], own_labels=True)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("LA1-LA2", ["LA1-LA2"], id="capital-letters"),
        pytest.param("bte left", ["bte left"], id="blank"),
        pytest.param("bte,", ["bte"], id="comma"),
        pytest.param("LA1, Fp1-F7", ["LA1", "Fp1-F7"], id="list"),
        pytest.param("double-bananna", "double-bananna", id="mistyped-name"),
        pytest.param("TCP-20", "TCP-20", id="name-in-capitals"),
        pytest.param("Double_Banana", "Double_Banana", id="underscore"),
    ],
)
def test_one_label_is_told_from_the_name_of_a_montage(
    text: str, rows: str | list[str]
) -> None:
    assert split_rows(text) == rows


def test_a_missing_pair_is_not_answered_with_the_montage_that_was_asked_for() -> None:
    labels = [label for label in CHBMIT if label != "FZ-CZ"]
    with pytest.raises(ChannelNotFoundError, match=r"lacks Fz-Cz") as error:
        resolve_montage(labels, "double-banana", where="a.edf")
    assert "--montage" not in str(error.value)


def test_repeated_labels_are_all_named_so_that_the_reader_can_compare_them() -> None:
    labels = [*referential("-REF"), "EEG FP1-REF"]
    assert channels(labels, "10-20")[0] == ((0, 19), ())


@pytest.mark.parametrize("montage", [m for m in MONTAGES if m != "tcp-22"])
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


# Montages of corpora and of benchmarks


def test_szcore_19_is_in_its_own_order_against_the_average() -> None:
    assert list(montage_rows("szcore-19")) == words(
        "Fp1-Avg F3-Avg C3-Avg P3-Avg O1-Avg F7-Avg T3-Avg T5-Avg Fz-Avg Cz-Avg Pz-Avg "
        "Fp2-Avg F4-Avg C4-Avg P4-Avg O2-Avg F8-Avg T4-Avg T6-Avg"
    )


def test_szcore_19_is_read_against_the_reference_of_the_recording() -> None:
    # O1 is the fifth row, and the eighth channel.
    assert channels(referential("-LE"), "szcore-19")[4] == ((7,), ())


def test_tcp_22_is_in_the_order_of_the_corpus() -> None:
    assert list(montage_rows("tcp-22")) == words(
        "Fp1-F7 F7-T3 T3-T5 T5-O1 Fp2-F8 F8-T4 T4-T6 T6-O2 A1-T3 T3-C3 C3-Cz Cz-C4 "
        "C4-T4 T4-A2 Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2"
    )


def test_tcp_20_is_tcp_22_without_ears() -> None:
    ears = {"A1-T3", "T4-A2"}
    with_ears = montage_rows("tcp-22")
    assert montage_rows("tcp-20") == tuple(r for r in with_ears if r not in ears)


def test_tcp_22_takes_the_ears_as_electrodes_of_the_same_reference() -> None:
    labels = [*referential("-REF"), "EEG A1-REF", "EEG A2-REF"]
    # A1-T3 and T4-A2; T3 is channel 5 and T4 channel 16.
    found = channels(labels, "tcp-22")
    assert (found[8], found[13]) == (((19,), (5,)), ((16,), (20,)))


def test_tcp_22_takes_a_channel_against_an_ear_as_it_is() -> None:
    names = montage_rows("tcp-22")
    assert channels(list(names), "tcp-22") == [((i,), ()) for i in range(22)]


def test_tcp_montages_need_neither_fz_nor_pz() -> None:
    labels = [label for label in referential("-REF") if label[4:6] not in {"FZ", "PZ"}]
    assert len(channels(labels, "tcp-20")) == 20


# Lists of rows


def test_a_list_mixes_electrodes_and_derivations() -> None:
    montage = find_montage(["Cz", "Fp1-Cz"])
    rows = resolve_montage(referential("-REF"), montage, where="a.edf")
    assert [(row.ch_name, row.plus, row.minus) for row in rows] == [
        ("Cz", (9,), ()),
        ("Fp1-Cz", (0,), (9,)),
    ]


def test_a_list_takes_electrodes_of_the_10_10_system() -> None:
    montage = find_montage(["T3-FT9", "FT9-FT10"])
    rows = resolve_montage(CHBMIT, montage, where="a.edf")
    assert [row.plus for row in rows] == [(19,), (20,)]


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        pytest.param(["Fp1", "Fp1"], "'Fp1' is listed twice", id="twice"),
        pytest.param(["Fp1-F7-T3"], "got 'Fp1-F7-T3'", id="three-electrodes"),
        pytest.param(["Fp1-Fp1"], "got 'Fp1-Fp1'", id="against-itself"),
        pytest.param(["ECG"], "got 'ECG'", id="no-electrode"),
        pytest.param(["Fp1-XX"], "unknown electrode 'XX'", id="slip"),
        pytest.param(["Fp1-Avg"], "got 'Fp1-Avg'", id="average"),
        pytest.param([], "at least one row", id="empty"),
    ],
)
def test_a_list_that_is_no_montage_is_refused(rows: list[str], named: str) -> None:
    with pytest.raises(SpecError, match=named):
        find_montage(rows)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("FP1", "Fp1", id="upper-case"),
        pytest.param("t7", "T3", id="new-name"),
        pytest.param("FCZ", "FCz", id="10-10-midline"),
        pytest.param("ft10", "FT10", id="10-10"),
        pytest.param("a1", "A1", id="ear"),
        pytest.param("C3P", None, id="only-begins-like-one"),
        pytest.param("CS2", None, id="reference"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_electrodes_have_one_name_each(text: str, name: str | None) -> None:
    assert electrode_name(text) == name


def test_a_row_names_its_electrodes() -> None:
    assert [row_electrodes(r) for r in ("Cz", "Fp1-F7", "O1-Avg")] == [
        ("Cz",),
        ("Fp1", "F7"),
        ("O1",),
    ]


# Aliases


def test_an_alias_gives_a_channel_the_label_that_it_should_have() -> None:
    labels = renamed(referential("-REF"), O1="EEG 01-REF")
    montage = find_montage("10-20", aliases=[("EEG 01-REF", "EEG O1-REF")])
    assert resolve_montage(labels, montage, where="a.edf")[7].plus == (7,)


def test_an_alias_without_the_reference_of_the_others_is_refused() -> None:
    labels = renamed(referential("-REF"), O1="EEG 01-REF")
    montage = find_montage("10-20", aliases=[("EEG 01-REF", "O1")])
    with pytest.raises(SourceError, match=r"mixes references \(none, 'REF'\)"):
        resolve_montage(labels, montage, where="a.edf")


def test_aliases_can_name_all_channels_of_a_recording() -> None:
    labels = [f"ch {i}" for i in range(19)]
    aliases = list(zip(labels, ELECTRODES, strict=True))
    montage = find_montage("10-20", aliases=aliases)
    rows = resolve_montage(labels, montage, where="a.edf")
    assert [row.plus for row in rows] == [(i,) for i in range(19)]


def test_an_alias_of_a_label_that_is_not_there_does_not_matter() -> None:
    montage = find_montage("10-20", aliases=[("X1", "O1")])
    assert len(resolve_montage(referential("-REF"), montage, where="a.edf")) == 19


def test_an_alias_for_no_electrode_is_refused() -> None:
    with pytest.raises(SpecError, match=r"aliases: expected a label .* for 'X1'"):
        find_montage("10-20", aliases=[("X1", "left ear")])


def test_the_missing_rows_are_in_the_error() -> None:
    labels = [label for label in referential("-REF") if label[4:6] not in {"FZ", "PZ"}]
    with pytest.raises(ChannelNotFoundError, match="lacks Fz, Pz") as error:
        resolve_montage(labels, "10-20", where="a.edf")
    assert error.value.missing == ("Fz", "Pz")
