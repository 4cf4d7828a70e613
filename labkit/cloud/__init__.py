"""AWS IoT through boto3, simulated or real: only the endpoint and the credentials differ."""
