"""Guards: the stop-loss and the target around each holding. No guard outlives its holding; no holding that
asked for one goes without it unseen.

NRML is guarded by GTTs, which live at the broker; MIS by a stop order that rests at the exchange and a target
that the gateway watches.
"""

from gateway.guards.keeper import Guards
from gateway.guards.surroundings import Surroundings

__all__ = ["Guards", "Surroundings"]
