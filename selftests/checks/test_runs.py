"""What a run amounts to: exit status and headline, whatever befell it. Never falsely READY."""

import subprocess
import sys

import pytest

from fleetmesh.evidence.folder import read
from fleetmesh.sealing.derived import unlike
from fleetmesh.views.report import REPORT
from fleetmesh.views.words import NEVER
from selftests.checks.conftest import Ran, Suite, annotated

PASSES = '''
@check("{id}", runbook="Goal", hint="Mend it.")
def test_{name}({arguments}):
    """It holds."""
    {body}
'''
LOOK = "linger['railiance01']"


def a_check(name: str, body: str = LOOK, id: str = "", more: str = "") -> str:
    arguments = annotated(f"linger{more}")
    return PASSES.format(id=id or f"PROD-90.{name}", name=name, body=body, arguments=arguments)


@pytest.fixture
def three(suite: Suite) -> Suite:
    """A check in each phase, and two cases of one more in production."""
    for phase in ("prereqs", "cutover", "production"):
        suite.write(f"tests/{phase}/test_{phase}.py", a_check(phase))
    suite.write("tests/production/test_tunnels.py", a_check("tunnels", more=", tunnel"))
    return suite


def ended(ran: Ran, exit_status: int, headline: str) -> None:
    assert (ran.exit_status, ran.headline) == (exit_status, headline), ran.terminal
    assert ran.folder
    assert unlike(ran.folder, read(ran.folder)) == [], "report.html is held to the record"


@pytest.mark.parametrize(
    ("arguments", "exit_status", "headline"),
    [
        ("", 0, "READY: prereqs + cutover + production on rehearsal (rehearsal): 5 pass"),
        (".", 0, "READY: prereqs + cutover + production on rehearsal (rehearsal): 5 pass"),
        ("tests", 0, "READY: prereqs + cutover + production on rehearsal (rehearsal): 5 pass"),
        ("-m production", 0, "READY: production on rehearsal (rehearsal): 3 pass"),
        ("-m cutover", 0, "READY: cutover on rehearsal (rehearsal): 1 pass"),
        ("tests/production", 0, "READY: production on rehearsal (rehearsal): 3 pass"),
        ("-k test_prereqs", 0, "READY: prereqs on rehearsal (rehearsal): 1 pass"),
        (
            ["-m", "prereqs or cutover"],
            0,
            "READY: prereqs + cutover on rehearsal (rehearsal): 2 pass",
        ),
        (["-m", "not production"], 0, "READY: prereqs + cutover on rehearsal (rehearsal): 2 pass"),
        (
            "tests/prereqs tests/cutover/test_cutover.py",
            0,
            "READY: prereqs + cutover on rehearsal (rehearsal): 2 pass",
        ),
        (
            "-k tunnels",
            0,
            "PASSED IN PART: production on rehearsal (rehearsal): 2 pass, 1 left out",
        ),
        (
            "tests/production/test_tunnels.py",
            0,
            "PASSED IN PART: production on rehearsal (rehearsal): 2 pass, 1 left out",
        ),
        (
            "tests/production/test_tunnels.py::test_tunnels[fleet-state-hub-coulombcore]",
            0,
            "PASSED IN PART: production on rehearsal (rehearsal): 1 pass, 2 left out",
        ),
        (
            "--deselect tests/production/test_production.py",
            0,
            "PASSED IN PART: prereqs + cutover + production on rehearsal (rehearsal): "
            "4 pass, 1 left out",
        ),
        (
            "--ignore tests/production/test_production.py",
            0,
            "PASSED IN PART: prereqs + cutover + production on rehearsal (rehearsal): "
            "4 pass, 1 left out",
        ),
        (
            "-m production -o python_files=test_tun*.py",
            6,
            "INCOMPLETE: production on rehearsal (rehearsal): 2 pass, 1 did not report",
        ),
        (
            "--check PROD-90.tunnels",
            0,
            "PASSED IN PART: production on rehearsal (rehearsal): 2 pass, 1 left out",
        ),
        (
            "--check PROD-90.tunnels[fleet-state-hub-coulombcore] --check PROD-90.cutover",
            0,
            "PASSED IN PART: cutover + production on rehearsal (rehearsal): 2 pass, 2 left out",
        ),
        (
            "-k PROD-90.tunnels",
            0,
            "PASSED IN PART: production on rehearsal (rehearsal): 2 pass, 1 left out",
        ),
        (
            "--ignore-glob */test_pro*",
            0,
            "PASSED IN PART: prereqs + cutover + production on rehearsal (rehearsal): "
            "4 pass, 1 left out",
        ),
        ("-m nothing", 4, ""),
        (
            ["-m", "cutover and not cutover"],
            5,
            "INCOMPLETE: nothing on rehearsal (rehearsal): no outcome",
        ),
        ("-k nothing", 5, "INCOMPLETE: nothing on rehearsal (rehearsal): no outcome"),
        ("tests/nowhere", 4, ""),
        ("tests/production::nothing", 4, ""),
        (["-k", "a b"], 4, ""),
    ],
    ids=str,
)
def test_selection(
    three: Suite, arguments: str | list[str], exit_status: int, headline: str
) -> None:
    split = arguments.split() if isinstance(arguments, str) else arguments
    ran = three.run(*split)
    if ran.exit_status == 4:
        assert exit_status == 4
        for word in ("READY", "Traceback", "INCOMPLETE", "did not report", "report:"):
            assert word not in ran.terminal
        assert [*(three.folder / "reports").iterdir()] == [], "a run that never began left a folder"
        return
    ended(ran, exit_status, headline)
    assert ran.contacted == []


def test_from_another_folder(three: Suite) -> None:
    inside = Suite(three.folder / "tests/production", three.pytest)
    ended(inside.run(), 0, "READY: production on rehearsal (rehearsal): 3 pass")
    elsewhere = Suite(three.folder / "fleets", three.pytest)
    ran = elsewhere.run("../tests", "--fleet", "rehearsal.yaml")
    ended(ran, 0, "READY: prereqs + cutover + production on rehearsal (rehearsal): 5 pass")


def test_only_listing_asks_nothing_and_concludes_nothing(three: Suite) -> None:
    ran = three.run("--co", "-q")
    assert ran.exit_status == 0
    assert "tests/production/test_tunnels.py::test_tunnels[fleet-state-hub-coulombcore]" in (
        ran.terminal
    )
    assert "READY" not in ran.terminal
    assert not list(three.folder.rglob("reports"))
    assert ran.contacted == []


@pytest.mark.parametrize("arguments", [["--setup-only"], ["--setup-plan"]], ids=str)
def test_checks_that_are_only_set_up_are_missing(three: Suite, arguments: list[str]) -> None:
    ran = three.run("-m", "cutover", *arguments)
    ended(ran, 6, "INCOMPLETE: cutover on rehearsal (rehearsal): no outcome, 1 did not report")


def test_a_shadowed_or_misnamed_check_is_left_out(suite: Suite) -> None:
    suite.write("tests/production/test_twins.py", a_check("twin") + a_check("twin", id="PROD-91.b"))
    headline = "INCOMPLETE: production on rehearsal (rehearsal): 1 pass, 1 did not report"
    ended(suite.run(), 6, headline)
    suite.write(
        "tests/production/test_twins.py", a_check("a") + a_check("b").replace("test_b", "chek_b")
    )
    ran = suite.run()
    ended(ran, 6, headline)
    assert "test_twins.py::chek_b, which pytest was not shown" in ran.terminal


def test_a_check_deeper_down_belongs_to_its_phase(suite: Suite) -> None:
    suite.write("tests/production/deeper/test_own.py", a_check("own", "linger['coulombcore']"))
    headline = "INCONCLUSIVE: production on rehearsal (rehearsal): 1 inconclusive"
    ended(suite.run("-m", "production"), 6, headline)


def test_a_check_of_no_phase_is_refused(suite: Suite) -> None:
    suite.write("tests/test_own.py", a_check("own"))
    ran = suite.run()
    assert ran.exit_status == 4
    assert "a check must lie in one of the folders prereqs, cutover, production" in ran.terminal
    assert "READY" not in ran.terminal


def test_two_functions_of_one_id_are_refused(suite: Suite) -> None:
    suite.write(
        "tests/production/test_two.py",
        a_check("one", id="PROD-90.a") + a_check("two", id="PROD-90.a"),
    )
    ran = suite.run()
    assert ran.exit_status == 4
    at = "tests/production/test_two.py::test_"
    assert f"PROD-90.a is the id of {at}one and of {at}two" in ran.terminal
    assert "READY" not in ran.terminal


@pytest.mark.parametrize("name", ["PROD-90", "PROD-9.a", "prod-90.a", "PROD-90.A", "PROD-90."])
def test_an_id_that_is_none_cannot_be_collected(suite: Suite, name: str) -> None:
    suite.write("tests/production/test_one.py", a_check("one", id=name))
    ran = suite.run()
    assert ran.exit_status == 6
    assert f"{name!r} is no id of a check; write one such as PRE-10.kubectl" in ran.terminal


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("PROD-90", "'PROD-90' is a family of checks; write PROD-90.cutover or PROD-90.prereqs or "
                    "PROD-90.production or PROD-90.tunnels"),
        ("PROD-90.tunels", "'PROD-90.tunels' is no check; write PROD-90.tunnels or "),
        ("nonsense", "'nonsense' is no check; write one of docs/checks.md"),
    ],
)  # fmt: skip
def test_what_no_check_is_called(three: Suite, wanted: str, says: str) -> None:
    ran = three.run("--check", wanted)
    assert ran.exit_status == 4
    assert says in ran.terminal
    for section in (
        f"waivers: [{{check: {wanted}, owner: o, reason: r, expires: 2999-01-01T00:00:00Z}}]\n",
        f"deferrals: {{{wanted}: later}}\n",
    ):
        file = three.folder / "fleets/rehearsal.yaml"
        before = file.read_text()
        three.inventory(section)
        ran = three.run()
        file.write_text(before)
        assert ran.exit_status == 4
        assert says in ran.terminal
        assert "READY" not in ran.terminal


STRAY = "\ndef pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if {}]\n"


@pytest.mark.parametrize("folder", ["", "tests/production/"])
@pytest.mark.parametrize(
    "arguments", ["", "-m production", "-k production", "--check PROD-90.tunnels"]
)
def test_what_nobody_asked_to_leave_out(three: Suite, folder: str, arguments: str) -> None:
    with (three.folder / folder / "conftest.py").open("a") as file:
        file.write(STRAY.format("'issue-core' not in i.name"))
    ran = three.run(*arguments.split())
    assert ran.exit_status == 6, ran.terminal
    assert ran.headline.startswith("INCOMPLETE: ")
    lost = "tests/production/test_tunnels.py::test_tunnels[fleet-issue-core-coulombcore]"
    assert f"did not report: {lost}, which something deselected" in ran.terminal


def test_what_a_conftest_hides(three: Suite) -> None:
    three.write("tests/production/conftest.py", "collect_ignore = ['test_tunnels.py']\n")
    ran = three.run()
    assert ran.exit_status == 6, ran.terminal
    hidden = "tests/production/test_tunnels.py::test_tunnels, which pytest was not shown"
    assert f"did not report: {hidden}" in ran.terminal


def test_no_other_hook_decides_the_exit_status(three: Suite) -> None:
    with (three.folder / "conftest.py").open("a") as file:
        file.write(
            "\n@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n"
            "    session.exitstatus = 0\n"
        )
    three.write("tests/cutover/test_bad.py", a_check("bad", LOOK + "\n    assert 0, 'no'"))
    assert three.run("-m", "cutover").exit_status == 1


@pytest.mark.parametrize("arguments", ["-x", "--exitfirst", "--maxfail=1"])
def test_stopped_at_the_first(suite: Suite, arguments: str) -> None:
    failing = a_check("b", LOOK + "\n    assert 0, 'no'")
    suite.write("tests/production/test_x.py", a_check("a") + failing + a_check("c"))
    ran = suite.run(arguments)
    ended(
        ran,
        6,
        "INCOMPLETE: production on rehearsal (rehearsal): 1 pass, 1 fail, 1 did not report",
    )
    assert "did not report: tests/production/test_x.py::test_c" in ran.terminal


def test_a_waived_or_deferred_check_does_not_stop_the_run(suite: Suite) -> None:
    suite.inventory(
        "waivers: [{check: PROD-90.a, owner: o, reason: r, expires: 2999-01-01T00:00:00Z}]\n"
        "deferrals: {PROD-11.event: later}\n"
    )
    suite.write(
        "tests/production/test_x.py",
        a_check("a", LOOK + "\n    assert 0, 'no'")
        + a_check("b", "raise Deferred('later')", id="PROD-11.event")
        + a_check("c"),
    )
    ended(
        suite.run("-x"),
        0,
        "READY: production on rehearsal (rehearsal): 1 pass, 1 deferred, 1 waived",
    )


@pytest.mark.parametrize(
    "body",
    [
        "raise KeyboardInterrupt",
        "pytest.exit('enough')",
        "pytest.exit('enough', returncode=0)",
        "pytest.exit('enough', returncode=1)",
    ],
)
def test_broken_off(suite: Suite, body: str) -> None:
    suite.write("tests/production/test_x.py", a_check("a") + a_check("b", body))
    ended(
        suite.run(),
        6,
        "INCOMPLETE: production on rehearsal (rehearsal): 1 pass, 1 did not report",
    )


TEARDOWN = """
@pytest.fixture(scope="{scope}")
def holding():
    yield
    {body}
"""


@pytest.mark.parametrize("scope", ["function", "session"])
@pytest.mark.parametrize(
    "body", ["assert 0, 'torn'", "raise OSError('torn')", "raise KeyboardInterrupt"]
)
def test_what_breaks_afterwards_is_not_ready(suite: Suite, scope: str, body: str) -> None:
    suite.write(
        "tests/production/test_x.py",
        TEARDOWN.format(scope=scope, body=body) + a_check("a", more=", holding"),
    )
    ran = suite.run()
    ended(
        ran,
        6,
        "INCOMPLETE: production on rehearsal (rehearsal): 1 pass, 1 did not report",
    )
    interrupted = "Keyboard" in body
    assert interrupted or "test_a, whose teardown broke: " in ran.terminal
    assert interrupted or "torn" in ran.terminal
    assert ran.folder
    page = (ran.folder / REPORT).read_text()
    assert interrupted or "test_a, whose teardown broke: " in page
    assert page.count(NEVER) == 1


@pytest.mark.parametrize("broken", ["import nowhere_to_be_found", "def test_(:", "1 / 0"])
def test_a_file_that_cannot_be_collected(three: Suite, broken: str) -> None:
    three.write("tests/production/test_broken.py", f"{a_check('lost')}\n{broken}\n")
    ran = three.run("-m", "production")
    assert ran.exit_status == 6
    assert ran.headline.startswith("INCOMPLETE: ")
    assert "did not report: tests/production/test_broken.py, which cannot be collected: E " in (
        ran.terminal
    )
    ran = three.run("-m", "production", "--continue-on-collection-errors")
    assert ran.exit_status == 6, ran.terminal
    assert ran.headline == (
        "INCOMPLETE: production on rehearsal (rehearsal): 3 pass, 1 did not report"
    )


@pytest.mark.parametrize("how", ["pytest.skip('x', allow_module_level=True)",
                                 "pytest.importorskip('nowhere_to_be_found')"])  # fmt: skip
def test_a_file_that_skips_itself_did_not_report(three: Suite, how: str) -> None:
    three.write("tests/cutover/test_shy.py", f"{how}\n{a_check('shy')}")
    ended(
        three.run("-m", "cutover"),
        6,
        "INCOMPLETE: cutover on rehearsal (rehearsal): 1 pass, 1 did not report",
    )


def test_a_failing_test_that_is_no_check(three: Suite) -> None:
    three.write("tests/cutover/test_plain.py", "def test_plain():\n    assert 0\n")
    ended(
        three.run(),
        6,
        "INCOMPLETE: prereqs + cutover + production on rehearsal (rehearsal): 5 pass, "
        "1 did not report",
    )


def test_a_passing_test_that_is_no_check_concludes_nothing(suite: Suite) -> None:
    suite.write("tests/cutover/test_plain.py", "def test_plain():\n    pass\n")
    ended(suite.run(), 6, "INCOMPLETE: nothing on rehearsal (rehearsal): no outcome")


def test_a_check_whose_report_never_arrives(three: Suite) -> None:
    with (three.folder / "conftest.py").open("a") as file:
        file.write(
            "\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol(item):\n"
            "    return True if item.name == 'test_cutover' else None\n"
        )
    ran = three.run("-m", "cutover or prereqs")
    ended(
        ran,
        6,
        "INCOMPLETE: prereqs + cutover on rehearsal (rehearsal): 1 pass, 1 did not report",
    )


def test_a_check_that_passes_when_run_again_has_failed(three: Suite) -> None:
    three.write(
        "tests/cutover/test_flaky.py",
        "LEFT = [1]\n" + a_check("flaky", LOOK + "\n    assert not (LEFT and LEFT.pop())"),
    )
    with (three.folder / "conftest.py").open("a") as file:
        file.write(
            "\ndef pytest_runtest_protocol(item, nextitem):\n"
            "    from _pytest.runner import runtestprotocol\n"
            "    if item.name == 'test_flaky':\n"
            "        runtestprotocol(item, nextitem=nextitem)\n"
            "        item.funcargs = {}\n"
            "        item._initrequest()\n"
        )
    ended(
        three.run("-m", "cutover"),
        1,
        "NOT READY: cutover on rehearsal (rehearsal): 2 pass, 1 fail",
    )


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        ("--lf", "name single checks with --check ID"),
        ("--last-failed", "name single checks with --check ID"),
        ("--ff", "name single checks with --check ID"),
        ("--nf", "name single checks with --check ID"),
        ("--sw", "start the whole run again"),
        ("--stepwise-skip", "start the whole run again"),
        ("--reruns 2", "start the whole run again"),
        ("--hosts localhost", "the inventory says how hosts are reached"),
        ("--hosts=localhost", "the inventory says how hosts are reached"),
        ("--connection paramiko", "the inventory says how hosts are reached"),
        ("--ssh-config file", "the inventory says how hosts are reached"),
        ("--ssh-identity-file file", "the inventory says how hosts are reached"),
        ("--ansible-inventory file", "the inventory says how hosts are reached"),
        ("--force-ansible", "the inventory says how hosts are reached"),
        ("--sudo", "without sudo"),
        ("--sudo-user root", "without sudo"),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_options_that_would_be_taken_and_ignored(
    three: Suite, arguments: str, instead: str, cached: bool
) -> None:
    plain = ["-o", "addopts=--import-mode=importlib -p no:pytest11.testinfra"] if cached else []
    ran = three.run(*plain, "-m", "production", *arguments.split())
    assert ran.exit_status == 4, ran.terminal
    assert "is not supported: " in ran.terminal
    assert instead in ran.terminal
    assert "READY" not in ran.terminal


@pytest.mark.parametrize(
    ("body", "arguments", "status", "line"),
    [
        (LOOK, "", 0, "FLEET OK - READY: cutover on rehearsal (rehearsal): 1 pass"),
        (LOOK + "; assert 0, 'so'", "", 2, "FLEET CRITICAL - NOT READY: cutover on rehearsal"),
        ("raise Inconclusive('no')", "", 3, "FLEET UNKNOWN - INCONCLUSIVE: cutover on rehearsal"),
        (LOOK, "-k nothing", 3, "FLEET UNKNOWN - INCOMPLETE: nothing on rehearsal"),
        (LOOK, "--deselect tests/cutover/test_b.py", 3, "FLEET UNKNOWN - PASSED IN PART: cutover"),
        ("import os; os.kill(os.getpid(), 2)", "", 3, "FLEET UNKNOWN - INCOMPLETE: "),
    ],
)
def test_nagios_is_told_the_verdict(
    suite: Suite, body: str, arguments: str, status: int, line: str
) -> None:
    suite.write("tests/cutover/test_a.py", a_check("a", body))
    if "test_b" in arguments:
        suite.write("tests/cutover/test_b.py", a_check("b"))
    ran = suite.run("--nagios", "-m", "cutover", *arguments.split())
    assert ran.exit_status == status, ran.terminal
    assert ran.terminal.startswith(line)
    assert ran.terminal.count("\n") == 1


def test_nagios_is_warned(suite: Suite) -> None:
    advises = a_check("a", LOOK + "; assert 0, 'so'").replace("hint=", "gate='warn', hint=")
    suite.write("tests/cutover/test_a.py", advises)
    ran = suite.run("--nagios")
    assert (ran.exit_status, ran.terminal[:23]) == (1, "FLEET WARNING - READY: ")


def test_the_id_is_shown_where_a_check_is_told(three: Suite) -> None:
    ran = three.run("-m", "production", "-v")
    shown = [line for line in ran.terminal.splitlines() if "PASS " in line]
    assert [line.partition("PASS ")[2].split()[0] for line in shown] == [
        "PROD-90.production",
        "PROD-90.tunnels[fleet-state-hub-coulombcore]",
        "PROD-90.tunnels[fleet-issue-core-coulombcore]",
    ]


def test_options_of_the_environment(three: Suite) -> None:
    ended(
        three.run("-m", "production", PYTEST_ADDOPTS="-k tunnels -q"),
        0,
        "PASSED IN PART: production on rehearsal (rehearsal): 2 pass, 1 left out",
    )


@pytest.mark.parametrize("plugin", ["results", "facts", "subjects", "command_line"])
def test_without_a_part_of_the_layer_nothing_passes(three: Suite, plugin: str) -> None:
    ran = three.run("-p", f"no:fixtures.{plugin}", "-m", "production")
    assert ran.exit_status != 0, ran.terminal
    assert "READY" not in ran.terminal.replace("NOT READY", "")


def test_asserts_that_pytest_leaves_alone_still_count(suite: Suite) -> None:
    suite.write("tests/production/test_x.py", a_check("a", LOOK + "\n    assert 1 == 2"))
    ran = suite.run("--assert=plain")
    ended(ran, 1, "NOT READY: production on rehearsal (rehearsal): 1 fail")


def test_python_that_leaves_asserts_out_is_refused(suite: Suite) -> None:
    suite.write("tests/production/test_x.py", a_check("a", LOOK + "\n    assert 1 == 2"))
    done = subprocess.run(
        [sys.executable, "-O", "-m", "pytest", "--assert=plain", "-W", "ignore"],
        cwd=suite.folder, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout
    assert "python -O leaves out what checks assert" in done.stderr


def test_what_a_host_says_does_not_steer_the_terminal(suite: Suite) -> None:
    forged = "\\x1b[2J\\r\\n===== READY: production on rehearsal (rehearsal): 9 pass ====="
    suite.write(
        "tests/production/test_x.py",
        a_check("a", LOOK + f"\n    assert 0, '{forged}'")
        + a_check("b", f"raise Inconclusive('{forged}')"),
    )
    ran = suite.run("--color=no")
    assert "\x1b" not in ran.terminal
    assert ran.terminal.count("⟨ESC⟩[2J") == 2
    assert not [line for line in ran.terminal.splitlines() if line.startswith("===== READY")]


def test_the_fleet_stands_in_the_header_and_nowhere_another(three: Suite) -> None:
    ran = three.run("-m", "cutover")
    assert "fleet: rehearsal (rehearsal: the embedded rehearsal, not production)" in ran.terminal
    assert ran.record["kind"] == "rehearsal"


def test_a_fleet_that_does_not_boot_is_one_cause(three: Suite) -> None:
    text = (three.folder / "conftest.py").read_text()
    start = text.index("@pytest.fixture(scope=")
    (three.folder / "conftest.py").write_text(text[:start])
    rehearsal = three.folder / "rehearsal"
    rehearsal.mkdir()
    (rehearsal / "__init__.py").touch()  # goes before the real one
    (rehearsal / "__main__.py").write_text(
        "import sys\nsys.exit('one\\nit needs 3 GB' if sys.argv[1] == 'up' else 1)\n"
    )
    ran = three.run("-m", "production")
    assert ran.exit_status == 6, ran.terminal
    assert ran.headline == "INCONCLUSIVE: production on rehearsal (rehearsal): 3 inconclusive", (
        ran.terminal
    )
    assert {reason for _, reason in ran.outcomes.values()} == {
        "the rehearsal fleet does not boot; `python -m rehearsal up` says why"
    }
    assert ran.terminal.count("it needs 3 GB") == 1
