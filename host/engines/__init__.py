"""What carries a sandbox out: this machine, or a cluster's own scheduler. All of them keep one contract (base.py)."""
