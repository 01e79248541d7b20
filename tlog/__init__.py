"""A transparency log in plain Python: canonical events, a Merkle tree in tiles, signed checkpoints, bundles.

Standard library and `cryptography` only; knows nothing of Django, of the database or of what an event means. Formats:
RFC 8785 (canonical JSON), RFC 6962 (tree), C2SP tlog-tiles, signed-note, tlog-checkpoint and tlog-cosignature.
"""
