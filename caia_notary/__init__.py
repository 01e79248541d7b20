"""The notary: puts committed events in order under a Merkle tree and signs its head.

A process of its own, with a database role of its own and the only key; it knows nothing of the portal's rules.
"""
