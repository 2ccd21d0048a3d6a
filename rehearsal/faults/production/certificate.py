"""What a migration to certificates leaves undone, and what becomes of it later."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rehearsal import migration
from rehearsal.faults.fault import Fault, Ground, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    HUB,
    RAILIANCE,
    TUNNELS_YAML,
    UNITS,
    root,
    units,
    user,
)
from rehearsal.faults.symptoms import logs_in


class DeferralWithdrawn(Fault):
    """The inventory postpones the migration to certificates no longer, and nobody migrated."""

    turns = {
        "PROD-14.certificate": inconclusive("no deferral is accepted"),
        "PRE-09.certificate": inconclusive("no deferral is accepted"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        del (
            document["deferrals"]["PROD-14.certificate"],
            document["deferrals"]["PRE-09.certificate"],
        )


class Migrated(Ground):
    """The tunnels log in with certificates, and the static key is retired."""

    name = "migrated"

    def enter(self) -> None:
        migration.migrate()

    def leave(self) -> None:
        migration.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        migration.migrated(document)


CA = "~/.config/warden/fleet_user_ca"


class _Certificate(Fault):
    """Another certificate lies beside the fleet's key: of this CA, principal and validity."""

    ground = Migrated
    ca: ClassVar[str] = CA
    principal: ClassVar[str] = "atm-fleet-mesh"
    validity: ClassVar[str] = "+1h"
    options: ClassVar[str] = ""

    def inject(self) -> None:
        _sign(self.validity, f"-n {self.principal} {self.options}", self.ca)

    def heal(self) -> None:
        migration.sign()


def _sign(validity: str, options: str, ca: str = CA) -> None:
    of = f"ssh-keygen -q -s {ca} -I rehearsal -V {validity} {options}"
    user(RAILIANCE, f"{of} {migration.KEY}.pub")


CHECK = "PROD-14.certificate"
REFUSED = {
    **logs_in(fail("Permission denied")),
    "PRE-09.certificate": fail("the certificate does not open coulombcore"),
}


class CertificateGone(_Certificate):
    """There is no certificate."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    turns = {CHECK: fail("has no certificate"), **REFUSED}

    def inject(self) -> None:
        user(RAILIANCE, f"rm {migration.CERTIFICATE}")


class CertificateExpired(_Certificate):
    """The certificate has expired: nobody signs a new one."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    validity = "20200101:20200102"
    turns = {CHECK: fail("the certificate ended 2020-01-02"), **REFUSED}


class CertificateAboutToExpire(_Certificate):
    """The certificate lasts a minute longer, less than the inventory demands."""

    validity = "+1m"
    turns = {CHECK: fail("300 s must be left")}


class CertificateForever(_Certificate):
    """The certificate was signed without an end."""

    validity = "always:forever"
    turns = {CHECK: fail("the certificate never expires")}


class CertificateForAnotherAddress(_Certificate):
    """The certificate may be used from another address alone."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    options = "-O source-address=203.0.113.9/32"
    turns = {CHECK: fail("the certificate does not open coulombcore"), **REFUSED}


class CertificateForAnother(_Certificate):
    """The certificate names another principal."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    principal = "nobody"
    turns = {CHECK: fail("is for nobody, not for atm-fleet-mesh"), **REFUSED}


class CertificateOfUnknownCa(_Certificate):
    """The certificate is signed by a CA that coulombcore does not know."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    ca = "~/other_ca"
    turns = {CHECK: fail("does not know the CA"), **REFUSED}

    def inject(self) -> None:
        user(RAILIANCE, f"ssh-keygen -q -t ed25519 -N '' -f {self.ca}")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, f"rm {self.ca} {self.ca}.pub")


SSHD = "/etc/ssh/sshd_config.d/fleet.conf"


class CaNotTrustedBySshd(Fault):
    """Coulombcore has the CA's key and the principal, and its sshd is not told to use them."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    ground = Migrated
    turns = {CHECK: fail("the certificate does not open coulombcore"), **REFUSED}
    option = "s/^{}TrustedUserCAKeys/{}TrustedUserCAKeys/"

    def inject(self) -> None:
        self._change("", "#")

    def heal(self) -> None:
        self._change("#", "")

    def _change(self, old: str, new: str) -> None:
        root(COULOMB, f"sed -i '{self.option.format(old, new)}' {SSHD}; systemctl reload ssh")


class CertCommandMissing(Fault):
    """The migration left a tunnel without the command that renews its certificate."""

    ground = Migrated
    turns = {CHECK: fail(f"no cert_command is configured for {HUB}")}
    reference = migration.REFERENCE / "railiance01-tunnels.yaml"

    def inject(self) -> None:
        text = self.reference.read_text()
        self.reference.with_suffix(".kept").write_text(text)
        self.reference.write_text(re.sub(r"\n +cert_command: .*", "", text, count=1))
        first = "0,/cert_command:/{/cert_command:/d}"
        user(RAILIANCE, f"cp -p {TUNNELS_YAML} ~/kept; sed -i '{first}' {TUNNELS_YAML}")

    def heal(self) -> None:
        self.reference.with_suffix(".kept").rename(self.reference)
        user(RAILIANCE, f"mv ~/kept {TUNNELS_YAML}")


class PrincipalUnregistered(Fault):
    """The certificates' principal may not log in on coulombcore."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    ground = Migrated
    turns = {CHECK: fail("atm-fleet-mesh is not registered"), **REFUSED}

    def inject(self) -> None:
        migration.unregister()

    def heal(self) -> None:
        migration.register()


class StaticKeyAccepted(Fault):
    """Coulombcore still accepts the static key after the migration."""

    ground = Migrated
    turns = {CHECK: fail("accepts the static key /home/tegwick/.ssh/id_ops")}

    def inject(self) -> None:
        migration.accept_static_key()

    def heal(self) -> None:
        migration.retire_static_key()


KEYS = "/home/tegwick/.ssh/authorized_keys"


class NewKeyAuthorized(Fault):
    """The certificates' key was put into authorized_keys, where it needs no certificate."""

    ground = Migrated
    turns = {CHECK: fail("accepts the static key /home/tegwick/.ssh/id_fleet_mesh")}

    def inject(self) -> None:
        key = user(RAILIANCE, f"cat {migration.KEY}.pub").strip()
        root(COULOMB, f"cp -p {KEYS} {KEYS}.before; echo {key} >>{KEYS}")

    def heal(self) -> None:
        root(COULOMB, f"mv {KEYS}.before {KEYS}")


class _Renewal(Fault):
    """Something becomes of what renews the certificate; the certificate itself is good for now."""

    ground = Migrated

    def heal(self) -> None:
        migration.unschedule()
        migration.schedule()


class WorkstationPushesCertificates(_Renewal):
    """Nothing on railiance01 renews the certificate; the workstation copies one there by cron."""

    turns = {CHECK: fail("nothing on railiance01 renews ~/.ssh/id_fleet_mesh-cert.pub")}

    def inject(self) -> None:
        migration.unschedule()
        migration.sign()


class RenewalNotEnabled(_Renewal):
    """The timer that renews the certificate runs, and would not start at boot."""

    turns = {
        CHECK: fail("fleet-mesh-cert.timer renews the certificate, and does not start at boot")
    }

    def inject(self) -> None:
        units("disable --quiet", f"{migration.RENEWAL}.timer")


class RenewalFails(_Renewal):
    """The timer tries to renew the certificate, and the CA's key is gone."""

    turns = {CHECK: fail("its last run ended in exit-code")}

    def inject(self) -> None:
        user(RAILIANCE, f"mv {CA} {CA}.kept")
        user(RAILIANCE, f"systemctl --user start {migration.RENEWAL}.service", check=False)

    def heal(self) -> None:
        user(RAILIANCE, f"mv {CA}.kept {CA}; rm -f {migration.CERTIFICATE}.new")
        super().heal()


class RenewalAfterTheEnd(_Renewal):
    """The timer renews a certificate of an hour once a day."""

    turns = {CHECK: fail("after its end")}

    def inject(self) -> None:
        timer = f"{UNITS}/{migration.RENEWAL}.timer"
        user(RAILIANCE, f"sed -i 's/20min/1d/; /^OnStartupSec/d' {timer}; "
                        "systemctl --user daemon-reload")  # fmt: skip
        units("stop", f"{migration.RENEWAL}.timer")
        units("start", f"{migration.RENEWAL}.timer")


class RenewalIsDue(_Renewal):
    """The certificate has four minutes left, and the timer renews it in three."""

    turns = {CHECK: fail("300 s must be left; due to be renewed ")}

    def inject(self) -> None:
        user(RAILIANCE, f"sed -i 's/^OnStartupSec=.*/OnActiveSec=3min/; /^OnUnitActiveSec/d' "
                        f"{UNITS}/{migration.RENEWAL}.timer; systemctl --user daemon-reload; "
                        f"systemctl --user restart {migration.RENEWAL}.timer")  # fmt: skip
        _sign("+4m", "-n atm-fleet-mesh")


class RenewalOverTheWorkstation(_Renewal):
    """The timer has the workstation sign the certificate."""

    turns = {CHECK: fail("renews the certificate by way of workstation")}

    def inject(self) -> None:
        user(RAILIANCE, f"sed -i 's/warden sign/ssh workstation &/' "
                        f"{UNITS}/{migration.RENEWAL}.service; "
                        "systemctl --user daemon-reload")  # fmt: skip


class RenewalByCron(_Renewal):
    """A script that cron runs renews the certificate, instead of a timer."""

    harmless_to = "PROD-14.certificate"

    def inject(self) -> None:
        migration.unschedule()
        sign = f"{migration.SIGN} >{migration.CERTIFICATE}"
        user(RAILIANCE, f"printf '#!/bin/sh\\n{sign}\\n' >~/renew && chmod +x ~/renew; ~/renew; "
                        "echo '*/20 * * * * /home/tegwick/renew' | crontab -")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, "crontab -r; rm ~/renew")
        super().heal()
