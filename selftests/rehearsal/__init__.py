"""Tests of the rehearsal fleet."""
