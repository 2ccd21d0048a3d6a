"""Stand-ins for what cannot be installed in a rehearsal; they run inside the machines."""
