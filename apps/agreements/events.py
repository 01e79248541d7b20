"""The reads of the agreements that the record keeps: what somebody takes away as a file."""

from apps.core.events import read

DOCUMENT_TAKEN = read(
    "agreements.document.taken",
    "Took an agreement as PDF",
    attempt="take an agreement as PDF",
    when="Before the first byte of an agreement's PDF is sent.",
    about=("agreements.agreementversion",),
)
RECEIPT_TAKEN = read(
    "agreements.receipt.taken",
    "Took the receipt of a signature",
    attempt="take the receipt of a signature",
    when="Before the first byte of a signature's receipt is sent; whoever is not of the signer's center is refused.",
    about=("agreements.signature",),
)
