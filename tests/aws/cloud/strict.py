"""What EC2 refuses and moto lets pass, and what moto does otherwise. Methods of moto's backend, by name, each with a check before it.

Words and codes of the errors are EC2's.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.responses.instances import InstanceResponse
from moto.iam.access_control import IAMRequest
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

USER_DATA_LIMIT = 16384
"""Bytes, before base64."""
PROTOCOLS = {"tcp", "udp", "icmp", "icmpv6", "-1"}
VPC_PREFIXES = range(16, 29)
VPCS = "L-F678F1CE"
_quotas: dict[str, float] = {VPCS: 5, "L-1216C47A": 32, "L-0263D0A3": 5}
"""VPCs, vCPUs of standard instances, Elastic IPs of a region: as new accounts have them, about."""
_request = threading.local()
"""What a request says, and moto's backend is not told."""
Check = Callable[..., None]


def apply(quotas: Mapping[str, float]) -> None:
    """Put the checks before moto's methods, once per process. `quotas`: limits of the account, by their codes in Service Quotas."""
    _quotas.update(quotas)
    for backend, checks in ((EC2Backend, EC2), (EventBridgeSchedulerBackend, SCHEDULER)):
        for name, check in checks.items():
            setattr(backend, name, _checked(getattr(backend, name), check))
    _correct()


def _correct() -> None:
    """What moto does otherwise than EC2, or leaves undone."""
    run_instances, change_groups = EC2Backend.run_instances, EC2Backend.modify_instance_security_groups
    terminate, start = EC2Backend.terminate_instances, EC2Backend.start_instances
    respond_run, respond_modify = InstanceResponse.run_instances, InstanceResponse.modify_instance_attribute

    def with_own_interfaces(self: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        reservation = run_instances(self, *arguments, **keywords)
        for instance in reservation.instances:
            # What is made with an instance goes with it.
            instance.nics[0].delete_on_termination = True
            instance.disable_api_termination = getattr(_request, "protected", False)
        return reservation

    def of_its_interface(self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:  # noqa: ANN401
        instance = change_groups(self, instance_id, new_group_id_list)
        instance.nics[0]._group_set = []
        return instance

    def with_its_addresses(self: Any, instance_ids: list[str]) -> Any:  # noqa: ANN401
        ended = terminate(self, instance_ids)
        for address in self.addresses:
            if address.association_id and address.instance and address.instance.id in instance_ids:
                self.disassociate_address(association_id=address.association_id)
        return ended

    def at_its_address(self: Any, instance_ids: list[str]) -> Any:  # noqa: ANN401
        started = start(self, instance_ids)
        for address in self.addresses:
            if address.eni and address.eni.instance and address.eni.instance.id in instance_ids:
                address.eni.public_ip = address.public_ip
        return started

    def with_protection(self: Any) -> Any:  # noqa: ANN401
        # moto takes it later only, by ModifyInstanceAttribute.
        _request.protected = bool(self._get_param("DisableApiTermination"))
        return respond_run(self)

    def with_shutdown_behaviour(self: Any) -> Any:  # noqa: ANN401
        behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behaviour is None:
            return respond_modify(self)
        self.ec2_backend.modify_instance_attribute(
            self._get_param("InstanceId"), "instance_initiated_shutdown_behavior", behaviour
        )
        return EmptyResult()

    EC2Backend.run_instances = with_own_interfaces  # type: ignore[method-assign]
    EC2Backend.terminate_instances = with_its_addresses  # type: ignore[method-assign]
    EC2Backend.start_instances = at_its_address  # type: ignore[method-assign]
    EC2Backend.modify_instance_security_groups = of_its_interface  # type: ignore[method-assign]
    InstanceResponse.run_instances = with_protection  # type: ignore[method-assign]
    InstanceResponse.modify_instance_attribute = with_shutdown_behaviour  # type: ignore[method-assign]
    # Where policies are judged: who asks is known by the key. What moto takes for the signature is not botocore's for queries in an address.
    IAMRequest.check_signature = lambda self: None  # type: ignore[method-assign]
    ServiceQuotasBackend.get_service_quota = _get_service_quota  # type: ignore[assignment, method-assign]


def _checked(method: Callable[..., Any], check: Check) -> Callable[..., Any]:
    @functools.wraps(method)
    def checked(self: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - moto's methods have no types
        check(self, *arguments, **keywords)
        return method(self, *arguments, **keywords)

    return checked


def _get_service_quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:  # noqa: ANN401
    if quota_code not in _quotas:
        raise NoSuchResource
    return {"ServiceCode": service_code, "QuotaCode": quota_code, "Value": _quotas[quota_code]}


def _create_vpc(backend: Any, cidr_block: str, *_: Any, **__: Any) -> None:  # noqa: ANN401
    if len(backend.vpcs) >= _quotas[VPCS]:
        raise EC2ClientError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    network = _network(cidr_block)
    if network.prefixlen not in VPC_PREFIXES:
        raise EC2ClientError("InvalidVpc.Range", f"The CIDR '{cidr_block}' is invalid.")


def _create_subnet(backend: Any, vpc_id: str, cidr_block: str, *_: Any, **__: Any) -> None:  # noqa: ANN401
    if _network(cidr_block).prefixlen not in VPC_PREFIXES:
        raise EC2ClientError("InvalidSubnet.Range", f"The CIDR '{cidr_block}' is invalid.")


def _create_route(backend: Any, route_table_id: str, *_: Any, **keywords: Any) -> None:  # noqa: ANN401
    gateway_id = keywords.get("gateway_id")
    if keywords.get("destination_cidr_block"):
        _network(keywords["destination_cidr_block"])
    if gateway_id and gateway_id.startswith("igw-"):
        vpc = backend.get_route_table(route_table_id).vpc_id
        gateway = backend.get_internet_gateway(gateway_id)
        if gateway.vpc is None or gateway.vpc.id != vpc:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"route table {route_table_id} and network gateway {gateway_id} belong to different networks",
            )


def _authorize(
    backend: Any,  # noqa: ANN401
    group_name_or_id: str,
    ip_protocol: str,
    from_port: str | None,
    to_port: str | None,
    ip_ranges: list[Any],
    *_: Any,  # noqa: ANN401
    **__: Any,  # noqa: ANN401
) -> None:
    protocol = str(ip_protocol)
    if protocol not in PROTOCOLS and not (protocol.isdecimal() and int(protocol) <= 255):
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")
    if protocol in {"tcp", "udp", "6", "17"}:
        low, high = int(from_port or -1), int(to_port or -1)
        if not 0 <= low <= high <= 65535:
            raise EC2ClientError(
                "InvalidParameterValue", f"Invalid value 'Must be 0 to 65535' for portRange: {low}-{high}."
            )
    for item in ip_ranges or []:
        cidr = item.get("CidrIp") if isinstance(item, dict) else item
        if cidr:
            _network(cidr)


def _run_instances(
    backend: Any,  # noqa: ANN401
    image_id: str,
    count: int,
    user_data: Any,  # noqa: ANN401
    security_group_names: list[str],
    **keywords: Any,  # noqa: ANN401
) -> None:
    if user_data and len(user_data.decode("latin-1")) > USER_DATA_LIMIT:
        raise EC2ClientError("InvalidParameterValue", f"User data is limited to {USER_DATA_LIMIT} bytes")
    behaviour = keywords.get("instance_initiated_shutdown_behavior")
    if behaviour not in {None, "stop", "terminate"}:
        raise EC2ClientError(
            "InvalidParameterValue", f"Value ({behaviour}) for parameter instanceInitiatedShutdownBehavior is invalid."
        )
    _metadata_options(keywords.get("metadata_options") or {})
    [image] = backend.describe_images(ami_ids=[image_id])
    offered = backend.describe_instance_types([keywords["instance_type"]])[0]
    architectures = offered["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in architectures:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{','.join(architectures)}' of the specified instance type does not match "
            f"the architecture '{image.architecture}' of the specified AMI.",
        )
    groups = list(keywords.get("security_group_ids") or [])
    subnet = keywords.get("subnet_id")
    for nic in keywords.get("nics") or []:
        groups += nic.get("Groups") or []
        subnet = subnet or nic.get("SubnetId")
    if subnet:
        vpc = backend.get_subnet(subnet).vpc_id
        for id_ in groups:
            group = backend.get_security_group_from_id(id_)
            if group is not None and group.vpc_id != vpc:
                raise EC2ClientError(
                    "InvalidParameter", f"Security group {id_} and subnet {subnet} belong to different networks."
                )


def _modify_instance_attribute(backend: Any, instance_id: str, key: str, value: Any) -> None:  # noqa: ANN401
    if key == "instance_initiated_shutdown_behavior" and value not in {"stop", "terminate"}:
        raise EC2ClientError(
            "InvalidParameterValue", f"Value ({value}) for parameter instanceInitiatedShutdownBehavior is invalid."
        )


def _modify_instance_metadata_options(
    backend: Any,  # noqa: ANN401
    instance_id: str,
    http_tokens: str | None = None,
    hop_limit: int | None = None,
    http_endpoint: str | None = None,
    *_: Any,  # noqa: ANN401
    **__: Any,  # noqa: ANN401
) -> None:
    _metadata_options({"HttpTokens": http_tokens, "HttpPutResponseHopLimit": hop_limit, "HttpEndpoint": http_endpoint})


def _metadata_options(options: dict[str, Any]) -> None:
    hops = options.get("HttpPutResponseHopLimit")
    if hops is not None and not 1 <= int(hops) <= 64:
        raise EC2ClientError(
            "InvalidParameterValue", f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid: 1 to 64"
        )
    for name, allowed in (("HttpTokens", {"optional", "required"}), ("HttpEndpoint", {"enabled", "disabled"})):
        if options.get(name) not in {None, *allowed}:
            raise EC2ClientError("InvalidParameterValue", f"Value ({options[name]}) for parameter {name} is invalid.")


def _delete_subnet(backend: Any, subnet_id: str, *_: Any, **__: Any) -> None:  # noqa: ANN401
    if any(interface.subnet.id == subnet_id for interface in backend.get_all_network_interfaces()):
        raise _in_use(f"The subnet '{subnet_id}'")


def _delete_security_group(backend: Any, name: str | None = None, group_id: str | None = None) -> None:  # noqa: ANN401
    for interface in backend.get_all_network_interfaces():
        if any(group.id == group_id for group in interface.group_set):
            raise _in_use(f"resource {group_id}")


def _detach_internet_gateway(backend: Any, internet_gateway_id: str, vpc_id: str) -> None:  # noqa: ANN401
    if any(
        interface.public_ip and interface.subnet.vpc_id == vpc_id for interface in backend.get_all_network_interfaces()
    ):
        raise EC2ClientError(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
        )


def _create_schedule(backend: Any, *_: Any, **keywords: Any) -> None:  # noqa: ANN401
    expression = keywords["schedule_expression"]
    if not re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|rate\(\d+ \w+\)|cron\(.+\)", expression):
        raise JsonRESTError("ValidationException", f"Invalid Schedule Expression {expression}.")


def _in_use(what: str) -> EC2ClientError:
    return EC2ClientError("DependencyViolation", f"{what} has dependencies and cannot be deleted.")


def _network(cidr: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise EC2ClientError(
            "InvalidParameterValue", f"Value ({cidr}) for parameter cidrBlock is invalid. {error}"
        ) from None


EC2: dict[str, Check] = {
    "create_vpc": _create_vpc,
    "create_subnet": _create_subnet,
    "create_route": _create_route,
    "replace_route": _create_route,
    "authorize_security_group_ingress": _authorize,
    "authorize_security_group_egress": _authorize,
    "run_instances": _run_instances,
    "modify_instance_attribute": _modify_instance_attribute,
    "modify_instance_metadata_options": _modify_instance_metadata_options,
    "delete_subnet": _delete_subnet,
    "delete_security_group": _delete_security_group,
    "detach_internet_gateway": _detach_internet_gateway,
}
SCHEDULER: dict[str, Check] = {"create_schedule": _create_schedule, "update_schedule": _create_schedule}
