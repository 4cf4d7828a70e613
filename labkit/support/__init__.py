"""Small helpers that every part uses: borrowed private names, seeding, and asking a person."""
