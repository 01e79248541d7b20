"""The roles of the alliance: what each is called, on what it is granted, and which can't sit with one person."""

from enum import StrEnum


class Role(StrEnum):
    """The name of a role is the codename of its permission."""

    ALLIANCE_MANAGER = "alliance_manager"
    AUDITOR = "auditor"
    CENTER_MANAGER = "center_manager"
    DATA_STEWARD = "data_steward"
    SIGNING_OFFICIAL = "signing_official"
    OUTPUT_CHECKER = "output_checker"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ").capitalize()

    @property
    def meaning(self) -> str:
        return MEANINGS[self]


ON_ALLIANCE = (Role.ALLIANCE_MANAGER, Role.AUDITOR)
ON_CENTER = (Role.CENTER_MANAGER, Role.DATA_STEWARD, Role.SIGNING_OFFICIAL, Role.OUTPUT_CHECKER, Role.AUDITOR)

MEANINGS = {
    Role.ALLIANCE_MANAGER: "Admits and suspends centers, publishes training types and keeps the platform running.",
    Role.AUDITOR: "Reads and verifies the record. Changes nothing and decides nothing.",
    Role.CENTER_MANAGER: "Invites and vouches for the center's people and accepts their training.",
    Role.DATA_STEWARD: "Publishes the center's data and decides who may use it.",
    Role.SIGNING_OFFICIAL: "Signs agreements for the center.",
    Role.OUTPUT_CHECKER: "Checks what goes in and out of workspaces.",
}

DECIDES = frozenset(Role) - {Role.AUDITOR}


def clash(first: str, second: str) -> str:
    """Why one person can't hold both, or an empty string. An auditor decides nothing that they may have to audit."""
    if Role.AUDITOR in (first, second) and first != second:
        return "An auditor can't hold a role that decides, since auditors look at those decisions."
    return ""
