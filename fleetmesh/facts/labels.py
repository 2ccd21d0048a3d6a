"""Label selectors of the API's objects: which labels they match.

See https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/: all of `matchLabels`
and all of `matchExpressions` must hold; an empty selector matches everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True)
class Requirement:
    """One condition on a label; `operator` is one of the API's own words."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds; as in the API, a label that is absent is not in any set."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True)
class LabelSelector:
    """A selector; all of its requirements must hold."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.holds(labels) for requirement in self.requirements)


def of_pairs(pairs: Mapping[str, str]) -> LabelSelector:
    """The selector of a Service, which is `matchLabels` alone."""
    return LabelSelector(tuple(Requirement(key, "In", (pairs[key],)) for key in pairs))


def of_object(selector: Mapping[str, Any]) -> LabelSelector:
    """A LabelSelector of the API; raises ValueError for an operator that it does not have."""
    expressions = tuple(
        Requirement(each["key"], each["operator"], tuple(each.get("values") or ()))
        for each in selector.get("matchExpressions") or ()
    )
    for each in expressions:
        if each.operator not in _OPERATORS:
            raise ValueError(f"operator {each.operator}")
    return LabelSelector(of_pairs(selector.get("matchLabels") or {}).requirements + expressions)
