"""The demo's projects in words, and what happened with each. The people are invented; no center decided any of this."""

from dataclasses import dataclass, field
from typing import Any

LUNG, LYMPHOMA, PROSTATE = "MONDO:0005061", "MONDO:0018905", "MONDO:0005159"


@dataclass(frozen=True)
class Told:
    """One project: who leads it, when it began (in days from today), what it asks for and why, and its story."""

    lead: str
    title: str
    story: str
    begins: int
    data: dict[str, str]  # slug → why it is needed
    summary: str
    methods: str
    disease: str = ""
    is_genetic: bool = False
    team: tuple[str, ...] = ()
    words: dict[str, str] = field(default_factory=dict)  # what was said at its turns, by turn


BENEFIT = "Patients and their doctors learn earlier which treatment is likely to help, and which only burdens."
OUTPUTS = "Tables of counts and estimates, survival curves, and the figures of one paper. No single patients."


def purpose_of(told: Told) -> dict[str, Any]:
    """The answers on its purpose."""
    return {
        "kind": "disease" if told.disease else "biomedical",
        "diseases": [told.disease] if told.disease else [],
        "studies": [],
        "countries": ["US"],
        "is_for_profit": False,
        "is_commercial": False,
        "is_genetic": told.is_genetic,
        "is_clinical_care": False,
        "collaborates": True,
        "publishes": True,
        "returns_results": True,
    }


PROJECTS = [
    Told(
        "Grace Liu",
        "Which lung adenocarcinomas spread, and where",
        "active",
        -27,
        {
            "genomics-msk-luad-2017": "It pairs the mutations of metastatic tumors with outcomes.",
            "radiology-msk-lidc-idri-chest-ct": "Four readers' contours let us measure how nodules are told apart.",
        },
        "Some lung cancers spread early and others never do. We look for mutations that tell them apart.",
        "Logistic regression on the mutated genes, then a Cox model; nodules are measured from the readers' contours.",
        disease=LUNG,
        is_genetic=True,
        team=("Hugo Martin", "Aaron Blum"),
        words={"conditions": "Name the data's makers in every paper. No linkage with other cohorts."},
    ),
    Told(
        "Rosa Jimenez",
        "Do slides foretell the outcome of colorectal cancer",
        "asked",
        -12,
        {
            "ehr-dana-farber-colorectal-2016": "It holds stage, treatment and survival.",
            "pathology-msk-colorectal-he-tiles": "We need slide regions with tumor and with normal mucosa.",
        },
        "A slide is cut of nearly every tumor. We ask whether what it shows foretells how patients fare.",
        "Texture features of the tiles against stage and survival, with the validation set held back until the end.",
        team=("Quentin Dubois",),
        words={
            "question": "Will tiles be shown to anybody outside the team, such as in a figure?",
            "answer": "Only one tile as a figure, checked like every other output.",
        },
    ),
    Told(
        "Grace Liu",
        "Survival with anaplastic thyroid cancer",
        "draft",
        -3,
        {"ehr-msk-thyroid-2016": ""},
        "Anaplastic thyroid cancer is rare and moves fast. We want to know who lives longer, and why.",
        "",
    ),
    Told(
        "Hugo Martin",
        "Subtypes of lymphoma and the first relapse",
        "returned",
        -15,
        {"ehr-dana-farber-dlbcl-2018": "It names molecular subtypes beside the time of relapse."},
        "Lymphoma comes back in one patient of three. We ask whether its molecular subtype says in whom.",
        "Competing risks by subtype.",
        disease=LYMPHOMA,
        words={"return": "Say how subtypes with fewer than ten patients are reported, then send it again."},
    ),
    Told(
        "Julia Santos",
        "Gene expression in glioblastoma, one center against another",
        "decided",
        -20,
        {
            "genomics-fred-hutch-tcga-gbm-rnaseq": "Ten tumors with raw counts are enough for the comparison.",
            "ehr-msk-impact-2017": "It would give the frequencies in a larger cohort.",
        },
        "Labs measure the same tumor differently. We want to know how much of what they find is the lab.",
        "Normalization by three methods, and the ranks of genes compared.",
        is_genetic=True,
        words={"refusal": "The question can be answered without our cohort; the public frequencies suffice."},
    ),
    Told(
        "Karim Benali",
        "Telling small round blue cell tumors apart",
        "suspended",
        -32,
        {"genomics-johns-hopkins-khan-srbct": "It is the reference set for this question."},
        "Four childhood tumors look alike under the microscope. Their genes differ; we test how few genes are needed.",
        "Nearest shrunken centroids with nested cross-validation.",
        is_genetic=True,
        words={"suspension": "The proof of data security training is not complete. It goes on once it is."},
    ),
    Told(
        "Aaron Blum",
        "Sites of spread in prostate cancer",
        "closed",
        -34,
        {"ehr-fred-hutch-prostate-2016": "It lists the site of each sample."},
        "Prostate cancer often spreads to bone. We count how often it goes elsewhere, and in whom.",
        "Counts by site and age, with exact intervals.",
        disease=PROSTATE,
        words={
            "closing": "The counts are published; nothing more is planned.",
            "learned": "One in five of these tumors spread elsewhere than to bone first, more often in younger men.",
            "published": "Sites of spread in prostate cancer, an invented paper. doi:10.5555/caia.demo.1",
        },
    ),
    Told(
        "Rosa Jimenez",
        "Which colorectal cancers answer to chemotherapy",
        "changing",
        -30,
        {
            "ehr-dana-farber-colorectal-2016": "It holds treatment and survival.",
            "pathology-msk-colorectal-he-tiles": "The slides show how much of a tumor is stroma.",
        },
        "Chemotherapy helps some patients and only burdens others. We ask whether the slide tells them apart.",
        "A Cox model of stage and treatment, with the share of stroma in the tiles.",
        words={
            "methods": "A Cox model of stage and treatment, with the share of stroma and of lymphocytes in the tiles.",
            "joins": "Quentin Dubois",
        },
    ),
    Told(
        "Julia Santos",
        "Genes that are silent in small round blue cell tumors",
        "renewing",
        -33,
        {"genomics-johns-hopkins-khan-srbct": "It is the reference set for this question."},
        "Some genes are switched off in every one of these tumors. We want to know which, and since when.",
        "Ranks of expression against healthy tissue.",
        is_genetic=True,
        words={"lasts": "20"},
    ),
    Told(
        "Aaron Blum",
        "How age changes survival with prostate cancer and with lymphoma",
        "revoked",
        -31,
        {
            "ehr-fred-hutch-prostate-2016": "It holds age beside the time of survival.",
            "ehr-dana-farber-dlbcl-2018": "Lymphoma is what we compare with.",
        },
        "Cancer at an old age is another illness than at a young one. We ask how much of that is age alone.",
        "A Cox model with a spline of age, in each cohort by itself.",
        words={
            "revocation": "A patient has withdrawn their consent, and this version still holds them. Ask for the next.",
        },
    ),
    Told(
        "Ines Costa",
        "Leukemia mutations and age",
        "withdrawn",
        -18,
        {"ehr-alliance-gbsg2": "As a comparison."},
        "We wanted to know whether mutations gather with age.",
        "Regression on age.",
    ),
]
