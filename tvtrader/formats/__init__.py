"""How the console writes dates, whatever the language."""
