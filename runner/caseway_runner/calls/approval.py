"""`call: approval`: asks a person and waits, durably, for a decision or a deadline. A function of the default
catalog, known as `approval` and `approval:1.0.0` unless the project defines one of that name itself.

Rule: the question and its deadline are in the journal before anybody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.approvals import ApprovalRequest, Approvals, Decision, NobodyDecides
from caseway_runner.deadline import TIMEOUT
from caseway_runner.errors import REJECTED, Fault, fault
from caseway_runner.expression import Expression
from caseway_runner.moments import moment
from caseway_runner.outcome import WorkflowError
from caseway_runner.scope import Scope
from caseway_runner.shape import BadSchema, Shape, prepare
from caseway_runner.template import Template

NAMES = frozenset({"approval", "approval:1.0.0", "approval:1.0.0@default"})
WEEK = 7 * 86_400.0
_FILLED = ("title", "message", "data", "approvers")
_KEYS = frozenset({*_FILLED, "timeout", "onTimeout", "onReject", "schema", "announce"})
_LATE = ("fault", "approve", "reject")


@dataclass(frozen=True, slots=True)
class ApprovalBody:
    """What to ask; `fields` are the properties that expressions may fill, `late` is what the deadline
    decides: `fault`, `approve` or `reject`."""

    fields: Template
    schema: Any
    shape: Shape | None
    length: float | Expression
    late: str
    rejection_faults: bool
    announces: bool
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The decision. A rejection is a fault unless `onReject` is `continue`."""
        asked = await self._asked(activation)
        is_stubbed, answer = activation.stubbed("approval", asked)
        if is_stubbed:
            return self._given(_stubbed(answer))
        keeper = activation.run.session.ports.approvals
        if keeper is None:
            raise fault("configuration", "an approval needs somebody who decides, and there is nobody here")
        decision = await keeper.decision(activation.key)
        if decision is None:
            try:
                await keeper.request(self._request(activation, asked))
            except NobodyDecides as error:
                raise fault("configuration", str(error)) from error
            decision = await self._decided(activation, keeper, asked)
        return self._given(decision)

    async def _asked(self, activation: Activation) -> dict[str, Any]:
        noted = activation.noted("asked")
        if noted is not None:
            return dict(noted.data)
        asked = dict(await activation.fill(self.fields))
        approvers = asked["approvers"]
        if not isinstance(approvers, list) or not all(isinstance(name, str) for name in approvers):
            raise fault("expression", "the approvers are a list of names")
        asked["title"] = str(asked["title"] or activation.task.name)
        asked["message"] = str(asked["message"] or "")
        asked["deadline"] = activation.moment_after(await activation.seconds(self.length))
        activation.note("asked", asked)
        await activation.flush()
        return asked

    def _request(self, activation: Activation, asked: Mapping[str, Any]) -> ApprovalRequest:
        return ApprovalRequest(
            key=activation.key,
            execution=activation.run.session.execution.id,
            position=activation.position,
            reference=activation.reference,
            title=asked["title"],
            message=asked["message"],
            data=asked["data"],
            approvers=tuple(asked["approvers"]),
            schema=self.schema,
            deadline=moment(asked["deadline"]),
            announces=self.announces,
        )

    async def _decided(self, activation: Activation, keeper: Approvals, asked: Mapping[str, Any]) -> Decision:
        """The first decision; at the deadline what the policy says, unless somebody was quicker."""
        if activation.is_waiting is not None:
            activation.is_waiting(True)
        deadline = str(asked["deadline"])
        await activation.happened(lambda: keeper.decided(activation.key), moment(deadline))
        decision = await keeper.decision(activation.key)
        if decision is not None:
            return decision
        late = Decision(self.late == "approve", asked["late"], "deadline", deadline, is_late=True)
        return await keeper.expire(activation.key, late)

    def _given(self, decision: Decision) -> Any:
        if decision.is_late and self.late == "fault":
            raise Fault(WorkflowError(TIMEOUT, 408, "Timeout", "nobody decided in time"))
        if not decision.is_approved and self.rejection_faults:
            raise Fault(WorkflowError(REJECTED, 403, "Rejected", _reason(decision)))
        if decision.is_approved and self.shape is not None:
            complaint = self.shape.complaint(decision.data)
            if complaint:
                raise fault("validation", f"the decision's data does not match its schema: {complaint}")
        return dict(decision.as_json())


def _reason(decision: Decision) -> str:
    if decision.is_late:
        return "nobody decided in time"
    return f"rejected by {decision.by or 'somebody'}" + (f": {decision.comment}" if decision.comment else "")


def _stubbed(answer: Any) -> Decision:
    """What a test says was decided: an output of the function, of which `decision` is enough, or its word."""
    given = answer if isinstance(answer, Mapping) else {"decision": answer}
    word = given.get("decision")
    if word not in {"approved", "rejected"}:
        raise fault(
            "configuration", "the stub of an approval returns {decision: approved} or {decision: rejected}"
        )
    texts = {key: str(given.get(key) or "") for key in ("by", "at", "comment")}
    return Decision(word == "approved", given.get("data"), is_late=given.get("timedOut") is True, **texts)


def compile_approval(source: Mapping[str, Any], scope: Scope) -> ApprovalBody | None:
    """`with` of the function."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS)
    if fields is None:
        return None
    for key in ("title", "message"):
        place.text(fields, key)
    approvers = fields.get("approvers", [])
    if not place.is_expression(approvers) and not _is_texts(approvers):
        place.at("approvers").report("schema", "expected a list of names")
    late, late_data = _late(fields, place)
    schema = fields.get("schema")
    filled = {key: fields.get(key) for key in _FILLED} | {"approvers": approvers, "late": late_data}
    return ApprovalBody(
        fields=place.template(filled),
        schema=schema,
        shape=_shape(schema, place.at("schema")),
        length=place.at("timeout").duration(fields["timeout"]) if "timeout" in fields else WEEK,
        late=late,
        rejection_faults=place.choice(fields, "onReject", ("fault", "continue")) == "fault",
        announces=place.flag(fields, "announce", False),
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _late(fields: Mapping[str, Any], scope: Scope) -> tuple[str, Any]:
    """What the deadline decides: a word, or a decision with data."""
    policy = fields.get("onTimeout")
    if not isinstance(policy, Mapping):
        return scope.choice(fields, "onTimeout", _LATE), None
    place = scope.at("onTimeout")
    decision = place.mapping(policy, {"decision", "data"}, ("decision",))
    if decision is None:
        return "fault", None
    return place.choice(decision, "decision", _LATE), decision.get("data")


def _shape(schema: Any, scope: Scope) -> Shape | None:
    if schema is None:
        return None
    try:
        return prepare(schema)
    except BadSchema as error:
        scope.report("schema", f"not a valid JSON Schema: {error}")
        return None
