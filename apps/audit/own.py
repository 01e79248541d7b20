"""Lines of the record that no part of the portal asks for: the notary and the migrations write them.

The names stand in their code (caia_notary/sequencer.py, 0001_record.sql), which must not import ours; a house test
compares them with this table.
"""

OWN = {
    "audit.rows": "The notary, right after an event that changed governed rows: names them with their digests.",
    "audit.governed": "A migration that puts a table under the rule; audit.rows then notes what was there.",
}
