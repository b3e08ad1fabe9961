"""Schedule of EventBridge."""

from __future__ import annotations

from types import MappingProxyType

from tests.aws.plugin.aws import Answer, Aws
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties

_TEXTS = {
    "scheduleExpression": "ScheduleExpression",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "description": "Description",
    "state": "State",
    "actionAfterCompletion": "ActionAfterCompletion",
    "kmsKeyArn": "KmsKeyArn",
}


class Schedule(Resource):
    token = "aws:scheduler/schedule:Schedule"
    required = frozenset({"flexibleTimeWindow", "scheduleExpression", "target"})
    replaces = frozenset({"name", "namePrefix", "groupName"})
    defaults = MappingProxyType({"state": "ENABLED", "scheduleExpressionTimezone": "UTC", "groupName": "default"})
    named_by = "name"
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        group = inputs.get("groupName", "default")
        aws.call("scheduler", "create_schedule", **_request(inputs))
        return f"{group}/{inputs['name']}"

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        group, _, name = id_.partition("/")
        seen = aws.found("scheduler", "get_schedule", GroupName=group, Name=name)
        if seen is None:
            return None
        target = seen["Target"]
        return {
            "name": name,
            "groupName": group,
            **{ours: seen[theirs] for ours, theirs in _TEXTS.items() if seen.get(theirs) is not None},
            "flexibleTimeWindow": {"mode": seen["FlexibleTimeWindow"]["Mode"]},
            "target": {"arn": target["Arn"], "roleArn": target["RoleArn"], "input": target.get("Input", "")},
            "arn": seen["Arn"],
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        aws.call("scheduler", "update_schedule", **_request(news))

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        group, _, name = id_.partition("/")
        aws.found("scheduler", "delete_schedule", GroupName=group, Name=name)


def _request(declared: Properties) -> Answer:
    # An update is of the whole: what it leaves out is not left as it was.
    inputs = {**Schedule.defaults, **declared}
    window, target = inputs["flexibleTimeWindow"], inputs["target"]
    request: Answer = {
        "Name": inputs["name"],
        "GroupName": inputs.get("groupName", "default"),
        "FlexibleTimeWindow": {"Mode": window["mode"]},
        "Target": {"Arn": target["arn"], "RoleArn": target["roleArn"]},
        **{theirs: inputs[ours] for ours, theirs in _TEXTS.items() if inputs.get(ours)},
    }
    if window.get("maximumWindowInMinutes"):
        request["FlexibleTimeWindow"]["MaximumWindowInMinutes"] = window["maximumWindowInMinutes"]
    if target.get("input"):
        request["Target"]["Input"] = target["input"]
    if target.get("retryPolicy"):
        policy = target["retryPolicy"]
        names = {"maximumEventAgeInSeconds": "MaximumEventAgeInSeconds", "maximumRetryAttempts": "MaximumRetryAttempts"}
        request["Target"]["RetryPolicy"] = {names[name]: value for name, value in policy.items()}
    return request
