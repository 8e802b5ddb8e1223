"""The paper venue: a matching engine as strict as Binance, on rows of our own."""
