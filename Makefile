# Two commands: `make rehearse` proves the runbook on the rehearsal fleet, `make test` proves the
# suite itself. Each does all its set-up.

SHELL := /bin/bash
# What is started here is started hundreds of times: without it, each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON := .venv/bin/python
PERMIT := reports/permit
OUTFIT = $(IMAGE:%=--image=%) $(LOGIN_SHELL:%=--shell=%)
FLEET := production
RUN_PACKAGES := openssh-client python3-venv
PACKAGES := busybox chromium dash debian-archive-keyring fish iproute2 mksh mmdebstrap nftables \
	openssh-server openssl poppler-utils procps prometheus shellcheck socat sudo systemd-container tcsh zsh

.PHONY: rehearse faults hints drill test check docs permit packages run-packages lock clean

# On other hosts:  make rehearse IMAGE="bookworm railiance01=sid" LOGIN_SHELL=fish
rehearse: .venv/run packages
	@$(PYTHON) -m pytest --fleet rehearsal $(OUTFIT:--%=--rehearsal-%)

# Every fault on the rehearsal fleet, and what each check makes of it; `WITHIN=40` for 40 minutes.
faults: .venv/dev packages
	@$(SUDO) $(PYTHON) -m rehearsal faults --fleets 2 $(WITHIN:%=--within=%) $(OUTFIT)

hints: .venv/dev packages
	@$(SUDO) $(PYTHON) -m rehearsal hints $(OUTFIT)

# The runbook, there and back, stage by stage.
drill: .venv/run packages
	@$(SUDO) $(PYTHON) -m rehearsal drill $(OUTFIT)

test: .venv/dev packages check
	@$(SUDO) $(PYTHON) -m rehearsal image
	@$(SUDO) $(PYTHON) -m selftests.sessions.servers
	@$(SUDO) $(PYTHON) -m pytest selftests --tb=short -rfEs -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/actionlint .github/workflows/*.yml .forgejo/workflows/*.yml

# Packages are asked for only where one is missing, so that a prepared machine needs no sudo. A box
# that verifies a real fleet needs those of a run alone.
run-packages: WANTED := $(RUN_PACKAGES)
packages: WANTED := $(PACKAGES)
packages: run-packages
run-packages packages:
	@missing=$$(for p in $(WANTED); do \
	    dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; \
	  done); \
	if [ -n "$$missing" ]; then \
	  echo "installing" $$missing; \
	  $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends \
	    $$missing >/dev/null; \
	fi

.venv/bin/python: | run-packages
	@python3 -m venv .venv

.venv/run: requirements.lock | .venv/bin/python
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/dev: requirements-dev.lock | .venv/bin/python packages
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/run

# docs/checks.md, from the checks themselves; docs/runbook-coverage.md, from the runbook and the drill;
# docs/ssh-config.md, from the table of ssh's options.
docs: .venv/dev
	@$(PYTHON) -m pytest --collect-only -qq -p selftests.checks_page --checks-page=docs/checks.md
	@$(PYTHON) -m rehearsal.drill.coverage
	@$(PYTHON) -m selftests.sessions.options_page

# What a key that verifies a fleet may do on each host, for authorized_keys there; see docs/operating.md.
#   make permit KEY=~/.ssh/id_ed25519.pub FLEET=production
permit: .venv/run
	@$(PYTHON) -m pytest --collect-only -qqq -p fixtures.permit_option --permit="$(PERMIT)" \
	    --permit-key="$(KEY)" --fleet "$(FLEET)" $(if $(PERMIT_API),--permit-api="$(PERMIT_API)") >/dev/null
	@ls "$(PERMIT)"/*

# New versions of everything, with hashes and without an index address.
lock: .venv/dev
	@$(PYTHON) -m pip install --quiet uv
	@for name in requirements requirements-dev; do \
	  $(PYTHON) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header $$name.in -o $$name.lock; done

clean:
	@rm -rf .venv .mypy_cache .ruff_cache
