"""A test double of the plugin of pulumi-aws: the resources and functions that the project uses, by boto3 on AWS_ENDPOINT_URL.

It answers Pulumi's engine as the real one does, in what the program can see: names and types of properties, what replaces, what is computed,
`region` and `tagsAll` among the inputs. What is valid is the endpoint's to say (tests/aws/cloud). It talks to loopback only.
"""
