"""The simulated bench: one local service with boards, an AWS account and its MQTT gateway.

It is a separate program (`python -m labkit.bench.simulator`), reached through URLs only.

::

    service.py    starts all parts in order, and ends them
    control.py    the control URL: power, reset, planted faults
    aws/          AWS over HTTP: the account's API and STS
    account/      the account: its rules, and its data in SQLite
    gateway/      the data plane: mutual TLS, sessions, and the account's decisions
    mqtt/         MQTT 3.1.1 packets, for gateway and board
    board/        a board: serial stream, flash, boot, and the hello world
    faults/       faults that can be planted on a board
"""
