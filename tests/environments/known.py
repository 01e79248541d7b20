"""What the starter notebooks have to come to, wherever they run.

The known values are those measured when the datasets were chosen; where a paper or a textbook reports them too, they
agree. Tolerances: counts are exact; a measured number has to agree in all digits that were written down.
"""

from typing import Any, Protocol

import pytest

approx = pytest.approx
PNG_ENDS = b"IEND\xaeB`\x82"


class Run(Protocol):
    """A notebook that ran to its end: what its last cell printed, what its cells complained of, whole PNG files."""

    @property
    def printed(self) -> Any: ...

    @property
    def complaints(self) -> list[str]: ...

    @property
    def pictures(self) -> set[str]: ...


BREAST = {
    "horTh_yes": -0.346279,
    "age": -0.009459,
    "menostat_Post": 0.258445,
    "tsize": 0.007796,
    "tgrade_II": 0.636112,
    "tgrade_III": 0.779654,
    "pnodes": 0.048789,
    "progrec": -0.002217,
    "estrec": 0.000197,
}


def ehr(run: Run) -> None:
    """Survival after breast and lung cancer."""
    found = run.printed

    assert (found["breast_patients"], found["breast_events"], found["lung_patients"]) == (686, 299, 227)
    assert found["breast_coefficients"] == approx(BREAST, abs=1e-6)
    assert found["breast_therapy_hazard_ratio"] == approx(0.7073, abs=5e-5)
    assert found["breast_concordance"] == approx(0.6919, abs=5e-5)
    assert found["breast_log_likelihood"] == approx(-1735.7321, abs=5e-5)
    assert (found["breast_median_days_with_therapy"], found["breast_median_days_without"]) == (2018, 1528)
    assert found["breast_logrank_chi2"] == approx(8.5648, abs=5e-5)
    assert found["breast_logrank_p"] == approx(0.00343, abs=5e-6)
    assert found["lung_coefficients"] == approx({"age": 0.011067, "sex": -0.552610, "ph.ecog": 0.463728}, abs=1e-6)
    assert found["lung_concordance"] == approx(0.6371, abs=5e-5)
    assert (found["lung_median_days_men"], found["lung_median_days_women"]) == (270, 426)
    assert found["lung_logrank_chi2"] == approx(10.33, abs=5e-3)
    assert found["lung_logrank_p"] == approx(0.00131, abs=5e-6)
    assert run.complaints == []
    assert run.pictures == {"ehr-breast-curves.png", "ehr-breast-hazards.png", "ehr-lung-curves.png"}


def pathology(run: Run) -> None:
    """A slide's tissue and its tiles."""
    found = run.printed

    assert found["slide_pixels"] == [2220, 2967]
    assert found["micrometers_per_pixel"] == 0.499
    assert found["otsu_threshold"] == approx(0.6621, abs=5e-5)
    assert found["tissue_fraction"] == approx(0.2839, abs=5e-5)
    # Not known from elsewhere: that every tile has a kind, that both kinds of tissue were found, that the trap works.
    assert found["tiles_glass"] + found["tiles_few_nuclei"] + found["tiles_many_nuclei"] == found["tiles"] == 1200
    assert min(found["tiles_few_nuclei"], found["tiles_many_nuclei"]) > 100
    assert 0.75 < found["patch_balanced_accuracy"] < 1
    assert run.complaints == []
    assert run.pictures == {"pathology-tiles.png"}


def radiology(run: Run) -> None:
    """Nodules of the lung in CT."""
    found = run.printed

    volumes = {patient: found[patient]["volumes_mm3"] for patient in found if patient.startswith("LIDC")}
    scores = {patient: found[patient]["malignancy"] for patient in volumes}
    assert volumes == {
        "LIDC-IDRI-0001": approx([8458.9, 6609.9, 7085.8, 7920.0], abs=0.05),
        "LIDC-IDRI-0002": approx([7167.6, 8536.5], abs=0.05),
        "LIDC-IDRI-0003": approx([5654.1, 5046.8, 6089.9, 11442.9], abs=0.05),
    }
    assert scores == {"LIDC-IDRI-0001": [5, 5, 5, 4], "LIDC-IDRI-0002": [5, 4], "LIDC-IDRI-0003": [5, 5, 3, 4]}
    assert found["slices"] == [16, 12, 11]
    assert found["slice_distances_mm"] == [2.5, 1.25, 2.5]
    assert run.complaints == []
    assert run.pictures == {"radiology-outlines.png", "radiology-volumes.png"}


def genomics(run: Run) -> None:
    """Variants, alignments, mutations and expression."""
    found = run.printed

    assert (found["variants"], found["variants_snv"], found["variants_passed"]) == (1470, 1306, 1264)
    assert found["transition_transversion_ratio"] == approx(1.152, abs=5e-4)
    assert found["drivers"] == {"TP53": ["p.Arg175His", 0.989], "BRCA2": ["p.Glu1593Ter", 0.426]}
    assert (found["alignments"], found["alignments_spliced"]) == (31678, 13945)
    assert (found["introns"], found["intron_gaps"]) == (25, 15085)
    assert (found["lung_patients"], found["lung_targeted_therapy"], found["lung_egfr_and_kras"]) == (860, 319, 8)
    assert found["lung_mutated"] == {"TP53": 461, "EGFR": 244, "KRAS": 236, "STK11": 151, "KEAP1": 149}
    assert found["lung_odds_ratio"] == approx(0.058, abs=5e-4)
    assert found["lung_p"] == approx(3e-29, rel=0.05)
    assert (found["expression_train_errors"], found["expression_test_errors"]) == (0, 2)
    assert run.complaints == []
    assert run.pictures == {"genomics-changes.png", "genomics-introns.png", "genomics-lung-genes.png"}


KNOWN = {"ehr": ehr, "pathology": pathology, "radiology": radiology, "genomics": genomics}
