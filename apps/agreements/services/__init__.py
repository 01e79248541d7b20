"""Commands on templates, agreements, signatures and terms."""
