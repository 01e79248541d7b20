"""The host: the one program on each machine that starts workspaces, and the only one that needs root.

It pulls: it asks the portal what a run may mount, fetches that into a verified cache, lays it out, starts the sandbox
and its gateway, tells the portal each two seconds what runs, and hears in the answer what to stop. It needs nothing
but Python and `sandbox`; nobody talks to it but the Hub, over a Unix socket, with three requests.
"""
