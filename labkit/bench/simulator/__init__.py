"""The stand-ins: one local service that holds boards, an AWS account and its MQTT gateway.

It is a program of its own (`python -m labkit.bench.simulator`), reached through URLs only.

::

    service.py    the whole of it: what is started, in which order, and how it ends
    control.py    what a hand would do at a bench: power, reset, planted faults
    aws/          AWS over HTTP: the account's API and STS
    account/      the account: its rules, and its memory in SQLite
    gateway/      the data plane: mutual TLS, sessions, and what the account lets through
    mqtt/         MQTT 3.1.1 packets, for gateway and board
    board/        a board: serial stream, flash, boot, and the hello world
    faults/       what can be put out of order on a board
"""
