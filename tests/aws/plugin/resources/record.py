"""Record of Route 53."""

from __future__ import annotations

from tests.aws.plugin.aws import Answer, Aws
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties


class Record(Resource):
    token = "aws:route53/record:Record"
    required = frozenset({"name", "type", "zoneId"})
    replaces = frozenset({"name", "type", "zoneId"})
    unordered = frozenset({"records"})
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        # Without allowOverwrite a record that is somebody else's stays theirs.
        _change(aws, "CREATE", inputs)
        return f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = _found(aws, known)
        if found is None:
            return None
        return {
            "name": known["name"],
            "fqdn": found["Name"].rstrip("."),
            "type": found["Type"],
            "zoneId": known["zoneId"],
            "ttl": found["TTL"],
            "records": [record["Value"] for record in found["ResourceRecords"]],
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        _change(aws, "UPSERT", news)

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        # It is deleted by saying what it is.
        if _found(aws, known) is not None:
            _change(aws, "DELETE", known)


def _change(aws: Aws, action: str, properties: Properties) -> None:
    record: Answer = {
        "Name": properties["name"],
        "Type": properties["type"],
        "TTL": int(properties["ttl"]),
        "ResourceRecords": [{"Value": value} for value in properties["records"]],
    }
    changes = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    aws.call("route53", "change_resource_record_sets", HostedZoneId=properties["zoneId"], ChangeBatch=changes)


def _found(aws: Aws, properties: Properties) -> Answer | None:
    answer = aws.found(
        "route53",
        "list_resource_record_sets",
        HostedZoneId=properties["zoneId"],
        StartRecordName=properties["name"],
        StartRecordType=properties["type"],
        MaxItems="1",
    )
    for record in answer["ResourceRecordSets"] if answer else ():
        if record["Name"].rstrip(".") == properties["name"].rstrip(".") and record["Type"] == properties["type"]:
            return dict(record)
    return None
