"""Pages on agreements: the list, one agreement, signing, templates, terms of use."""
