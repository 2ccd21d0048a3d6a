"""What would become of a tunnel at its next start: every departure is told, and nothing else is."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetmesh.facts.answers import SshAnswer
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.logins import LoginAttempt, objection
from fleetmesh.facts.next_start import parse_settings
from fleetmesh.facts.pins import Pins
from fleetmesh.facts.renewals import Scheduled, Signing, unrenewed
from fleetmesh.facts.sockets import Socket
from fleetmesh.inventory import load
from fleetmesh.tunnels.attribution import Places, open_doors
from rehearsal.paths import INVENTORY
from selftests.facts import cases

FLEET = load(INVENTORY)
TUNNEL = FLEET.tunnels["fleet-state-hub-coulombcore"]
LOGIN = FLEET.logins[0]
HOME = "/home/tegwick"
AFTER = cases.read("next_starts", "debian13_after")


def departures(printed: str) -> list[str]:
    given = AFTER.given | {"stdout": printed}
    start = parse_settings(replace(AFTER, given=given).transcript)
    return start.departures(TUNNEL, FLEET, HOME)


def test_what_the_reference_starts_departs_in_nothing() -> None:
    assert departures(AFTER.given["stdout"]) == []


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        (r"$", "proxyjump workstation", "it would go through workstation"),
        (r"$", "proxycommand nc %h %p", "it would go through nc %h %p"),
        (r"^hostname .*", "hostname 198.18.77.13", "to 198.18.77.13, not to 198.18.77.12"),
        (r"^port 22", "port 2222", "to port 2222 of coulombcore, not 22"),
        (r"^user .*", "user guest", "as guest, not as tegwick"),
        (r"^localforward .*", "addressfamily any", "it would forward [], not [('127.0.0.1:18000'"),
        (r"$", "localforward [0.0.0.0]:18098 [10.0.0.1]:443", "('0.0.0.0:18098', '10.0.0.1:443')"),
        (
            r"(?s)gatewayports no(.*?)localforward \[127\.0\.0\.1\]:",
            r"gatewayports yes\1localforward ",
            "it would forward [('*:18000'",
        ),
        (r"$", "remoteforward 2222 [localhost]:22", "also forward back: 127.0.0.1:2222"),
        (r"$", "dynamicforward 1080", "also be a proxy: 127.0.0.1:1080"),
        (r"$", "identityfile ~/.ssh/id_mine", "offer /home/tegwick/.ssh/id_ops, /home/tegwick/.ss"),
        (r"^identityfile .*", "identityfile ~/.ssh/id_mine", "id_mine, not /home/tegwick/.ssh/id_"),
        (r"$", "certificatefile ~/other-cert.pub", "the certificate ~/other-cert.pub"),
        (r"$", "identityagent /run/agent", "ask the agent /run/agent"),
        (r"$", "controlpath /tmp/master", "have controlpath /tmp/master"),
        (r"$", "knownhostscommand /bin/keys", "have knownhostscommand /bin/keys"),
        (r"$", "pkcs11provider /lib/p11.so", "have pkcs11provider /lib/p11.so"),
        (r"$", "bindaddress 10.8.0.2", "have bindaddress 10.8.0.2"),
        (r"$", "bindinterface wg0", "have bindinterface wg0"),
        (r"^batchmode yes", "batchmode no", "have batchmode no, not yes"),
        (r"^canonicalizehostname false", "canonicalizehostname always", "hostname always, not no"),
        (r"^clearallforwardings no", "clearallforwardings yes", "clearallforwardings yes, not no"),
        (r"^controlmaster false", "controlmaster auto", "have controlmaster auto, not no"),
        (r"^exitonforwardfailure yes", "exitonforwardfailure no", "exitonforwardfailure no, not y"),
        (r"^(forkafter\w+) no", "forkafterauthentication yes", "it would go to the background"),
        (r"^forwardagent no", "forwardagent yes", "have forwardagent yes, not no"),
        (r"^forwardx11 no", "forwardx11 yes", "have forwardx11 yes, not no"),
        (r"^identitiesonly yes", "identitiesonly no", "have identitiesonly no, not yes"),
        (r"^identitiesonly yes", "user tegwick", "have identitiesonly (not set), not yes"),
        (r"^(nohostauth.*) no", "nohostauthenticationforlocalhost yes", "localhost yes, not no"),
        (r"^permitlocalcommand no", "permitlocalcommand yes", "permitlocalcommand yes, not no"),
        (r"^sessiontype none", "sessiontype default", "have sessiontype default, not none"),
        (r"^stricthostkeychecking true", "stricthostkeychecking accept-new", "accept-new, not yes"),
        (r"^stricthostkeychecking true", "stricthostkeychecking false", "checking no, not yes"),
        (r"^tunnel false", "tunnel point-to-point", "have tunnel point-to-point, not no"),
        (r"^verifyhostkeydns false", "verifyhostkeydns true", "have verifyhostkeydns yes, not no"),
    ],
)  # fmt: skip
def test_departure_is_told(was: str, becomes: str, told: str) -> None:
    text = AFTER.given["stdout"].rstrip("\n")
    printed = f"{text}\n{becomes}\n" if was == "$" else re.sub(was, becomes, text, flags=re.M)
    assert printed != AFTER.given["stdout"]
    (only,) = departures(printed)
    assert told in only


@pytest.mark.parametrize(
    "adds",
    ["certificatefile /home/tegwick/.ssh/id_ops-cert.pub", "identityagent SSH_AUTH_SOCK",
     "identityagent none", "proxyjump none", "hostkeyalias core", "gssapiauthentication yes"],
)  # fmt: skip
def test_what_changes_nothing_is_no_departure(adds: str) -> None:
    assert departures(f"{AFTER.given['stdout']}{adds}\n") == []


def test_an_ssh_of_ops_bridge_may_go_to_the_background() -> None:
    printed = re.sub("(?m)^(forkafter.*) no", r"\1 yes", AFTER.given["stdout"])
    start = parse_settings(replace(AFTER, given=AFTER.given | {"stdout": printed}).transcript)
    assert start.departures(TUNNEL, FLEET, HOME)
    held = FLEET.model_copy(update={"manager": "ops-bridge"})
    assert start.departures(TUNNEL, held, HOME) == []


def test_an_older_ssh_that_does_not_know_a_switch_has_it_off() -> None:
    text = re.sub(r"^(sessiontype|tunnel|permitlocalcommand) .*\n", "", AFTER.given["stdout"],
                  flags=re.M)  # fmt: skip
    assert departures(text) == []


ATTEMPT = LoginAttempt(
    tunnel=TUNNEL.id, source="process", own="SHA256:own", accepted="/k SHA256:own", opened=True,
    authority=False, answer="HTTP/1.1 200 OK", said="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, None),
        ({"answer": "", "said": "channel 0: open failed: connect failed: refused"}, None),
        ({"opened": False, "accepted": "", "said": "Permission denied"}, "does not open coulomb"),
        ({"accepted": "/other SHA256:other"}, "lets in /other SHA256:other, not ~/.ssh/id_ops SHA"),
        ({"accepted": ""}, "lets in another way than by a key"),
        ({"own": "", "accepted": "/k SHA256:own"}, "lets in /k SHA256:own, not ~/.ssh/id_ops"),
        ({"answer": "", "said": "channel 0: open failed: administratively prohibited: open failed"},
         "may not forward to 198.19.43.94:8000: channel 0: open failed"),
    ],
)  # fmt: skip
def test_log_in_is_its_own_keys_and_may_forward(given: dict[str, Any], told: str | None) -> None:
    found = objection((ATTEMPT, replace(ATTEMPT, **given)), LOGIN, FLEET)
    assert (found is None) if told is None else (found is not None and told in found)


def test_silence_does_not_tell_whether_forwarding_is_permitted() -> None:
    with pytest.raises(Inconclusive, match="is not known, since nothing came back"):
        objection((replace(ATTEMPT, answer=""),), LOGIN, FLEET)


SEEN = SshAnswer(None, "ssh-ed25519 AAAA", "SHA256:fingerprint")
PINS = Pins("198.18.77.12", ("/known",), frozenset({"ssh-ed25519 AAAA"}), authority=False)
UNKNOWN = replace(ATTEMPT, opened=False, said="Host key verification failed.")


@pytest.mark.parametrize(
    ("pins", "attempt", "told"),
    [
        (PINS, UNKNOWN, None),
        (replace(PINS, keys=frozenset()), ATTEMPT, "has no key of coulombcore in /known, as 198"),
        (replace(PINS, keys=frozenset(), files=()), ATTEMPT, "in any known_hosts file, as 198.18"),
        (replace(PINS, keys=frozenset({"ssh-rsa B"})), ATTEMPT, "has another key of coulombcore p"),
        (replace(PINS, keys=frozenset(), authority=True), replace(ATTEMPT, authority=True), None),
        (replace(PINS, keys=frozenset(), authority=True), UNKNOWN, "and the log-in says: Host key"),
    ],
)  # fmt: skip
def test_pin_is_what_ssh_makes_of_it(pins: Pins, attempt: LoginAttempt, told: str | None) -> None:
    found = pins.objection(LOGIN, SEEN, {str(LOGIN): (attempt,)})
    assert (found is None) if told is None else (found is not None and told in found)


def test_pin_by_an_authority_needs_a_log_in() -> None:
    vouched = replace(PINS, keys=frozenset(), authority=True)
    with pytest.raises(Inconclusive, match="only a log-in tells"):
        vouched.objection(LOGIN, SEEN, {str(LOGIN): (replace(ATTEMPT, opened=False),)})
    with pytest.raises(Inconclusive, match="no route"):
        PINS.objection(LOGIN, replace(SEEN, refused="no route"), {})


UNIT = "/user.slice/user-1000.slice/user@1000.service/app.slice/"


@pytest.mark.parametrize(
    ("local", "unit", "process", "manager", "open_door"),
    [
        ("127.0.0.1:18000", TUNNEL.own_unit, "ssh", "systemd", False),
        ("0.0.0.0:18098", TUNNEL.own_unit, "ssh", "systemd", True),
        ("[::1]:18000", TUNNEL.own_unit, "ssh", "systemd", False),
        ("[::1]:18001", TUNNEL.own_unit, "ssh", "systemd", True),
        ("[::]:18000", TUNNEL.own_unit, "ssh", "systemd", True),
        ("127.0.0.2:18000", TUNNEL.own_unit, "ssh", "systemd", True),
        ("0.0.0.0:18098", TUNNEL.own_unit, "socat", "systemd", True),
        ("0.0.0.0:18098", "other.service", "ssh", "systemd", False),
        ("127.0.0.1:18765", TUNNEL.own_unit, "ssh", "systemd", True),
        ("127.0.0.1:18765", "ops-bridge.service", "ssh", "ops-bridge", False),
        ("127.0.0.1:18098", "ops-bridge.service", "ssh", "ops-bridge", True),
        ("127.0.0.1:18098", "ops-bridge.service", "python3", "ops-bridge", False),
    ],
)
def test_a_unit_listens_on_its_tunnels_addresses(
    local: str, unit: str, process: str, manager: str, open_door: bool
) -> None:
    fleet = FLEET.model_copy(update={"manager": manager})
    fleet.model_post_init(None)
    try:
        socket = Socket(local, "0.0.0.0:*", 1000, f"{UNIT}{unit}", ((process, 7),))
        doors = open_doors(TUNNEL, fleet, [socket], {}, Places(fleet))
    finally:
        FLEET.model_post_init(None)
    assert doors == ([local] if open_door else [])


ENDS = datetime(2026, 11, 26, 2, tzinfo=UTC)
SIGN = "warden sign atm-fleet-mesh --pubkey ~/.ssh/id_ops.pub"
TIMER = Scheduled(
    source="renew.service", lines=(f"{{ argv[]=/bin/sh -c {SIGN} ; }}",), timer="renew.timer",
    next=ENDS - timedelta(minutes=40),
)  # fmt: skip


@pytest.mark.parametrize(
    ("scheduled", "told"),
    [
        ((TIMER,), None),
        ((Scheduled("crontab", (f"*/20 * * * * {SIGN}",)),), None),
        ((Scheduled("crontab", ("*/20 * * * * /usr/bin/warden sign atm-fleet-mesh",)),), None),
        ((Scheduled(f"{TUNNEL.own_unit}", (f"argv[]={SIGN}",)),), None),
        ((Scheduled("crontab", (f"@hourly {SIGN}",)),), None),
        ((Scheduled("crontab", (f"5 * * * * flock -n /run/x {SIGN} >a && mv a b",)),), None),
        ((Scheduled("crontab", (f"*/20 * * * * sh -c '{SIGN}'",)),), None),
        ((Scheduled("/etc/cron.d/x", (f"*/20 * * * * ops {SIGN}",)),), None),
        ((Scheduled("crontab", (f"*/20 * * * * warden --config /x {SIGN[7:]}",)),), None),
        ((Scheduled("crontab", ("*/20 * * * * /r", f'new="$({SIGN})"')),), None),
        ((Scheduled("crontab", ("*/20 * * * * /r", "p=atm-fleet-mesh", "warden sign $p")),), None),
        ((Scheduled("crontab", (f"0 3 1 1 * {SIGN}",)),), "only after its end: 0 3 1 1 *"),
        ((Scheduled("/etc/cron.d/x", (f"@yearly ops {SIGN}",)),), "only after its end: @yearly"),
        ((Scheduled("crontab", ("* * * * * warden show atm-fleet-mesh",)),), "nothing on raili"),
        ((replace(TIMER, lines=("argv[]=/usr/bin/warden show atm-fleet-mesh",)),), "nothing on"),
        ((Scheduled("crontab", (f"0 * * * * echo 'run: {SIGN}' | wall",)),), "nothing on railia"),
        ((Scheduled("crontab", (f"0 * * * * pgrep -f '{SIGN}'",)),), "nothing on railiance01"),
        ((Scheduled("renew.service", (f"argv[]={SIGN}",)),), "at its start alone"),
        ((), "nothing on railiance01 renews ~/.ssh/id_ops-cert.pub"),
        ((Scheduled("crontab", ("* * * * * warden sign someone-else",)),), "nothing on raili"),
        ((Scheduled("crontab", ("* * * * * cp id_ops /backup",)),), "nothing on railiance01"),
        ((replace(TIMER, starts=False),), "renew.timer renews the certificate, and does not start"),
        ((replace(TIMER, timer=None, starts=False),), "renew.service renews the certificate, and"),
        ((replace(TIMER, next=None),), "renew.timer renews the certificate, and is not waiting"),
        ((replace(TIMER, next=ENDS),), "at 2026-11-26 02:00:00Z, after its end"),
        ((replace(TIMER, result="exit-code"),), "its last run ended in exit-code"),
        ((replace(TIMER, lines=(f"ssh workstation {SIGN}",)),), "by way of workstation"),
        ((replace(TIMER, lines=(f"ssh 198.18.77.13 {SIGN}",)),), "by way of workstation"),
        ((replace(TIMER, result="exit-code"), TIMER), None),
    ],
)  # fmt: skip
def test_renewal_is_of_the_host_itself(scheduled: tuple[Scheduled, ...], told: str | None) -> None:
    found = unrenewed(scheduled, LOGIN, FLEET, SIGN, ENDS - timedelta(hours=2), ENDS)
    assert (found is None) if told is None else (found is not None and told in found)


@pytest.mark.parametrize(
    "scheduled",
    [
        Scheduled("crontab", (f"0 1 * * * {SIGN}",)),  # by the clock of some zones
        Scheduled("crontab", (f"*/20 * * * * /opt/unheard-of {SIGN}",)),
        Scheduled("renew.service", (f"argv[]={SIGN}",), active=True),
        replace(TIMER, lines=("/opt/renew", 'exec warden sign "$principal"')),
    ],
)
def test_a_renewal_of_which_nobody_can_tell_is_none(scheduled: Scheduled) -> None:
    now = ENDS - timedelta(hours=2)
    with pytest.raises(Inconclusive, match=r"whether .* on railiance01 renews .* is not known"):
        unrenewed((scheduled,), LOGIN, FLEET, SIGN, now, ENDS)
    assert unrenewed((scheduled, TIMER), LOGIN, FLEET, SIGN, now, ENDS) is None


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (SIGN, "warden sign"),
        ("/usr/bin/warden --profile fleet sign atm-fleet-mesh", "warden fleet sign"),
        ("sudo -u ops warden --principal atm-fleet-mesh sign --ttl 8h", "warden sign"),
        ("renew-certificate", "renew-certificate"),
    ],
)
def test_a_command_is_known_by_its_words_up_to_the_verb(command: str, told: str) -> None:
    assert str(Signing.of(command, LOGIN, FLEET)) == told
