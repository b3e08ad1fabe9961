"""An AWS on this machine for tests: moto's EC2, IAM, STS, SSM and EventBridge scheduler, with checks that moto lacks, and instances that run.

    python -m tests.aws.cloud        # prints the endpoint, which is what AWS_ENDPOINT_URL is set to; ends at SIGTERM or ^C

It listens on 127.0.0.1 only. What speaks to it may be the double of Pulumi's plugin (tests/aws/plugin) or the real one.
"""
