"""Writes docs/ssh-config.md: what becomes of each option of ssh_config(5)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetmesh.sessions import algorithms, options

PAGE = Path(__file__).parents[2] / "docs" / "ssh-config.md"
HEAD = """# What becomes of ssh_config

<!-- Made by `make docs` from fleetmesh/sessions/options.py. -->

A host that `ssh HOST` reaches, the suite reaches with the same configuration. It asks `ssh -G` what
ssh_config says, and every option that this prints is in one of three classes. An option that is in
none, because OpenSSH is newer than the suite, is refused, with its file and line, if ssh_config
sets it.

`sudo .venv/bin/python benchmarks/ssh.py` compares the suite with `ssh` itself in more than a
hundred configurations. The two differ only where the suite is stricter or lacks something, and says
so: it trusts no host key unseen, answers no prompt, and lacks some algorithms.
"""
HONOURED = """
## Honoured

A session does what ssh does. Include, Host and Match are evaluated by `ssh -G`.
"""
WITHOUT_MEANING = """
## Without meaning

These change nothing for a session that runs commands and opens its own forwards.
"""
NOT_SUPPORTED = """
## Not supported

If a host cannot be reached without one of these, the message names the option, its file and line,
and the remedy.
"""
ALGORITHMS = """
## Algorithms

What a session can do. If a host offers none of a kind, the message says what it offers, and what to
add on the host.
"""


def page() -> str:
    """The whole page."""
    return "".join((
        HEAD,
        *_section(HONOURED, options.HONOURED),
        *_section(WITHOUT_MEANING, options.WITHOUT_MEANING),
        *_section(NOT_SUPPORTED, options.NOT_SUPPORTED),
        ALGORITHMS,
        "\n",
        *(
            f"- {algorithms.NAMES[keyword]}: {', '.join(f'`{name}`' for name in possible)}\n"
            for keyword, possible in algorithms.POSSIBLE.items()
        ),
    ))  # fmt: skip


def _section(text: str, table: Mapping[str, str]) -> Iterator[str]:
    yield text + "\n"
    for name, words in sorted(table.items()):
        yield f"- `{name}`{f': {words}' if words else ''}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
