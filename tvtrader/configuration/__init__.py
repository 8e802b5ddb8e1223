"""The configuration file: accounts, strategies, endpoints and ticker aliases as YAML, applied as one difference."""

from tvtrader.configuration.apply import apply_file, dump_text, load_paper_instruments
from tvtrader.configuration.model import ConfigurationError, NewSecret, Report

__all__ = ["ConfigurationError", "NewSecret", "Report", "apply_file", "dump_text", "load_paper_instruments"]
