"""A center's witness: signs a log's checkpoint only if it continues what the witness has seen before.

Speaks C2SP tlog-witness (https://c2sp.org/tlog-witness). Needs the standard library, `cryptography` and `tlog` only, so
that a center runs it on a machine of its own, away from the portal.
"""
