"""AWS's HTTP side on loopback: the account's API and STS."""
