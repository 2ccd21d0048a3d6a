"""`probe.selector` is what kubectl's `-l` takes: see k8s.io/apimachinery/pkg/labels."""

import time

import pytest
from pydantic import TypeAdapter, ValidationError

from fleetmesh.inventory.values import Selector

SELECTOR = TypeAdapter(Selector)


@pytest.mark.parametrize(
    "text",
    [
        *("a=b", "a==b", "a!=b", "a=", "a", "!a", "a>5", "a,b=c , !d"),
        *("app.kubernetes.io/part-of in (x, y)", "a notin (x),!b", "a in ()"),
    ],
)
def test_selectors(text: str) -> None:
    assert SELECTOR.validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "a b", "a=b,", ",a", "a in b", "a in (b", "in (a)", "a=b\n", "-a", "a" * 1025),
        *("a=b;c", "a=$(x)", "a='b'", "a=b -A"),
    ],
)
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(ValidationError, match="is no label selector"):
        SELECTOR.validate_python(text)


@pytest.mark.parametrize(
    "text", [f"a in ({' ,' * 500}x", " " * 1000, f"{'a,' * 511};", "a.a/" * 250, "a in (a)," * 110]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValidationError):
        SELECTOR.validate_python(text)
    assert time.perf_counter() - began < 0.1
