"""Who is who: the bot behind the token, and the owner of the phone."""

import hashlib
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who talks: the bot behind `token`, and the phone's owner."""

    token: str
    owner_id: int
    owner_name: str
    bot_name: str = "Manjha"

    @property
    def bot_id(self) -> int:
        """The number before the token's colon, or one made from the token."""
        head = self.token.partition(":")[0]
        return int(head) if head.isdecimal() else int(hashlib.sha256(self.token.encode()).hexdigest()[:8], 16)

    def owns(self, token: str) -> bool:
        """Whether this is the bot's token (compared in constant time)."""
        return secrets.compare_digest(token.encode(), self.token.encode())

    def name_of(self, user_id: int) -> str:
        """A user's first name."""
        return self.owner_name if user_id == self.owner_id else f"User {user_id}"
