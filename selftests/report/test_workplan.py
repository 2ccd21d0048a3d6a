"""workplan.md, as a reader of CommonMark with GitHub's extensions takes it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Origin
from fleetmesh.text.legible import brief
from fleetmesh.views.workplan import block, code
from selftests.report.synthetic import HOSTILE, RUNS, hostile, new_run, not_ready, ready, result

_OURS = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
_ATTACKS = (
    HOSTILE,
    "`` ` ``` code`span ```` ` out",
    "\n\n# heading\n\n```\n<script>alert(1)</script>\n",
    "[link](https://example.org) ![image](x) <https://example.org> @somebody #12 www.example.org",
    "a | b\n--- | ---\n* * *\n1. one",
    "\\` \\\\` $x$ ~~gone~~ **bold** &lt; &#96;",
    "`<b>pwned</b>` [pwned](https://example.org) `<!--",
    "`",
    " ",
    "",
)


def _inline(text: str) -> list[Token]:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [child for token in tokens for child in token.children or ()]


@given(st.text(st.sampled_from("`\\ \n\ta<>[]()|*_#&~@!\x1b\u202e")) | st.text())
def test_a_code_span_holds_any_text_and_nothing_leaves_it(text: str) -> None:
    before, inside, after = _inline(f"x {code(text)} x")
    assert (before.type, inside.type, after.type) == ("text", "code_inline", "text")
    assert inside.content.strip() == brief(text).strip() or (
        inside.content,
        brief(text).strip(),
    ) == ("-", "")


@pytest.mark.parametrize("attack", _ATTACKS)
def test_nothing_that_a_host_says_breaks_out(attack: str) -> None:
    run = hostile()
    results = [
        replace(r, reason=attack, statement=attack, id=attack, subject=attack) for r in run.results
    ]
    attacked = replace(
        run, results=results, fleet=attack, runbook=attack, planned=(attack,), id=attack,
        chain=attack, origin=Origin(attack, attack, attack),
    )  # fmt: skip
    text = block(attacked, changes=[attack, attack], digest=attack)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    assert {child.type for child in _inline(text)} <= _OURS
    kinds = [token.type for token in tokens]
    assert kinds.count("heading_open") == kinds.count("fence") == 1
    assert not {"html_block", "table_open", "hr", "ordered_list_open", "code_block"} & set(kinds)
    assert next(t for t in tokens if t.type == "fence").content.startswith("python -m fleetmesh")
    outside = " ".join(c.content for c in _inline(text) if c.type == "text")
    assert not re.search(r"script|example|somebody|pwned", outside)


def test_it_says_what_failed_and_why() -> None:
    said = block(not_ready())
    assert said.startswith("### Fleet mesh verification: NOT READY\n")
    assert "**rehearsal** (says nothing about production)" in said
    assert "2 fail, 4 inconclusive, 0 accepted, 1 waived, 1 warn, 1 deferred, 41 pass" in said
    for run in (not_ready(), ready()):
        text = block(run)
        for found in run.results:
            if found.outcome is not Outcome.PASS:
                assert brief(found.reason) in text
                assert found.id in text
    assert "**real** (`production`)" in block(RUNS["incomplete"]())


def test_changes_are_said_or_that_there_are_none_or_nothing() -> None:
    assert "since the last run" not in block(ready())
    assert "Nothing has changed since the last run." in block(ready(), changes=[])
    assert "- `PROD-05 fails now`" in block(ready(), changes=["PROD-05 fails now"])


def test_it_names_the_bundle_and_the_command_that_verifies_it() -> None:
    text = block(replace(ready(), id="2026_run"), digest="ab" * 32)
    assert f"bundle `2026_run.tar.gz`, SHA-256 `{'ab' * 32}`" in text
    assert "python -m fleetmesh verify 2026_run.tar.gz --allowed-signers FILE\n" in text
    hidden = block(replace(ready(), id="x; rm -rf ~"))
    assert "verify BUNDLE --" in hidden


def test_a_long_list_is_cut() -> None:
    many = [result(n, Outcome.FAIL, nodeid=f"t::{n}") for n in range(200)]
    text = block(new_run(many))
    assert "- and 170 more" in text
    assert len(text.splitlines()) < 70
