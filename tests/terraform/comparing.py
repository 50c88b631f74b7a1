"""The compact schema beside the provider's own, and beside what configuration uses of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.terraform.answers import Diagnostic
    from tests.terraform.schema import Attribute, Block, Entry, Nested, Provider, Type

Json = dict[str, Any]

_KEYS = {
    "resources": "resource_schemas",
    "data_sources": "data_source_schemas",
    "ephemeral": "ephemeral_resource_schemas",
}
_FLAGS = ("required", "optional", "computed", "sensitive", "write_only")

# What Terraform says when something is set, or read, that the schema does not hold.
_UNKNOWN_SET = re.compile(r'(?:An argument named|Blocks of type) "(\w+)"')
_UNKNOWN_READ = re.compile(r'(?:attribute|argument, nested block.*) named "(\w+)"')
_PLACE = re.compile(r'(resource|data|ephemeral) "(\w+)"')
_PLACES = {"resource": "resources", "data": "data_sources", "ephemeral": "ephemeral"}


def differences(compact: Provider, whole: Json) -> list[str]:
    """Return a sentence for all that the compact schema says otherwise than the provider's own.

    Args:
        compact: The compact schema.
        whole: The provider's, as it stands under its name in ``provider_schemas`` of
            ``terraform providers schema -json``.
    """
    # A schema from which descriptions were taken out, to make it small, may have lost the arguments
    # of that name with them: it cannot tell of these.
    silent = () if _holds_descriptions(whole) else ("description",)
    found = list(_block_differences("provider", compact.config, whole["provider"]["block"], silent))
    for where, kind, block in compact.kinds():
        schemas = whole[_KEYS[where]]
        if kind in schemas:
            there = schemas[kind]["block"]
            found += _block_differences(f"{where} {kind}", block, there, silent)
        else:
            found.append(f"{where} {kind}: the provider has none of that type.")
    return found


def unused(compact: Provider, check: Callable[[Provider], Iterable[Diagnostic]]) -> set[Entry]:
    """Return the entries of a compact schema that no configuration sets or reads.

    It takes many away at once and credits those that Terraform misses; then what is left, until
    Terraform misses nothing any more.

    Args:
        compact: The schema, under which Terraform has nothing to say against the configuration.
        check: Returns what Terraform says against it under the schema that it is given.
    """
    left = {
        (where, kind, *path)
        for where, kind, block in compact.kinds()
        for path, attribute in block.paths()
        # A block is used when something in it is.
        if attribute or _is_empty(block, path)
    }
    idle: set[Entry] = set()
    while left:
        taken = _tellable(left)
        said = list(check(compact.without(taken)))
        missed = _told_apart(said, taken)
        if said and not missed:
            # One of several, or of all: one alone then.
            taken = {min(_candidates(said, taken) or taken)}
            said = list(check(compact.without(taken)))
            missed = taken
        if not said:
            idle |= taken
        left -= missed if said else taken
    return idle


def _holds_descriptions(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_holds_descriptions, schema))
    if not isinstance(schema, dict):
        return False
    attributes = schema.get("attributes")
    holds = isinstance(attributes, dict) and "description" in attributes
    return holds or any(map(_holds_descriptions, schema.values()))


def _block_differences(at: str, here: Block, there: Json, silent: tuple[str, ...]) -> Iterator[str]:
    attributes, blocks = there.get("attributes", {}), there.get("block_types", {})
    for name, attribute in here.attributes.items():
        if name in attributes:
            yield from _attribute_differences(f"{at}.{name}", attribute, attributes[name])
        elif name not in silent:
            what = "has a block of that name" if name in blocks else "has no such argument"
            yield f"{at}.{name}: the provider {what}."
    for name, nested in here.blocks.items():
        if name in blocks:
            yield from _nesting_differences(f"{at}.{name}", nested, blocks[name])
            yield from _block_differences(
                f"{at}.{name}", nested.block, blocks[name]["block"], silent
            )
        else:
            what = "an argument of that name" if name in attributes else "no such block"
            yield f"{at}.{name}: the provider has {what}."
    for name, attribute in attributes.items():
        if attribute.get("required") and name not in here.attributes:
            yield f"{at}.{name}: the provider requires it, and it is missing here."
    for name, nested in blocks.items():
        if nested.get("min_items", 0) and name not in here.blocks:
            yield f"{at}.{name}: the provider requires this block, and it is missing here."


def _attribute_differences(at: str, here: Attribute, there: Json) -> Iterator[str]:
    if here.type != there.get("type"):
        yield (
            f"{at}: it is {type_text(here.type)} here, "
            f"and {type_text(there.get('type', 'of a nested type'))} in the provider."
        )
    for flag in _FLAGS:
        if getattr(here, flag) and not there.get(flag):
            yield f"{at}: it is {flag} here, and not in the provider."
        if there.get(flag) and not getattr(here, flag):
            yield f"{at}: it is {flag} in the provider, and not here."


def _nesting_differences(at: str, here: Nested, there: Json) -> Iterator[str]:
    if here.nesting != there["nesting_mode"]:
        yield f"{at}: it is a {here.nesting} here, and a {there['nesting_mode']} in the provider."
    bounds = (there.get("min_items", 0), there.get("max_items", 0))
    if (here.least, here.most) != bounds:
        yield (
            f"{at}: it stands {_bounds(here.least, here.most)} times here, "
            f"and {_bounds(*bounds)} in the provider."
        )


def _bounds(least: int, most: int) -> str:
    return f"{least}..{most or ''}"


def type_text(type_: Type) -> str:
    """Return a type in Terraform's own writing."""
    if isinstance(type_, str):
        return type_
    kind, of = type_
    if isinstance(of, dict):
        fields = ", ".join(f"{name} = {type_text(each)}" for name, each in of.items())
        return f"{kind}({{ {fields} }})"
    return f"{kind}({type_text(of)})"


def _is_empty(block: Block, path: tuple[str, ...]) -> bool:
    nested = block.blocks[path[0]].block
    return _is_empty(nested, path[1:]) if path[1:] else not (nested.attributes or nested.blocks)


def _tellable(entries: set[Entry]) -> set[Entry]:
    """Return some entries, no two of one name in one type."""
    return set({(*entry[:2], entry[-1]): entry for entry in sorted(entries)}.values())


def _told_apart(said: Iterable[Diagnostic], taken: set[Entry]) -> set[Entry]:
    """Return the entries of which an error can be about no other."""
    about = [_about(each, taken) for each in said]
    return {entry for each in about if len(each) == 1 for entry in each}


def _candidates(said: Iterable[Diagnostic], taken: set[Entry]) -> set[Entry]:
    return {entry for each in said for entry in _about(each, taken)}


def _about(said: Diagnostic, taken: set[Entry]) -> set[Entry]:
    """Return the entries, of those that were taken away, that an error may be about."""
    found = _UNKNOWN_SET.search(said.detail)
    place = _PLACE.match(said.around)
    if found and place:
        at = (_PLACES[place[1]], place[2])
        return {entry for entry in taken if entry[:2] == at and entry[-1] == found[1]}
    found = _UNKNOWN_READ.search(said.detail)
    # The line may name the type; where it reads through a local value or an iterator it does not.
    of_name = {entry for entry in taken if found and entry[2:] == (found[1],)}
    return {entry for entry in of_name if _reference(entry).search(said.code)} or of_name


def _reference(entry: Entry) -> re.Pattern[str]:
    before = {"resources": "", "data_sources": r"data\.", "ephemeral": r"ephemeral\."}[entry[0]]
    return re.compile(rf"(?<![\w.]){before}{entry[1]}\.")
