"""What is wrong with a configuration: one fault a key, each with a sentence saying what would be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_SENTENCES = {
    "extra_forbidden": "there is no such setting",
    "missing": "is missing",
    "string_type": "must be text in double quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_max_places": "must have at most {decimal_places} decimal places",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a JSON list in square brackets",
    "list_type": "must be a JSON list in square brackets",
    "dict_type": "must be a JSON object in braces",
    "model_type": "must be a JSON object in braces",
    "model_attributes_type": "must be a JSON object in braces",
    "too_short": "must name at least {min_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has a character that cannot stand here",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong: the dotted path of the key (empty for the whole file) and what would be right."""

    key: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence}" if self.key else self.sentence


class ConfigurationError(Exception):
    """The configuration cannot be used; `faults` names every key at fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = list(faults)


def faults_of(error: ValidationError) -> list[Fault]:
    """Pydantic's findings in our words, without the values (one of them may be a secret)."""
    return [
        Fault(
            key=dotted(detail["loc"]),
            sentence=_sentence(detail["type"], detail["msg"], detail.get("ctx", {})),
        )
        for detail in error.errors(include_url=False, include_input=False)
    ]


def dotted(path: Sequence[int | str]) -> str:
    """The path of a key as the owner reads it: `strategies.RSI.lots`."""
    return ".".join(str(part) for part in path if part != "[key]")


def _sentence(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind == "value_error":
        return f"must be {context['error']}"
    return _SENTENCES.get(kind, message).format(**context)
