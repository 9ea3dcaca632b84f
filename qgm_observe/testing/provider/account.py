"""An account: who may ask, what was used, what may be used."""

import base64
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from qgm_observe.testing.provider.clock import to_text
from qgm_observe.testing.provider.http import Reply, Request, as_json, refused
from qgm_observe.testing.provider.snapshots import Json

INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef:instance-1::"
PLAN_ID = "plan-1"
PERIOD_SECONDS = 28 * 86_400
TOKEN_SECONDS = 3_600


class Account:
    """One account with one instance.

    Attributes:
        key: The API key that it knows.
        instance: Its CRN.
        used_seconds: Settled device time of the period.
        limit_seconds: What may be used, `None` for no limit. Once that is reached jobs are
            accepted and stay queued, as IBM does, until the limit is raised.
        is_cost_limit: Reaching the limit also ends every session: what runs runs through, what
            waits in a session is cancelled.
        submits_per_minute: Submissions that are taken in a minute, `None` for any number. IBM
            documents 5 a user.
    """

    def __init__(self, key: str, *, instance: str = INSTANCE, plan: str = "Pay-as-you-go") -> None:
        self.key = key
        self.instance = instance
        self.plan = plan
        self.used_seconds = 0.0
        self.limit_seconds: float | None = 600.0
        self.is_cost_limit = False
        self.submits_per_minute: int | None = None
        self.changed: Callable[[], None] = lambda: None
        self._submits: deque[float] = deque(maxlen=1_000)
        self._tokens: deque[str] = deque(maxlen=100)

    @property
    def is_limit_reached(self) -> bool:
        """Whether nothing is left of what may be used."""
        return self.limit_seconds is not None and self.used_seconds >= self.limit_seconds

    def limit(self, seconds: float | None) -> None:
        """Set what may be used; jobs that waited for it run."""
        self.limit_seconds = seconds
        self.changed()

    def use(self, seconds: float) -> None:
        """Add device time."""
        self.used_seconds += seconds
        self.changed()

    def takes_submit(self, now: float) -> bool:
        """Count a submission; return whether it is within the rate."""
        if self.submits_per_minute is None:
            return True
        recent = sum(1 for when in self._submits if when > now - 60)
        if recent >= self.submits_per_minute:
            return False
        self._submits.append(now)
        return True

    def usage(self, now: float) -> Json:
        """Return the reply of `GET /instances/usage`."""
        content: Json = {
            "instance_id": self.instance,
            "plan_id": PLAN_ID,
            "usage_consumed_seconds": self.used_seconds,
            "usage_limit_reached": self.is_limit_reached,
            "usage_period": {
                "start_time": to_text(now - PERIOD_SECONDS),
                "end_time": to_text(now),
            },
        }
        if self.limit_seconds is not None:
            content["usage_limit_seconds"] = self.limit_seconds
            content["usage_allocation_seconds"] = self.limit_seconds
        return content

    # ------------------------------------------------------------------------------ identity

    def token(self, request: Request) -> Reply:
        """Exchange the key for a token (`POST /identity/token` of IAM)."""
        form = Request.parse("POST", "?" + request.body.decode())
        if form.one("apikey") != self.key:
            return refused(400, "BXNIM0415E", "Provided API key could not be found.")
        # The client compares a token's times with its own clock, so they are real ones.
        issued = int(time.time())
        claims = {"iat": issued, "exp": issued + TOKEN_SECONDS, "n": len(self._tokens)}
        head = {"alg": "HS256", "typ": "JWT"}
        token = ".".join((_encoded(head), _encoded(claims), _encoded({})))
        self._tokens.append(token)
        return as_json(
            {
                "access_token": token,
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "expiration": issued + TOKEN_SECONDS,
                "scope": "ibm openid",
            }
        )

    def knows(self, request: Request) -> bool:
        """Whether a request carries one of its tokens, or its key."""
        kind, _, secret = request.authorization.partition(" ")
        return secret in self._tokens if kind == "Bearer" else secret == self.key

    def search(self) -> Json:
        """Return the reply of Global Search: the instances of the account."""
        item = {
            "crn": self.instance,
            "name": "instance-1",
            "service_plan_unique_id": PLAN_ID,
            "tags": [],
            "doc": {"extensions": {"backends": "all"}},
        }
        return {"items": [item], "limit": 100}

    def catalog(self) -> Json:
        """Return the reply of Global Catalog: the plan of the instance."""
        kind = "free" if self.plan == "Open" else "paygo"
        return {
            "id": PLAN_ID,
            "kind": "plan",
            "overview_ui": {"en": {"display_name": self.plan}},
            "metadata": {"pricing": {"type": kind}},
        }


def _encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
