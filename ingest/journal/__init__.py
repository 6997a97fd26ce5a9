"""What is on disk before anything is acknowledged: the journal, and the ledger of all that came."""
