"""AWS IoT's data plane on loopback: mutual TLS, MQTT, and the account's decisions."""
