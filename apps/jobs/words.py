"""The ends of attempts in words for people: what happened, and what to do about it."""

import signal

from apps.jobs import limits

ENDS = {
    "memory": "It needed more memory than it asked for and was ended. Hand it in again with more, or let it use less.",
    "disk": "It wrote more than fits into its folder and was ended.",
    "time": "Its time was up. Hand it in with more, or let it save its work and end with 99 at SIGTERM.",
    "lost": "Its machine was lost. It is tried again, from its last checkpoint.",
}


def ended_words(why: str, code: int | None, words: str) -> str:
    """How an attempt ended. `why` and `words` as its host says, `code`: the program's own."""
    if code == limits.AGAIN and why != "lost":
        return "It saved its work and asked for another turn."
    if why == "lost":
        return words or ENDS["lost"]
    if why == "finished":
        return "It ended well." if code == 0 else f"Its program ended with the exit code {code}. Its log says why."
    if why == "signal" and code is not None and code > 128:
        name = signal.strsignal(code - 128) or f"signal {code - 128}"
        return f"A signal ended its program: {name}."
    return ENDS.get(why) or words or "It ended."
