"""Safe people: data-use agreements between centers, their signatures, and the terms that each researcher accepts.

Over the budget of 2,500 lines because words, signatures, PDF and receipts all speak of the same frozen text and read
badly apart; nearly a tenth is the demo's story.
"""
