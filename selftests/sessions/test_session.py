from fleetmesh.sessions import Session


def test_a_command_returns_both_streams_and_its_status(session: Session) -> None:
    completed = session.run("echo out; echo err >&2; exit 3", deadline=5)
    assert completed.lost is None
    assert (completed.exit_status, completed.stdout, completed.stderr) == (3, b"out\n", b"err\n")
    assert session.channels == 1
