"""What keeps the house itself in order: nightly jobs, the audit trail's verification, the figures."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from gateway.assembly.ground import Ground
from gateway.audit_trail import AuditTrail
from gateway.housekeeping import Housekeeping
from gateway.metrics import Metrics
from gateway.venues import VenueAccess
from gateway.vital_signs import Outside, VitalSigns


class Upkeep:
    """Knows the ground alone until it is told what else to watch."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.metrics = Metrics()
        self.trail = AuditTrail(ground.database, ground.clock, ground.tell)
        settings = ground.settings
        self.housekeeping = Housekeeping(
            ground.database, settings.backup_dir, settings.backup.keep, ground.clock, ground.tell
        )

    def nightly(self) -> Mapping[str, Callable[[date], Awaitable[None]]]:
        """The jobs of every night, by name."""
        return {
            "backup": self.housekeeping.back_up,
            "audit trail": lambda _: self.trail.verify_all(),
            "clearing away": self.housekeeping.clear_away,
        }

    def watch(self, access: Mapping[str, VenueAccess], telegram_silence: Callable[[], float | None]) -> None:
        """Adds the figures of venues and phone to the parts."""
        outside = Outside(
            alive_sessions=lambda: {venue: one.session.alive for venue, one in access.items()},
            telegram_silence=telegram_silence,
            last_backup=lambda: self.housekeeping.last_backup,
            is_trail_broken=lambda: self.trail.broken_at is not None,
        )
        ground = self._ground
        signs = VitalSigns(self.metrics.registry, ground.database, outside, ground.clock)
        ground.parts.append(("vital signs", signs.run))
