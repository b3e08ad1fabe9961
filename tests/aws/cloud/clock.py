"""EventBridge Scheduler's clock: one-time schedules that end instances happen when they are due."""

from __future__ import annotations

import datetime
import json
import sys
import threading

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.scheduler.models import Schedule, scheduler_backends

LOOK_S = 0.5
TARGET = "arn:aws:scheduler:::aws-sdk:ec2:"


class Clock:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._happened: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._run, name="clock")
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(LOOK_S):
            for account, regions in list(scheduler_backends.items()):
                for region, backend in list(regions.items()):
                    for group in list(backend.schedule_groups.values()):
                        for schedule in list(group.schedules.values()):
                            self._look(account, region, schedule)

    def _look(self, account: str, region: str, schedule: Schedule) -> None:
        # Changed, it is due once more.
        this = (schedule.arn, schedule.schedule_expression)
        if schedule.state != "ENABLED" or this in self._happened or not is_due(schedule.schedule_expression):
            return
        self._happened.add(this)
        try:
            may_end(account, schedule.target["RoleArn"])
            backend = ec2_backends[account][region]
            instances = json.loads(schedule.target["Input"])["InstanceIds"]
            act = {"terminateInstances": backend.terminate_instances, "stopInstances": backend.stop_instances}
            act[schedule.target["Arn"].removeprefix(TARGET)](instances)
        except Exception as error:  # noqa: BLE001 - as in AWS, who made the schedule does not hear of it
            print(f"schedule {schedule.name}: {error!r}", file=sys.stderr, flush=True)


def is_due(expression: str) -> bool:
    """Whether `at(YYYY-MM-DDThh:mm:ss)`, in UTC, is past."""
    moment = datetime.datetime.fromisoformat(expression.removeprefix("at(").removesuffix(")"))
    return moment.replace(tzinfo=datetime.UTC) <= datetime.datetime.now(datetime.UTC)


def may_end(account: str, role_arn: str) -> None:
    """Raise PermissionError unless the scheduler may take a role that may end instances. What else its policy says is not looked at."""
    role = iam_backends[account]["aws"].get_role_by_arn(role_arn)
    trust = json.dumps(role.assume_role_policy_document)
    policies = json.dumps(role.policies)
    if "scheduler.amazonaws.com" not in trust:
        raise PermissionError(f"the scheduler may not assume {role_arn}")
    if "ec2:TerminateInstances" not in policies and "ec2:StopInstances" not in policies:
        raise PermissionError(f"{role_arn} may not end instances")
