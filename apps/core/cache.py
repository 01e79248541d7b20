"""How values lie in Redis: as JSON, never as pickle, so that whoever writes to Redis can't run code in the portal."""

import json
from typing import Any


class JSONSerializer:
    """Django's serializer interface; integers stay bare so that Redis can count with them."""

    def dumps(self, value: Any) -> bytes | int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, stored: bytes) -> Any:
        return json.loads(stored)
