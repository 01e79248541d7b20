"""What a test reads off a page."""

import re


def links(page):
    """Every address that the page leads or sends to."""
    return set(re.findall(r'(?:href|action)="([^"#?]+)', page.content.decode()))


def said(page):
    """What the page told at its top."""
    return [str(message) for message in page.context["messages"]]
