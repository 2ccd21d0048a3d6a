"""Secrets of every kind that a run can meet, made up; and what only looks like one."""
# ruff: noqa: E501 - a secret stands on one line

import base64

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJvcGVyYXRvciJ9.c2lnbmF0dXJlLXBhcnQ"
KEY_BODY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACBpm"


def pem(kind: str, body: str = KEY_BODY, *, cut: bool = False) -> str:
    end = "" if cut else f"\n-----END {kind}PRIVATE KEY-----\n"
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}{end}"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRETS: dict[str, tuple[str, tuple[str, ...]]] = {
    # name: (as it is printed, what must not be left of it)
    "openssh key": (pem("OPENSSH "), (*KEY_BODY.split(),)),
    "rsa key with headers": (
        pem("RSA ", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\nMIIEowIBAAKCAQEA7\nq8Zp"),
        ("MIIEowIBAAKCAQEA7", "q8Zp"),
    ),
    "pkcs8 key, cut off": (pem("", "MIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEH\nBG0wa", cut=True),
                           ("MIGHAgEAMBMGByqGSM49", "AgEGCCqGSM49AwEH", "BG0wa")),
    "key in a JSON string": ('{"key": "' + pem("EC ", "MHcCAQEEIJm\nQzk5").replace("\n", "\\n") + '"}',
                             ("MHcCAQEEIJm", "Qzk5")),
    "key in base64": (f"data: {b64(pem('RSA '))}", (b64(pem("RSA "))[40:80],)),
    "bearer header": ("Authorization: Bearer 5f2Kq9.opaque~token-77", ("5f2Kq9", "token-77")),
    "bearer in a sentence": ("sent `bearer abcdefghijklmnopqrstuvwx` to it", ("abcdefghijklmnop",)),
    "basic header": (f"authorization: Basic {b64('op:hunter2-basic')}", (b64("op:hunter2-basic"),)),
    "jwt": (f"got {JWT} back", (JWT.split(".")[1], JWT.split(".")[2])),
    "jwt, cut off": (f"got {JWT.rpartition('.')[0]}", (JWT.split(".")[1],)),
    "password in a URL": ("postgres://hub:p4ss%2Fword@db:5432/hub", ("p4ss",)),
    "password in a URL, no user": ("redis://:r3dis-pass@cache:6379", ("r3dis-pass",)),
    "PASSWORD=": ("STATE_HUB_PASSWORD=correcthorse", ("correcthorse",)),
    "PASSWORD= in quotes": ('export DB_PASSWORD="correct horse staple"', ("correct", "staple")),
    "TOKEN=": ("ISSUE_CORE_TOKEN=zz9plural", ("zz9plural",)),
    "SECRET=": ("CLIENT_SECRET='s3kr1t valu3x'", ("s3kr1t", "valu3x")),
    "query": ("GET /x?access_token=qwertyuiop&limit=5", ("qwertyuiop",)),
    "option": ("/usr/bin/thing --password swordfish --port 80", ("swordfish",)),
    "json member": ('{"user":"op","password":"pa\\"ss word","n":1}', ("ss word",)),
    "json member, escaped": ('{"body":"{\\"api_key\\":\\"AKq1w2e3\\"}"}', ("AKq1w2e3",)),
    "environment of a container": ('{"name":"HUB_TOKEN","value":"envvalue-one"}', ("envvalue-one",)),
    "environment in YAML": ("- name: HUB_SECRET\n  value: envvalue-two\n", ("envvalue-two",)),
    "kubeconfig token": ("users:\n- user:\n    token: kubetokenvalue\n", ("kubetokenvalue",)),
    "kubeconfig key": (f"    client-key-data: {b64(pem('RSA '))}\n", (b64(pem("RSA "))[:30],)),
    "kubeconfig password": ("    password: kube-pass-word\n", ("kube-pass-word",)),
    "Secret in JSON": (
        '{"apiVersion":"v1","data":{"user":"b3BlcmF0b3I=","pass":"aHVudGVyMjI="},"kind":"Secret"}',
        ("b3BlcmF0b3I=", "aHVudGVyMjI="),
    ),
    "Secret in YAML": (
        "apiVersion: v1\nkind: Secret\ndata:\n  user: b3BlcmF0b3I=\n  pass: aHVudGVyMjI=\ntype: Opaque\n",
        ("b3BlcmF0b3I=", "aHVudGVyMjI="),
    ),
    "sha512-crypt": ("op:$6$rounds=5000$saltsalt$" + "Ab1./" * 17 + ":19000:0", ("saltsalt", "Ab1./")),
    "yescrypt": ("op:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" + "Xy7" * 14, ("F5Jx5fExrKuPp53xLKQ", "Xy7Xy7")),
    "bcrypt": ("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", ("R9h/cIPz0gi",)),
    "k3s token": (f"K10{'0123456789abcdef' * 4}::server:thatsecret", ("thatsecret", "0123456789abcdef")),
    "kubeadm token": ("kubeadm join --token abcdef.0123456789abcdef", ("0123456789abcdef",)),
    "kubeadm token alone": ("abcdef.0123456789abcdef", ("0123456789abcdef",)),
    "GitHub token": ("ghp_" + "a1B2c3D4e5" * 4, ("a1B2c3D4e5",)),
}  # fmt: skip

HARMLESS = (
    "PasswordAuthentication no",
    "passwordauthentication no\npubkeyauthentication yes\npermitrootlogin prohibit-password",
    "PermitEmptyPasswords=no",
    "password=true",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "image: registry/hub@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "256 SHA256:fAdzz1cui3P0/4f3F9P6GwV2x62X1FLni7jXW9WCPF4 root@railiance01 (ED25519)",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0mQ2bQ0b7w4k0m0yXhX0e1mS8kQ3pJ8WZ3vZ6yQ1aB op@ws",
    "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAAB3NzaC1yc2E=",
    "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAj\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
    "certificate-authority-data: " + b64("-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAK\n"),
    "client-certificate-data: " + b64("-----BEGIN CERTIFICATE-----\nMIIBkTCCATegAwIBAgIICP\n"),
    "123e4567-e89b-12d3-a456-426614174000",
    "8f69fd1fb4f5337d06efc1d13abd521a",
    "fleetmesh-0a1b2c3d4e5f6071 begin 3 1732416094.123456789",
    "X-Fleetmesh-Trace: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
    'WWW-Authenticate: Bearer realm="registry"',
    "bearer authentication is required",
    "Basic authentication is switched off",
    "no kubeconfig: token expired",
    "error: invalid token: expired",
    "secretName: state-hub-tls",
    "imagePullSecrets: []",
    "automountServiceAccountToken: true",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "TOKEN_FILE=/run/secrets/hub/token",
    "HUB_TOKEN=$HUB_TOKEN ./run",
    "HUB_PASSWORD=${HUB_PASSWORD}",
    "password: ********",
    '{"token":null,"secret":"","tokenExpirationSeconds":3607}',
    "http://127.0.0.1:18000/state/health",
    "ssh://tegwick@198.18.77.12:22",
    "http://[::1]:8080/path@2x.png",
    "1732445254.123456789",
    "docker.io/library/python:3.12-slim",
    "awk '{print $1$2$5}'",
    "max_token=4096",
    "kind: ConfigMap\ndata:\n  greeting: hello there\n",
    '{"kind":"ConfigMap","data":{"greeting":"hello there"}}',
    "Nov 24 02:41:34 railiance01 sshd[812]: Accepted publickey for op from 198.18.77.13",
    "ssh -i ~/.ssh/id_ops -o PasswordAuthentication=no -o BatchMode=yes op@198.18.77.12 true",
    "eyJ is how the base64 of every JSON object begins",
    "fleet-state-hub-coulombcore.service loaded active running",
)
