"""The demo alliance: four real centers' names with invented people. No center has endorsed anything here.

Everybody's address ends in example.org, which nobody can own.
"""

from dataclasses import dataclass, field

from apps.alliance.roles import Role

DEMO_DOMAIN = "example.org"


@dataclass(frozen=True)
class DemoPerson:
    """An invented person; `roles` at their center, `story` picks what happened to them."""

    name: str
    position: str
    roles: tuple[Role, ...] = ()
    story: str = "settled"
    alliance_roles: tuple[Role, ...] = ()

    def email(self, domain: str) -> str:
        return f"{self.name.lower().replace(' ', '.').replace('’', '').replace('é', 'e').replace('ó', 'o')}@{domain}"


@dataclass(frozen=True)
class DemoCenter:
    """A center of the demo; the first person manages it from the start."""

    short_name: str
    legal_name: str
    ror_id: str
    domain: str
    contact: str
    smallest_count: int
    people: list[DemoPerson] = field(default_factory=list)


CENTERS = [
    DemoCenter(
        "Fred Hutch",
        "Fred Hutchinson Cancer Center",
        "007ps6h72",
        f"fredhutch.{DEMO_DOMAIN}",
        "Data Governance Office",
        10,
        [
            DemoPerson(
                "Ada Osei", "Head of data governance", (Role.CENTER_MANAGER,), alliance_roles=(Role.ALLIANCE_MANAGER,)
            ),
            DemoPerson("Bram Visser", "Research operations lead", (Role.CENTER_MANAGER,)),
            DemoPerson("Carmen Ruiz", "Data steward, oncology registry", (Role.DATA_STEWARD,), "training_lapsing"),
            DemoPerson("Daniel Kim", "General counsel", (Role.SIGNING_OFFICIAL,)),
            DemoPerson("Elif Kaya", "Statistical disclosure officer", (Role.OUTPUT_CHECKER,), "training_missing"),
            DemoPerson("Farid Nouri", "Internal auditor", (Role.AUDITOR,)),
            DemoPerson("Grace Liu", "Computational biologist", (), "training_waiting"),
            DemoPerson("Hugo Martin", "Biostatistician", (), "training_returned"),
            DemoPerson("Ines Costa", "Postdoctoral researcher", (), "training_lapsed"),
            DemoPerson("Jonas Weber", "Radiation oncologist", (), "invited"),
        ],
    ),
    DemoCenter(
        "Dana-Farber",
        "Dana-Farber Cancer Institute",
        "02jzgtq86",
        f"danafarber.{DEMO_DOMAIN}",
        "Research Data Office",
        10,
        [
            DemoPerson("Kofi Mensah", "Director of research data", (Role.CENTER_MANAGER,)),
            DemoPerson(
                "Lena Fischer",
                "Research administrator",
                (Role.CENTER_MANAGER,),
                alliance_roles=(Role.ALLIANCE_MANAGER,),
            ),
            DemoPerson("Mateo Silva", "Data steward, lymphoma", (Role.DATA_STEWARD,)),
            DemoPerson("Nadia Haddad", "Vice president, contracts", (Role.SIGNING_OFFICIAL,), "vouch_ending"),
            DemoPerson("Owen Clarke", "Output checker", (Role.OUTPUT_CHECKER,)),
            DemoPerson("Priya Raman", "Compliance auditor", (Role.AUDITOR,)),
            DemoPerson("Quentin Dubois", "Medical oncologist", (), "training_waiting"),
            DemoPerson("Rosa Jimenez", "Data scientist", ()),
            DemoPerson("Samir Patel", "Doctoral researcher", (), "suspended"),
        ],
    ),
    DemoCenter(
        "MSK",
        "Memorial Sloan Kettering Cancer Center",
        "02yrq0923",
        f"msk.{DEMO_DOMAIN}",
        "Center for Data Access",
        20,
        [
            DemoPerson("Tara Novak", "Director, data access", (Role.CENTER_MANAGER,)),
            DemoPerson("Uma Krishnan", "Program manager", (Role.CENTER_MANAGER,)),
            DemoPerson("Victor Stein", "Data steward, thoracic", (Role.DATA_STEWARD,)),
            DemoPerson("Wanda Okoro", "Data steward, pathology", (Role.DATA_STEWARD,), "role_ending"),
            DemoPerson("Xavier Roy", "Chief legal officer", (Role.SIGNING_OFFICIAL,)),
            DemoPerson("Yuki Tanaka", "Output checker", (Role.OUTPUT_CHECKER,)),
            DemoPerson("Zara Ahmed", "Internal auditor", (Role.AUDITOR,)),
            DemoPerson("Aaron Blum", "Pathologist", (), "training_waiting"),
            DemoPerson("Bianca Rossi", "Machine learning engineer", (), "invitation_stale"),
            DemoPerson("Chen Wei", "Thoracic surgeon", (), "left"),
        ],
    ),
    DemoCenter(
        "Johns Hopkins",
        "Sidney Kimmel Comprehensive Cancer Center at Johns Hopkins",
        "00za53h95",
        f"jhu.{DEMO_DOMAIN}",
        "Data Trust",
        11,
        [
            DemoPerson("Dora Petrov", "Data trust manager", (Role.CENTER_MANAGER,)),
            DemoPerson("Emeka Udo", "Research coordinator", (Role.CENTER_MANAGER,)),
            DemoPerson("Freya Lund", "Data steward, genomics", (Role.DATA_STEWARD,)),
            DemoPerson("George Hill", "Associate dean, research", (Role.SIGNING_OFFICIAL,)),
            DemoPerson("Hana Sato", "Output checker", (Role.OUTPUT_CHECKER,), "training_missing"),
            DemoPerson("Isaac Cohen", "Alliance auditor", (), alliance_roles=(Role.AUDITOR,)),
            DemoPerson("Julia Santos", "Genetic epidemiologist", ()),
            DemoPerson("Karim Benali", "Bioinformatician", (), "training_returned"),
        ],
    ),
]

APPLICANT = DemoCenter(
    "Northlake", "Northlake Cancer Institute", "", f"northlake.{DEMO_DOMAIN}", "Office of Research", 15
)

TRAININGS = [
    (
        "Human subjects protection",
        "What consent, privacy and respect for patients ask of everybody who works with their data. "
        "Take the course of your center or an equal one; the certificate must show your name and the day.",
        1095,
        True,
        [],
    ),
    (
        "Data security in the alliance",
        "How the workspaces keep data in, what never to do with it, and whom to call when something goes wrong.",
        365,
        True,
        [],
    ),
    (
        "Statistical disclosure control",
        "How results can give people away, and how to see it: small cells, dominance, differencing.",
        730,
        False,
        [Role.OUTPUT_CHECKER],
    ),
    (
        "Stewardship of shared data",
        "Reading a proposal, matching data-use terms, and deciding within the time that researchers were told.",
        730,
        False,
        [Role.DATA_STEWARD],
    ),
]
