"""What a bridge's pod has from ConfigMaps says where it leads, as far as it says so."""

from typing import Any

import pytest

from fleetmesh.facts.pods import Pod, _pod
from fleetmesh.facts.programs import elsewhere

TUNNEL = "127.0.0.1:18000"


def pod(container: dict[str, Any], volumes: tuple[dict[str, Any], ...] = ()) -> Pod:
    spec = {
        "hostNetwork": True,
        "containers": [{"name": "proxy", "ports": [{"containerPort": 8000}], **container}],
        "volumes": list(volumes),
    }
    return _pod({"metadata": {"name": "hub"}, "spec": spec, "status": {"podIP": "192.0.2.1"}})


ALL = {"envFrom": [{"configMapRef": {"name": "hub"}, "prefix": "P_"}]}
ONE = {"env": [{"name": "UP", "valueFrom": {"configMapKeyRef": {"name": "hub", "key": "up"}}}]}
WORD = {**ONE, "command": ["socat", "TCP-LISTEN:8000", "TCP:$(UP)"]}
MOUNT = {"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}
SUB_PATH = {"volumeMounts": [{"name": "conf", "mountPath": "/c", "subPath": "a.conf"}]}
VOLUME = {"name": "conf", "configMap": {"name": "hub"}}
ITEM = {"name": "conf", "configMap": {"name": "hub", "items": [{"key": "x", "path": "a.conf"}]}}
NGINX = (
    "# proxy_pass http://192.0.2.9:1;\n"
    "server { listen 0.0.0.0:8000; access_log syslog:server=log.example:514;\n"
    "location / { proxy_pass http://%s; } }\n"
)
ENVOY = "- address:\n    socket_address:\n      address: %s\n      port_value: %s\n"


@pytest.mark.parametrize(
    ("found", "data"),
    [
        (pod(ALL), {"UPSTREAM": "%s:%s"}),
        (pod(ALL), {"UP_HOST": "%s", "UP_PORT": "%s"}),
        (pod(ONE), {"up": "%s:%s", "other": "192.0.2.9:1"}),
        (pod(WORD), {"up": "%s:%s"}),
        (pod(MOUNT, (VOLUME,)), {"a.conf": NGINX % "%s:%s"}),
        (pod(MOUNT, (VOLUME,)), {"envoy.yaml": ENVOY}),
        (pod(MOUNT, (VOLUME,)), {"haproxy.cfg": "backend b\n  server one %s:%s check\n"}),
        (pod(SUB_PATH, (VOLUME,)), {"a.conf": "up %s:%s", "b.conf": "up 127.0.0.1:18765"}),
        (pod(MOUNT, (ITEM,)), {"x": "up %s:%s", "b.conf": "up 127.0.0.1:18765"}),
        (pod(SUB_PATH, (ITEM,)), {"x": "up %s:%s", "a.conf": "up 127.0.0.1:18765"}),
    ],
    ids=range(10),
)
def test_it_leads_where_the_config_map_says(found: Pod, data: dict[str, str]) -> None:
    def led(host: str, port: str) -> list[str]:
        words = iter((host, port) * 2)
        held = {
            key: text % tuple(next(words) for _ in range(text.count("%s")))
            for key, text in data.items()
        }
        named, unread = found.told({"hub": held})
        assert unread == ()
        return sorted({each.address for each in elsewhere(named, TUNNEL, unread=bool(unread))})

    assert found.config_maps == {"hub"}
    assert led("127.0.0.1", "18000") == []
    assert led("127.0.0.1", "28000") == ["127.0.0.1:28000"]


@pytest.mark.parametrize("maps", [{}, {"another": {"up": "192.0.2.9:1"}}, {"hub": {"other": ""}}])
def test_what_is_not_there_may_be_anything(maps: dict[str, dict[str, str]]) -> None:
    named, unread = pod(ONE).told(maps)
    assert (named, unread) == ((), ("ConfigMap hub",))


def test_a_secret_stays_unread() -> None:
    found = pod({**ALL, "env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "t"}}}]})
    assert found.told({"hub": {"X": "192.0.2.9:1"}})[1] == ("Secret t",)


def test_a_file_without_a_mount_stays_unread() -> None:
    assert pod({}, (VOLUME,)).told({"hub": {}})[1] == ("ConfigMap hub",)


def test_without_config_maps_nothing_changes() -> None:
    found = pod({"command": ["socat", "TCP:127.0.0.1:18000"]})
    assert found.told({}) == (found.named, found.unread)


@pytest.mark.parametrize(
    ("on_the_network", "port", "ports"),
    [
        (True, {}, (8000,)),
        (False, {}, ()),
        (False, {"hostPort": 80}, (80,)),
        (True, {"protocol": "UDP"}, ()),
    ],
)
def test_ports_of_the_node(
    *, on_the_network: bool, port: dict[str, Any], ports: tuple[int, ...]
) -> None:
    ports_of = [{"containerPort": 8000, **port}]
    spec = {"hostNetwork": on_the_network, "containers": [{"name": "proxy", "ports": ports_of}]}
    found = _pod({"metadata": {"name": "hub"}, "spec": spec, "status": {}})
    assert found.host_ports == ports
