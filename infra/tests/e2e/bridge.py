"""MiniStack with its gaps bridged, for the end-to-end test and nothing else.

Started by `.ci/ministack --program`. Each bridge replaces a function of
MiniStack in memory; nothing installed is edited. The names are private ones:
.ci/ministack pins the version.

    1. PutEvents takes `aws.*` sources. AWS refuses them to callers; it is its
       own services that send them, and those are not here.
    2. A rule asks a queue's policy before it sends there.
    3. What cannot be handed over (no queue, or no permission) goes to the
       target's dead-letter queue, if that one's policy lets the rule, with the
       attributes that say why.
    4. What Lambda does in a function's name asks the function's role: taking
       messages from its queue, and sending to its on-failure destination.
    5. DescribeAlarms over the Query protocol gives back all that PutMetricAlarm
       was given, so that a second plan is empty.
    6. BatchDeleteImage of a tag leaves an image that has another one.
    7. A bus keeps the whole policy that PutPermission gives it. One for what member
       accounts forward asks it who may send what, and an event keeps the account that
       it is of. Who sends it is that account: rules that forward from one account to
       another are not here.
    8. Of a batch, what a function gives back comes again after 0.2 s, and three
       tries are a day of them. Until then the queue's own times hold.
"""
import json
import os
import threading
import time
from xml.sax.saxutils import escape

# Before MiniStack is loaded, which reads them then: policies count, and an
# asynchronous retry waits 0.2 s and 0.4 s where Lambda waits a minute and two.
os.environ.update(AUTH="true", LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.2")

from ministack.core import iam_evaluator as iam  # noqa: E402
from ministack.core.arn import parse_arn  # noqa: E402
from ministack.services import cloudwatch, ecr, eventbridge, lambda_svc, sqs  # noqa: E402

# 1 ---------------------------------------------------------------------------
put_events = eventbridge._put_events
eventbridge._put_events = lambda data, allow_aws_source=False: put_events(data, allow_aws_source=True)

# 2 and 3 ---------------------------------------------------------------------
EVENTS = "events.amazonaws.com"

invoke_target, dispatch_to_sqs = eventbridge._invoke_target, eventbridge._dispatch_to_sqs
current = threading.local()


def invoke_target_remembered(target, event, rule, view=None):
    current.target, current.rule = target, rule
    return invoke_target(target, event, rule, view)


def may_send(queue):
    """Does the queue's policy let the current rule send to it?"""
    rule = current.rule["Arn"]
    return sqs.queue_policy_allows(queue, EVENTS, rule, parse_arn(rule).account_id)


def dispatch_to_sqs_permitted(spec, payload, sqs_parameters=None):
    if not sqs._queue_by_arn(str(spec)):
        give_up(str(spec), payload, "NO_RESOURCE", "the queue does not exist")
    elif not may_send(str(spec)):
        give_up(str(spec), payload, "NO_PERMISSIONS", "the queue's policy does not let the rule send to it")
    else:
        dispatch_to_sqs(spec, payload, sqs_parameters)


def give_up(arn, payload, code, message):
    """Puts an event into the dead-letter queue of the target, as far as there is
    one that takes it. The attributes are those of
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html."""
    queue = (current.target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue or not may_send(queue):
        return
    attributes = {"RULE_ARN": current.rule["Arn"], "TARGET_ARN": arn, "ERROR_CODE": code, "ERROR_MESSAGE": message}
    message = {
        "QueueUrl": parse_arn(queue).resource,
        "MessageBody": payload,
        "MessageAttributes": {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
    }
    sqs._act_send_message(message, "")


eventbridge._invoke_target, eventbridge._dispatch_to_sqs = invoke_target_remembered, dispatch_to_sqs_permitted

# 4 ---------------------------------------------------------------------------
route_async_failure, batches_at_once = lambda_svc._route_async_failure, lambda_svc._sqs_esm_concurrency


def role_lets(function, action, queue):
    """Does the function's role let it do something with a queue?"""
    role = function["config"]["Role"]
    policies = iam._gather_role_policies(role.rsplit("/", 1)[-1], parse_arn(role).account_id)
    request = iam.EvalContext("*", "Service", "", action, queue, parse_arn(queue).region)
    return iam.evaluate(request, policies).decision == "Allow"


def route_async_failure_permitted(target_arn, func_name, event, result):
    if role_lets(lambda_svc._functions[func_name], "sqs:SendMessage", target_arn):
        route_async_failure(target_arn, func_name, event, result)


def batches_at_once_permitted(mapping, function, config, queue=None):
    needed = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    if all(role_lets(function, action, mapping["EventSourceArn"]) for action in needed):
        return batches_at_once(mapping, function, config, queue)
    return 0


lambda_svc._route_async_failure, lambda_svc._sqs_esm_concurrency = route_async_failure_permitted, batches_at_once_permitted

# 5 ---------------------------------------------------------------------------
put_alarm, describe_alarms = cloudwatch._put_metric_alarm, cloudwatch._describe_alarms
alarms = {}


def tree(params):
    """`Dimensions.member.1.Name=x` … as nested dictionaries and lists."""
    root = {}
    for key, value in params.items():
        node, parts = root, key.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = value[0] if isinstance(value, list) else value
    return fold(root)


def fold(node):
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return [fold(node["member"][i]) for i in sorted(node["member"], key=int)]
    return {key: fold(value) for key, value in node.items()}


def xml(value):
    if isinstance(value, list):
        return "".join(f"<member>{xml(v)}</member>" for v in value)
    if isinstance(value, dict):
        return "".join(f"<{k}>{xml(v)}</{k}>" for k, v in value.items())
    return escape(str(value))


def put_alarm_remembered(params, cbor, is_cbor, is_json=False):
    answer = put_alarm(params, cbor, is_cbor, is_json)
    if not (is_cbor or is_json) and answer[0] == 200:
        alarm = {k: v for k, v in tree(params).items() if k not in ("Action", "Version", "Tags")}
        alarms[alarm["AlarmName"]] = alarm
    return answer


def describe_alarms_whole(params, cbor, is_cbor, is_json=False):
    if is_cbor or is_json:
        return describe_alarms(params, cbor, is_cbor, is_json)
    query = tree(params)
    wanted = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "MaxRecords", "NextToken", "StateValue")
    known = json.loads(describe_alarms({}, {k: query[k] for k in wanted if k in query}, False, True)[2])
    whole = []
    for alarm in known.get("MetricAlarms", []):
        state = {k: alarm[k] for k in ("AlarmArn", "StateValue", "StateReason")}
        whole.append({"ActionsEnabled": "true", **alarms.get(alarm["AlarmName"], {}), **state})
    body = f"<DescribeAlarmsResult><MetricAlarms>{xml(whole)}</MetricAlarms><CompositeAlarms/></DescribeAlarmsResult>"
    return cloudwatch._xml(200, "DescribeAlarmsResponse", body)


cloudwatch._put_metric_alarm, cloudwatch._describe_alarms = put_alarm_remembered, describe_alarms_whole

# 6 ---------------------------------------------------------------------------
delete_images = ecr._batch_delete_image


def delete_images_with_their_last_tags(data):
    removed, rest = [], []
    for wanted in data["imageIds"]:
        image = ecr._find_image(data["repositoryName"], wanted)
        if image and "imageDigest" not in wanted and len(image["imageTags"]) > 1:
            image["imageTags"].remove(wanted["imageTag"])
            removed.append({**wanted, "imageDigest": image["imageDigest"]})
        else:
            rest.append(wanted)
    status, headers, body = delete_images({**data, "imageIds": rest})
    answer = json.loads(body)
    if status == 200:
        answer["imageIds"] += removed
    return status, headers, json.dumps(answer).encode()


ecr._batch_delete_image = delete_images_with_their_last_tags

# 7 ---------------------------------------------------------------------------
dispatch_event, put_permission = eventbridge._dispatch_event, eventbridge._put_permission


def put_whole_permission(data):
    answer = put_permission(data)
    if answer[0] == 200 and data.get("Policy"):
        eventbridge._event_bus_policies[data.get("EventBusName", "default")] = json.loads(data["Policy"])
    return answer


def lets_in(bus, account, event):
    """Does the bus's policy let the account send such an event? MiniStack takes the root
    of any account for any other, so that whom a statement names is read here."""
    root, arn = f"arn:aws:iam::{account}:root", eventbridge._event_buses[bus]["Arn"]
    statements = [
        {**statement, "Principal": "*"}
        for statement in eventbridge._event_bus_policies.get(bus, {}).get("Statement", [])
        if root in as_list(statement.get("Principal", {}).get("AWS"))
    ]
    keys = {"events:source": [event["Source"]], "events:detail-type": [event["DetailType"]]}
    request = iam.EvalContext(root, "Root", account, "events:PutEvents", arn, parse_arn(arn).region, service_context=keys)
    return iam.evaluate_resource_policy({"Statement": statements}, request).decision == "Allow"


def as_list(value):
    return value if isinstance(value, list) else [value]


def dispatch_forwarded(event, view=None):
    bus = event.get("EventBusName", "default")
    if bus.endswith("-forwarded"):
        account = parse_arn(event["Resources"][0]).account_id
        if not lets_in(bus, account, event):
            return
        event["Account"], view = account, None
    dispatch_event(event, view)


eventbridge._dispatch_event, eventbridge._put_permission = dispatch_forwarded, put_whole_permission

# 8 ---------------------------------------------------------------------------
REPEAT_SECONDS, TRIES = 0.2, 3

run_batch, move_dead_letters = lambda_svc._run_sqs_batch, sqs._dlq_sweep


def run_batch_and_repeat(mapping, function, event, batch, queue_url, queue_name):
    run_batch(mapping, function, event, batch, queue_url, queue_name)
    with sqs._queues_lock:
        for message in batch:  # of those that are done, nobody looks there any more
            message["visible_at"] = time.time() + REPEAT_SECONDS


def move_dead_letters_soon(queue):
    attributes = dict(queue["attributes"])
    if "RedrivePolicy" in attributes:
        attributes["RedrivePolicy"] = json.dumps({**json.loads(attributes["RedrivePolicy"]), "maxReceiveCount": TRIES})
    quick = {**queue, "attributes": attributes}
    move_dead_letters(quick)
    queue["messages"] = quick["messages"]


lambda_svc._run_sqs_batch, sqs._dlq_sweep


def run_batch_and_repeat(mapping, function, event, batch, queue_url, queue_name):
    run_batch(mapping, function, event, batch, queue_url, queue_name)
    with sqs._queues_lock:
        for message in batch:  # of those that are done, nobody looks there any more
            message["visible_at"] = time.time() + REPEAT_SECONDS


def move_dead_letters_soon(queue):
    policy = queue["attributes"].get("RedrivePolicy")
    if policy:
        queue["attributes"]["RedrivePolicy"] = json.dumps({**json.loads(policy), "maxReceiveCount": TRIES})
        move_dead_letters(queue)
        queue["attributes"]["RedrivePolicy"] = policy


lambda_svc._run_sqs_batch, sqs._dlq_sweep = run_batch_and_repeat, move_dead_letters_soon

if __name__ == "__main__":
    from ministack.app import main

    main()
