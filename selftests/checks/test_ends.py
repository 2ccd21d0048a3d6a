"""Every way in which a check can end, and the outcome that it becomes."""

from typing import NamedTuple

import pytest

from selftests.checks.conftest import HEAD, Ran, Suite, annotated


class End(NamedTuple):
    """The end of a check: its body, and the outcome and the reason that it must become."""

    body: str
    outcome: str
    reason: str
    gate: str = "fail"
    family: str = "PROD-90"
    arguments: str = "linger"
    decorator: str = ""

    def id(self, name: str) -> str:
        """The check's id; one name serves where a waiver or deferral must find it."""
        return f"{self.family}.{name.replace('_', '-')}"


LOOK = "linger['railiance01']; "
ENDS = {
    "passes": End(LOOK, "pass", ""),
    "asserts_with_message": End(LOOK + "assert 1 == 2, 'one is not two'", "fail", "one is not two"),
    "asserts_without_message": End(LOOK + "assert 1 == 2", "fail", "assert 1 == 2"),
    "asserts_falsehood": End(LOOK + "raise AssertionError", "fail", "the assertion does not hold"),
    "asserts_in_lines": End(
        LOOK + "assert not 1, 'first\\nsecond\\nassert third'",
        "fail",
        "first\n  second\n  assert third",
    ),
    "only_advises": End(LOOK + "assert 0, 'so so'", "warn", "so so", gate="warn"),
    "advises_and_passes": End(LOOK, "pass", "", gate="warn"),
    "is_inconclusive": End("raise Inconclusive('no idea')", "inconclusive", "no idea"),
    "advises_and_is_inconclusive": End(
        "raise Inconclusive('no idea')", "inconclusive", "no idea", gate="warn"
    ),
    "loses_the_fact": End(
        "assert linger['coulombcore'] == 'no'", "inconclusive", "coulombcore does not answer"
    ),
    "meets_the_unknown": End(
        "linger['workstation']",
        "inconclusive",
        "workstation: `linger` was not understood: expected Linger=yes or Linger=no, found 'what?",
    ),
    "asks_what_was_not_asked": End(
        "linger['mars']", "inconclusive", "linger was not asked about mars"
    ),
    "looks_at_nothing": End("pass", "inconclusive", "the check looked at nothing"),
    "counts_without_looking": End("len(linger)", "inconclusive", "the check looked at nothing"),
    "is_deferred": End(
        "raise Deferred('still to do')",
        "deferred",
        "still to do; until a run with --allow-writes",
        family="PROD-11",
    ),
    "is_deferred_without_words": End(
        "raise Deferred", "deferred", "until a run with --allow-writes", family="PROD-11"
    ),
    "is_deferred_by_itself": End(
        "raise Deferred('still to do')",
        "inconclusive",
        "deferred, but no deferral is accepted: still to do",
    ),
    "fails_though_deferrable": End(
        LOOK + "assert 0, 'it fails'", "fail", "it fails", family="PROD-11"
    ),
    "is_waived": End(
        LOOK + "assert 0, 'it fails'",
        "waived",
        "it fails; accepted: known (waived by ops until 2999-01-01 00:00Z)",
        family="PROD-91",
    ),
    "was_waived": End(
        LOOK + "assert 0, 'it fails'",
        "fail",
        "it fails; the waiver has expired: known (waived by ops until 2020-01-01 00:00Z)",
        family="PROD-92",
    ),
    "is_waived_anew": End(
        LOOK + "assert 0, 'it fails'",
        "waived",
        "it fails; accepted: renewed (waived by ops until 2999-01-01 00:00Z)",
        family="PROD-93",
    ),
    "is_waived_for_another": End(
        LOOK + "assert 0, 'it fails'",
        "fail",
        "it fails",
        family="PROD-94",
        arguments="linger, service",
    ),
    "is_waived_and_passes": End(LOOK, "pass", "", family="PROD-91"),
    "is_waived_and_inconclusive": End(
        "raise Inconclusive('no idea')", "inconclusive", "no idea", family="PROD-91"
    ),
    "is_accepted": End(
        "raise Inconclusive('no idea')",
        "accepted",
        "no idea; accepted: known (waived by ops until 2999-01-01 00:00Z)",
        family="PROD-95",
    ),
    "was_accepted": End(
        "raise Inconclusive('no idea')",
        "inconclusive",
        "no idea; the waiver has expired: known (waived by ops until 2020-01-01 00:00Z)",
        family="PROD-96",
    ),
    "is_accepted_unseen_and_fails": End(
        LOOK + "assert 0, 'it fails'", "fail", "it fails", family="PROD-95"
    ),
    "is_accepted_and_looks_at_nothing": End(
        "pass", "inconclusive", "the check looked at nothing", family="PROD-95"
    ),
    "is_waived_and_breaks": End(
        "1 / 0", "inconclusive", "the check itself broke: ZeroDivisionError: ", family="PROD-91"
    ),
    "breaks": End(
        LOOK + "{}['key']",
        "inconclusive",
        "the check itself broke: KeyError: 'key'; it looked at railiance01",
        gate="warn",
    ),
    "exits": End("raise SystemExit(0)", "inconclusive", "the check itself broke: SystemExit: 0"),
    "skips": End(
        LOOK + "pytest.skip('not today')", "inconclusive", "the check was skipped: not today"
    ),
    "is_skipped": End(
        LOOK,
        "inconclusive",
        "the check was skipped: not today",
        decorator="@pytest.mark.skip(reason='not today')",
    ),
    "is_expected_to_fail": End(
        LOOK + "assert 0, 'it fails'", "fail", "it fails", decorator="@pytest.mark.xfail"
    ),
    "is_not_even_run": End(
        LOOK,
        "inconclusive",
        "the check itself broke: XFailed: [NOTRUN] ",
        decorator="@pytest.mark.xfail(run=False)",
    ),
    "returns_false": End(LOOK + "return 1 == 2", "inconclusive", "the check itself broke: Pytest"),
    "warns": End(
        LOOK + "import warnings; warnings.warn('old', DeprecationWarning)",
        "inconclusive",
        "the check itself broke: DeprecationWarning: old",
    ),
    "inherits_a_forgotten_socket": End(
        LOOK + "import gc, socket; socket.socket().listen(); gc.collect()", "pass", ""
    ),
    "lacks_a_fixture": End(
        LOOK, "inconclusive", "the check itself broke: FixtureLookupError: ", arguments="nowhere"
    ),
    "has_a_broken_fixture": End(
        LOOK,
        "inconclusive",
        "the check itself broke: RuntimeError: unplugged",
        arguments="linger, broken",
    ),
    "has_an_asserting_fixture": End(
        LOOK,
        "inconclusive",
        "the check itself broke: AssertionError: unplugged",
        gate="warn",
        arguments="linger, asserting",
    ),
    "has_an_unobserved_fixture": End(
        LOOK, "inconclusive", "the host is down", arguments="linger, unobserved"
    ),
    "fails_in_a_subtest": End(
        LOOK + "\n    with subtests.test('a'): assert 0, 'it fails'",
        "fail",
        "it fails",
        arguments="linger, subtests",
    ),
    "has_no_case": End(
        LOOK,
        "inconclusive",
        "deferred, but no deferral is accepted: the inventory names no bridge",
        arguments="linger, bridge",
    ),
    "has_no_case_and_may": End(
        LOOK,
        "deferred",
        "the inventory names no bridge; until a run with --allow-writes",
        arguments="linger, bridge",
        family="PROD-11",
    ),
}

FIXTURES = """
@pytest.fixture
def broken():
    raise RuntimeError("unplugged")

@pytest.fixture
def asserting():
    assert 0, "unplugged"

@pytest.fixture
def unobserved():
    raise Inconclusive("the host is down")

"""
DEFERRAL = "  {}: a run with --allow-writes\n"
WAIVER = "  - {{check: {}, owner: ops, reason: {}, expires: {}-01-01T00:00:00Z{}}}\n"


def ids(family: str) -> list[str]:
    return [end.id(name) for name, end in ENDS.items() if end.family == family]


@pytest.fixture(scope="module")
def source() -> str:
    """A file with a check for every end."""
    checks = [
        f'{end.decorator}\n@check("{end.id(name)}", runbook="Goal", gate="{end.gate}", hint="on '
        'coulombcore: a; b\\nMend {inventory.name}.")\n'
        f"def test_{name}({annotated(end.arguments)}):\n"
        f'    """It {name}."""\n    {end.body}\n'
        for name, end in ENDS.items()
    ]
    return FIXTURES + "\n".join(checks)


@pytest.fixture
def ran(suite: Suite, source: str) -> Ran:
    inventory = suite.folder / "fleets/rehearsal.yaml"
    text = inventory.read_text()
    start, end = text.index("bridges:\n"), text.index("probe:")
    inventory.write_text(f"{text[:start]}bridges: {{}}\n{text[end:]}")
    suite.inventory("deferrals:\n" + "".join(map(DEFERRAL.format, ids("PROD-11"))))
    suite.inventory("waivers:\n")
    for check in ids("PROD-91"):
        suite.inventory(WAIVER.format(check, "known", 2999, ""))
    suite.inventory(WAIVER.format("PROD-92.was-waived", "known", 2020, ""))
    suite.inventory(WAIVER.format("PROD-93.is-waived-anew", "known", 2020, ""))
    suite.inventory(WAIVER.format("PROD-93.is-waived-anew", "renewed", 2999, ""))
    suite.inventory(WAIVER.format("PROD-94.is-waived-for-another", "known", 2999, ", only: mars"))
    for check in ids("PROD-95"):
        suite.inventory(WAIVER.format(check, "known", 2999, ", accepts: inconclusive"))
    suite.inventory(WAIVER.format("PROD-96.was-accepted", "known", 2020, ", accepts: inconclusive"))
    suite.write("tests/production/test_ends.py", source)
    assert HEAD.count("\n") == 3
    return suite.run()


def test_every_end_becomes_its_outcome(ran: Ran) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for result in ran.record["results"]:
        name = result["id"].partition(".")[2].replace("-", "_")
        found.setdefault(name, []).append((result["outcome"], result["reason"]))
    assert set(found) == set(ENDS), ran.terminal
    wrong = [
        f"{name}: {ended}"
        for name, end in ENDS.items()
        if (ended := found[name][0])[0] != end.outcome or not ended[1].startswith(end.reason)
        or (not end.reason and ended[1])
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert len(found["is_waived_for_another"]) == 2, "one for each service"
    assert (ran.exit_status, ran.record["verdict"]) == (1, "NOT READY")
    assert ran.contacted == []


def test_the_terminal_tells_all_that_is_not_well(ran: Ran) -> None:
    lines = ran.terminal.splitlines()
    assert lines.count("production/test_ends.py") == 0
    at = lines.index("PROD-90.asserts-with-message: It asserts_with_message.")
    config = "-F /var/lib/fleet-rehearsal/ssh/config"
    assert lines[at + 1 : at + 4] == [
        "    [broken] one is not two",
        f"    look: ssh {config} tegwick@coulombcore 'a; b'",
        "    Mend rehearsal.",
    ]
    at = lines.index("no idea")
    unseen = "is-inconclusive", "advises-and-is-inconclusive", "is-waived-and-inconclusive"
    assert lines[at + 1] == f"    PROD-90.{unseen[0]}, PROD-90.{unseen[1]}, PROD-91.{unseen[2]}"
    for title in ("NOT AS THE RUNBOOK WANTS IT", "COULD NOT BE OBSERVED, by cause", "WARN",
                  "DEFERRED", "WAIVED", "ACCEPTED",
                  "WAIVERS AND DEFERRALS THAT DID NOTHING"):  # fmt: skip
        assert sum(f" {title} " in line for line in lines) == 1, title
    counts: dict[str, int] = {}
    for end in ENDS.values():
        counts[end.outcome] = counts.get(end.outcome, 0) + 1
    assert ran.headline.startswith("NOT READY: production on rehearsal (rehearsal): ")
    assert (
        f" {counts['deferred']} deferred, {counts['warn']} warn, {counts['waived']} waived, "
        f"{counts['accepted']} accepted, " in (ran.headline)
    )
    progress = next(line for line in lines if line.startswith("tests/production/test_ends.py "))
    assert {"F", "?", ".", "w", "d", "v", "u"} <= set(progress.split()[1])
