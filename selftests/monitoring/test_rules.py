"""The alerts fire when they should, and only then: promtool tries them on series of its own."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from selftests.checks.conftest import ROOT

RULES = ROOT / "infra/prometheus/rules.yml"
TESTS = Path(__file__).with_name("rules_test.yml")


def promtool(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60
    )


def tried_out(folder: Path, rules: str) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yml").write_text(rules)
    shutil.copy(TESTS, folder)
    return promtool(folder, "test", "rules", TESTS.name)


def test_prometheus_takes_the_rules() -> None:
    done = promtool(ROOT, "check", "rules", str(RULES))
    assert done.returncode == 0, done.stderr
    assert "9 rules found" in done.stdout


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    done = tried_out(tmp_path, RULES.read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tried_out_and_needs_a_sound_fleet_to_be_silent() -> None:
    alerts = {rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    sound, *others = yaml.safe_load(TESTS.read_text())["tests"]
    assert {test["alertname"] for test in sound["alert_rule_test"]} == alerts
    fired = {t["alertname"] for o in others for t in o["alert_rule_test"] if t.get("exp_alerts")}
    assert fired == alerts


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ('verdict="NOT READY"', 'verdict="READY"'),
        ("INCONCLUSIVE|INCOMPLETE", "INCONCLUSIVE"),
        ("for: 5h", "for: 0h"),
        ('outcome="fail"', 'outcome="waived"'),
        ('{phase=~"production|own", outcome="fail"}', '{outcome="fail"}'),
        ("> 9 * 3600", "> 3 * 3600"),
        ("> 9 * 3600", "> 10 * 3600"),
        ("> 600", "> 60000"),
        ("> 36 * 3600", "> 37 * 3600"),
        ("absent(", "present_over_time("),
        ("== 1\n        for: 15m", "== 0\n        for: 15m"),
        ("undelivered_messages > 0", "undelivered_messages > 2"),
        ("< 7 * 86400", "< 6 * 86400"),
    ],
)
def test_what_is_broken_is_noticed(sound: str, broken: str, tmp_path: Path) -> None:
    rules = RULES.read_text()
    assert sound in rules
    if broken.startswith("present"):
        rules = re.sub(r"absent\((.*)\)", r"present_over_time(\1[1m])", rules)
    assert tried_out(tmp_path, rules.replace(sound, broken)).returncode == 1
