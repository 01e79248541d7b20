"""The demo's own words for an agreement, and what happened with it. No center has agreed to any of this."""

from dataclasses import dataclass
from pathlib import Path

NAME = "Use of data for research"
PURPOSE = "One center lets another use data in the portal's workspaces, for research that both have named."
TEXT = Path(__file__).with_name("demo_wording.md").read_text(encoding="utf-8")
VALUES = {
    "purpose": "finding out which patients gain most from which treatment",
    "acknowledgement": "the source of the data, with the citation of each dataset",
    "notice_hours": "24",
    "answer_days": "10",
    "deletion_days": "30",
}
CONDITIONS = (
    "Counts below 10 leave the workspaces in no form.\nA summary in plain language is sent when a project ends."
)


@dataclass(frozen=True)
class Told:
    """One agreement of the demo: between whom, from and to which day counted from today, and what happened."""

    providing: str
    receiving: str
    title: str
    begins: int
    ends: int
    story: str = "in force"


AGREEMENTS = [
    Told("MSK", "Fred Hutch", "Lung and thyroid cancer: genomes and outcomes", -95, 60, "amended"),
    Told("Fred Hutch", "MSK", "Prostate cancer and leukemia: shared analyses", -90, 24),
    Told("Dana-Farber", "Fred Hutch", "Lymphoma and colorectal cancer: subtypes", -84, 640),
    Told("Johns Hopkins", "Fred Hutch", "Rare tumors: expression and survival", -80, 285),
    Told("MSK", "Dana-Farber", "A pilot on pathology slides", -78, -12),
    Told("Dana-Farber", "Johns Hopkins", "Colorectal cancer: methods", -70, 295, "terminated"),
    Told("Fred Hutch", "Dana-Farber", "Glioblastoma: expression", -60, 305),
    Told("Johns Hopkins", "MSK", "Pancreatic cysts: genomes", 2, 367, "signed by one"),
    Told("MSK", "Johns Hopkins", "Chest CT: nodules", 5, 370, "sent"),
    Told("Johns Hopkins", "Dana-Farber", "Small round blue cell tumors", 10, 375, "called back"),
    Told("Fred Hutch", "Johns Hopkins", "Breast cancer: federated training", 14, 379, "draft"),
]
