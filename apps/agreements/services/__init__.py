"""Commands on templates, agreements, signatures and terms: whoever imports one of them knows all moves of a machine."""

from apps.agreements.services import drafts, keeping, signing, templates, terms

__all__ = ["drafts", "keeping", "signing", "templates", "terms"]
