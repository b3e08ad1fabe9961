"""RouteTable, Route, RouteTableAssociation."""

from __future__ import annotations

import zlib

from tests.aws.plugin.aws import Answer, Aws, tag_map, tag_specifications
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties


def _table(aws: Aws, id_: str) -> Answer | None:
    found = aws.found("ec2", "describe_route_tables", RouteTableIds=[id_])
    return found["RouteTables"][0] if found else None


class RouteTable(Resource):
    token = "aws:ec2/routeTable:RouteTable"
    required = frozenset({"vpcId"})
    replaces = frozenset({"vpcId"})
    unordered = frozenset({"routes"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        tags = tag_specifications("route-table", inputs["tagsAll"])
        id_ = str(aws.call("ec2", "create_route_table", VpcId=inputs["vpcId"], **tags)["RouteTable"]["RouteTableId"])
        self.update(aws, id_, {}, inputs, frozenset({"routes"}) & inputs.keys())
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        table = _table(aws, id_)
        if table is None:
            return None
        return {
            "vpcId": table["VpcId"],
            "routes": [
                {"cidrBlock": route["DestinationCidrBlock"], "gatewayId": route["GatewayId"]}
                for route in table["Routes"]
                if route.get("GatewayId", "local") != "local"
            ],
            "arn": f"arn:aws:ec2:{aws.region}:{table['OwnerId']}:route-table/{id_}",
            "ownerId": table["OwnerId"],
            "tagsAll": tag_map(table.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "routes" not in changed:
            return
        for route in olds.get("routes") or []:
            if route not in news["routes"]:
                aws.call("ec2", "delete_route", RouteTableId=id_, DestinationCidrBlock=route["cidrBlock"])
        for route in news["routes"]:
            if route not in (olds.get("routes") or []):
                aws.call(
                    "ec2",
                    "create_route",
                    RouteTableId=id_,
                    DestinationCidrBlock=route["cidrBlock"],
                    GatewayId=route["gatewayId"],
                )

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "delete_route_table", RouteTableId=id_)


class Route(Resource):
    token = "aws:ec2/route:Route"
    required = frozenset({"routeTableId"})
    replaces = frozenset({"routeTableId", "destinationCidrBlock"})
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        table, destination = str(inputs["routeTableId"]), str(inputs["destinationCidrBlock"])
        aws.call(
            "ec2", "create_route", RouteTableId=table, DestinationCidrBlock=destination, GatewayId=inputs["gatewayId"]
        )
        return f"r-{table}{zlib.crc32(destination.encode())}"

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        table = _table(aws, known["routeTableId"])
        for route in table["Routes"] if table else []:
            if route.get("DestinationCidrBlock") == known["destinationCidrBlock"]:
                return {
                    "gatewayId": route.get("GatewayId", ""),
                    "origin": route.get("Origin", ""),
                    "state": route["State"],
                }
        return None

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        aws.call(
            "ec2",
            "replace_route",
            RouteTableId=news["routeTableId"],
            DestinationCidrBlock=news["destinationCidrBlock"],
            GatewayId=news["gatewayId"],
        )

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found(
            "ec2",
            "delete_route",
            RouteTableId=known["routeTableId"],
            DestinationCidrBlock=known["destinationCidrBlock"],
        )


class RouteTableAssociation(Resource):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    required = frozenset({"routeTableId"})
    # Not so in AWS, where a table can be exchanged; nothing in the project does that.
    replaces = frozenset({"subnetId", "gatewayId", "routeTableId"})
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call(
            "ec2", "associate_route_table", RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"]
        )
        return str(made["AssociationId"])

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        # It may have moved to another table; then AWS gives it another id, and by its id it is gone.
        for table in aws.call("ec2", "describe_route_tables")["RouteTables"]:
            for association in table["Associations"]:
                if association["RouteTableAssociationId"] == id_:
                    return {"routeTableId": table["RouteTableId"], "subnetId": association.get("SubnetId", "")}
        return None

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "disassociate_route_table", AssociationId=id_)
