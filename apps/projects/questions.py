"""Questions on risks to the people behind the data, as an impact assessment asks them (GDPR art. 35)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One question; `asks_more` says which answer needs words beside it."""

    key: str
    words: str
    asks_more: str = "yes"


QUESTIONS = (
    Question("linkage", "Will the data be linked with other data about the same people?"),
    Question("rare", "Are any of the people few enough to be known by their disease, treatment or place?"),
    Question("children", "Are children among them?"),
    Question("genetic", "Could somebody's relatives learn something about themselves from the results?"),
    Question("automated", "Will anything be decided about a person by a model trained here?"),
    Question("minimal", "Is this the least data with which the question can be answered?", asks_more="no"),
    Question("withdrawal", "Can a person's withdrawal of consent still be honored during the project?", asks_more="no"),
)
