"""Names below `localhost` are this machine (RFC 6761), also where the C library asks a name server instead."""

import socket
from typing import Any

_asked = socket.getaddrinfo


def _answered(host: Any, *words: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    return _asked("127.0.0.1" if isinstance(name, str) and name.endswith(".localhost") else host, *words, **more)


def look_up_localhost_here() -> None:
    """From now on this process knows these names."""
    socket.getaddrinfo = _answered
