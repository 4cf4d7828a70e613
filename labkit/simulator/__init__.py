"""The stand-ins: one local service that holds boards, an AWS account and its MQTT gateway.

It is a program of its own (`python -m labkit.simulator`), reached through URLs and ports only.
"""
