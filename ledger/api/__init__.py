"""The ledger's part of the API."""
