"""How far something that is rationed is used up: the same levels wherever people are told of them."""

NEARLY, WHOLLY = 80, 100  # percent


def level(used: float, most: float | None) -> int:
    """WHOLLY or NEARLY, once so much is used; else, or where there is no bound, 0."""
    if most is None:
        return 0
    return next((one for one in (WHOLLY, NEARLY) if used * 100 >= most * one), 0)
