"""What happens to a fleet with other units, keys and `bridge` than the runbook's."""

from __future__ import annotations
