"""KeyPair: a public key that instances are given."""

from __future__ import annotations

from collections.abc import Mapping

from tests.aws.plugin.aws import Aws, tag_map, tag_specifications
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties


class KeyPair(Resource):
    token = "aws:ec2/keyPair:KeyPair"
    required = frozenset({"publicKey"})
    replaces = frozenset({"keyName", "keyNamePrefix", "publicKey"})
    named_by = "keyName"

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call(
            "ec2",
            "import_key_pair",
            KeyName=inputs["keyName"],
            PublicKeyMaterial=inputs["publicKey"].encode(),
            **tag_specifications("key-pair", inputs["tagsAll"]),
        )
        return str(made["KeyName"])

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("ec2", "describe_key_pairs", KeyNames=[id_])
        if found is None:
            return None
        [pair] = found["KeyPairs"]
        return {
            "keyName": id_,
            "keyPairId": pair["KeyPairId"],
            "fingerprint": pair["KeyFingerprint"],
            "tagsAll": tag_map(pair.get("Tags")),
        }

    def set_tags(self, aws: Aws, id_: str, olds: Mapping[str, str], news: Mapping[str, str]) -> None:
        pair = aws.call("ec2", "describe_key_pairs", KeyNames=[id_])["KeyPairs"][0]["KeyPairId"]
        super().set_tags(aws, pair, olds, news)

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "delete_key_pair", KeyName=id_)
