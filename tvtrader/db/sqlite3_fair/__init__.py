"""SQLite whose writers queue in the order of their arrival."""
