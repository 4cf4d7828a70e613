"""AWS IoT's data plane on loopback: mutual TLS, MQTT, and what the account lets through."""
