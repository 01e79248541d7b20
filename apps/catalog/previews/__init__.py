"""First looks at data. Each kind is a module with preview(path, out) -> facts, pure and without Django.

These parsers read bytes that nobody vouches for. The portal never calls them in its own process but asks
apps.catalog.preview_gateways, which runs `python -m apps.catalog.previews KIND PATH OUT` within limits.
"""
