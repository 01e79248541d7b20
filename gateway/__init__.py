"""The gateway: stands outside a sandbox, between one person's browser and the server that runs inside.

Nothing relies on what the server does: its own user may have replaced it. docs/gateway.md says what is enforced.
"""
