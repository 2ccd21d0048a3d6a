"""What a migration to certificates leaves undone, and what becomes of it later."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal import migration
from rehearsal.faults.fault import Fault, Ground, fail
from rehearsal.faults.means import COULOMB, RAILIANCE, root, user

CHECK = "tunnels_use_a_valid_certificate"
KEYS = "/home/tegwick/.ssh/authorized_keys"
CA = "~/.config/warden/fleet_user_ca"
REFUSED = {
    "fleet_identity_logs_in": fail("Permission denied"),
    "certificate_readiness": fail("the certificate does not open coulombcore"),
}


class Migrated(Ground):
    """The tunnels log in with certificates, and the static key is retired."""

    name = "migrated"

    def enter(self) -> None:
        migration.migrate()

    def leave(self) -> None:
        migration.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        migration.migrated(document)


class _Certificate(Fault):
    """Another certificate lies beside the fleet's key: of this CA, principal and validity."""

    ground = Migrated
    ca: ClassVar[str] = CA
    principal: ClassVar[str] = "atm-fleet-mesh"
    validity: ClassVar[str] = "+1h"

    def inject(self) -> None:
        sign = f"ssh-keygen -q -s {self.ca} -I rehearsal -n {self.principal} -V {self.validity}"
        user(RAILIANCE, f"{sign} {migration.KEY}.pub")

    def heal(self) -> None:
        migration.sign()


class CertificateGone(_Certificate):
    """There is no certificate."""

    turns = {CHECK: fail("has no certificate"), **REFUSED}

    def inject(self) -> None:
        user(RAILIANCE, f"rm {migration.CERTIFICATE}")


class CertificateExpired(_Certificate):
    """The certificate has expired: nobody signs a new one."""

    validity = "20200101:20200102"
    turns = {CHECK: fail("the certificate ends 2020-01-02"), **REFUSED}


class CertificateAboutToExpire(_Certificate):
    """The certificate lasts a minute longer, less than the inventory demands."""

    validity = "+1m"
    turns = {CHECK: fail("300 s must be left")}


class CertificateForAnother(_Certificate):
    """The certificate names another principal."""

    principal = "nobody"
    turns = {CHECK: fail("is for nobody, not for atm-fleet-mesh"), **REFUSED}


class CertificateOfUnknownCa(_Certificate):
    """The certificate is signed by a CA that coulombcore does not know."""

    ca = "~/other_ca"
    turns = {CHECK: fail("does not know the CA"), **REFUSED}

    def inject(self) -> None:
        user(RAILIANCE, f"ssh-keygen -q -t ed25519 -N '' -f {self.ca}")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, f"rm {self.ca} {self.ca}.pub")


class PrincipalUnregistered(Fault):
    """The certificates' principal may not log in on coulombcore."""

    ground = Migrated
    turns = {CHECK: fail("atm-fleet-mesh is not registered"), **REFUSED}

    def inject(self) -> None:
        migration.unregister()

    def heal(self) -> None:
        migration.register()


class StaticKeyAccepted(Fault):
    """Coulombcore still accepts the static key after the migration."""

    ground = Migrated
    turns = {CHECK: fail("accepts the static key ~/.ssh/id_ops")}

    def inject(self) -> None:
        migration.accept_static_key()

    def heal(self) -> None:
        migration.retire_static_key()


class NewKeyAuthorized(Fault):
    """The certificates' key was put into authorized_keys, where it needs no certificate."""

    ground = Migrated
    turns = {CHECK: fail("accepts the static key ~/.ssh/id_fleet_mesh")}

    def inject(self) -> None:
        key = user(RAILIANCE, f"cat {migration.KEY}.pub").strip()
        root(COULOMB, f"cp -p {KEYS} {KEYS}.before; echo {key} >>{KEYS}")

    def heal(self) -> None:
        root(COULOMB, f"mv {KEYS}.before {KEYS}")
