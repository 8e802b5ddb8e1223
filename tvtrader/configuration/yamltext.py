"""YAML in and out with every number kept as its text, so that 0.1 never becomes a float."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

NULL = "tag:yaml.org,2002:null"
BOOL = "tag:yaml.org,2002:bool"


class Unreadable(Exception):
    """The text is not YAML as we read it; the message names line and column and never quotes the text."""


class _Loader(yaml.SafeLoader):
    """A safe loader that knows only text, null, true and false, and refuses a key that stands twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} stands twice in one mapping", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# The words of YAML 1.2: `on`, `no` and 1:30 stay text, and numbers stay text for Decimal to read.
_Loader.add_implicit_resolver(NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load(text: str) -> Any:
    """Return plain dicts, lists, text, booleans and None; raises Unreadable."""
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # The mark's snippet is left out: it could show a secret.
        raise Unreadable(f"{where}{exc.problem or exc.context or 'not valid YAML'}") from None
    except yaml.reader.ReaderError as exc:
        raise Unreadable(f"position {exc.position}: a character that YAML does not allow") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None


class Block(dict[str, Any]):
    """A mapping that is written one key a line; plain dicts and the lists in them are written on one line."""


class _Dumper(yaml.SafeDumper):
    """Block style for what people edit, one line for small values; numbers come out as quoted text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def block(self, data: Block) -> yaml.MappingNode:
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=False)

    def row(self, data: dict[str, Any]) -> yaml.MappingNode:
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)

    def items(self, data: list[Any]) -> yaml.SequenceNode:
        flow = not any(isinstance(item, Block) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


_Dumper.add_representer(Block, _Dumper.block)
_Dumper.add_representer(dict, _Dumper.row)
_Dumper.add_representer(list, _Dumper.items)


def dump(document: Block) -> str:
    """Return the document as YAML that `load` reads back to the same values."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
