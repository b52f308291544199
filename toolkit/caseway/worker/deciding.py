"""Who decides approvals: the platform's people, or in a local run the command line.

Rule: what people are shown carries no secret."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from caseway.platform import approval_requests, approvals, inbox
from caseway.platform.compose import Platform
from caseway.platform.held import Claim
from caseway.worker.masking import Masked
from caseway_runner import ApprovalRequest, Decision, NobodyDecides

LOOK_AGAIN = 0.5  # seconds between two looks of an execution that stays awake
REQUESTED = "dev.caseway.approval.requested"


@dataclass(frozen=True, slots=True)
class StoreApprovals:
    """The approvals of one claimed execution."""

    platform: Platform
    held: Claim
    masked: Masked

    async def request(self, asked: ApprovalRequest, /) -> None:
        """Keep it, and announce it when that is wanted."""
        await asyncio.to_thread(self._keep, asked)

    def _keep(self, asked: ApprovalRequest) -> None:
        shown = replace(
            asked,
            title=self.masked.text(asked.title),
            message=self.masked.text(asked.message),
            data=self.masked.value(asked.data),
        )
        row, _ = approval_requests.keep(self.platform, self.held.organization, shown)
        if asked.announces and row.decision == "":  # told again after a crash: the inbox takes it once
            inbox.deliver(
                self.platform,
                self.held.organization,
                self._event(row),
                actor=_actor(self.held),
                emitter=self.held.execution_id,
            )

    def _event(self, row: Any) -> dict[str, Any]:
        names = ("id", "title", "message", "data", "approvers")
        about = {name: getattr(row, name) for name in names}
        about |= {"execution": row.execution_id, "instance": self.held.instance, "task": row.reference}
        about |= {"deadline": row.deadline.isoformat() if row.deadline else ""}
        return {
            "id": row.id,
            "source": f"urn:caseway:execution:{row.execution_id}",
            "type": REQUESTED,
            "subject": row.execution_id,
            "datacontenttype": "application/json",
            "data": {**about, "token": approvals.signed(self.platform, row)},
        }

    async def decision(self, key: str, /) -> Decision | None:
        """The decision, if there is one; secrets that were given with it in their places."""
        found = await asyncio.to_thread(approval_requests.decision_of, self.platform, key)
        return found and replace(found, data=self.masked.restored(found.data))

    async def decided(self, key: str, /) -> None:
        """Return when there is one."""
        while not await asyncio.to_thread(approval_requests.is_decided, self.platform, key):
            await asyncio.sleep(LOOK_AGAIN)

    async def expire(self, key: str, late: Decision, /) -> Decision:
        """Close it at its deadline."""
        hidden = replace(late, data=self.masked.hidden(late.data))
        at = self.platform.clock()
        found = await asyncio.to_thread(approval_requests.expire, self.platform, key, hidden, at)
        return replace(found, data=self.masked.restored(found.data))


def _actor(held: Claim) -> str:
    return f"execution:{held.execution_id}"


Ask = Callable[[ApprovalRequest], Decision | None]


@dataclass(slots=True)
class LocalApprovals:
    """Decisions of a local run: `given` by task name or reference (`""` is for all others), else `ask`ed of
    whoever sits before the terminal."""

    given: Mapping[str, Decision]
    ask: Ask | None = None
    _kept: dict[str, Decision] = field(default_factory=dict)
    _asked: dict[str, ApprovalRequest] = field(default_factory=dict)

    async def request(self, asked: ApprovalRequest, /) -> None:
        """Take the decision that was given for it. Raises NobodyDecides when nobody can be asked."""
        names = (asked.reference, asked.reference.rpartition("/")[2], "")
        found = next((self.given[name] for name in names if name in self.given), None)
        if found is not None:
            self._kept[asked.key] = found
        elif self.ask is None:
            raise NobodyDecides(
                f"nobody can be asked {asked.title!r} here: decide beforehand with --decide "
                f"{names[1]}=approve, or run it in a terminal"
            )
        self._asked[asked.key] = asked

    async def decision(self, key: str, /) -> Decision | None:
        """The decision, if there is one."""
        return self._kept.get(key)

    async def decided(self, key: str, /) -> None:
        """Ask, and return when there is an answer."""
        if key in self._kept:
            return
        assert self.ask is not None
        answer = await _in_thread(self.ask, self._asked[key])
        if answer is None:  # nobody is there any more: the deadline decides
            await asyncio.get_running_loop().create_future()
        else:
            self._kept.setdefault(key, answer)

    async def expire(self, key: str, late: Decision, /) -> Decision:
        """Close it at its deadline."""
        return self._kept.setdefault(key, late)


def _in_thread(ask: Ask, asked: ApprovalRequest) -> asyncio.Future[Decision | None]:
    """Ask in a thread that does not keep the process: a question may stay without an answer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Decision | None] = loop.create_future()

    def answer() -> None:
        found = ask(asked)
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, done, found)

    threading.Thread(target=answer, name="approval", daemon=True).start()
    return done


def _settle(done: asyncio.Future[Decision | None], found: Decision | None) -> None:
    if not done.done():
        done.set_result(found)
