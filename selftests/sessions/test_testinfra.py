"""testinfra's idiom on a session of ours."""

import pytest

from fleetmesh.sessions import Lost, Session, testinfra_host


def test_host_run_and_its_quoting(session: Session) -> None:
    host = testinfra_host(session)
    done = host.run("printf %s", "it's; echo no\n")
    assert (done.rc, done.stdout, done.succeeded) == (0, "it's; echo no\n", True)
    assert host.run("exit 4").rc == 4
    assert host.check_output("echo ü") == "ü"
    assert host.backend.get_pytest_id() == "fleetmesh://coulombcore"


def test_modules_work(session: Session) -> None:
    host = testinfra_host(session)
    assert host.file("/etc/passwd").exists
    assert host.exists("sh")


def test_every_command_is_recorded_and_none_is_added(session: Session) -> None:
    host = testinfra_host(session)
    host.run("printf '\\303\\274'").stdout  # noqa: B018 - testinfra decodes only when asked
    assert [t.command for t in host.backend.transcripts] == ["printf '\\303\\274'"]
    assert session.channels == 1


def test_a_command_that_is_lost_is_no_result(session: Session) -> None:
    host = testinfra_host(session, deadline=0.4)
    with pytest.raises(Lost) as caught:
        host.run("echo partial; sleep 5")
    assert caught.value.host == "coulombcore"
    assert caught.value.cause == "the command did not finish within 0.4 s"
    assert caught.value.completed.stdout == b"partial\n"
    assert host.backend.transcripts == [caught.value.completed]


def test_many_MB_on_stderr_do_not_block(session: Session) -> None:
    done = testinfra_host(session).run("head -c 5000000 /dev/zero >&2; echo end")
    assert (done.stdout, len(done.stderr)) == ("end\n", 5_000_000)
