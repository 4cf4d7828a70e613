"""AWS's HTTP side on loopback: the account's API, STS, S3, and who works on bulk registration."""
