"""One web process, on the listening socket that supervisord holds: a restart loses no visitor."""

from __future__ import annotations

import socket

import uvicorn


def main() -> None:
    """Take the socket from file descriptor 0 with its true family, and serve until told to stop."""
    listening = socket.socket(fileno=0)
    config = uvicorn.Config(
        "caia_portal.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=8,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
