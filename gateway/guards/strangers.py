"""GTTs of the account that are not ours: taken away only when the owner closes the whole account."""

import structlog

from gateway.domain.errors import BrokerError
from gateway.guards.surroundings import Surroundings
from storage import guards

log = structlog.get_logger()


async def remove_strangers(around: Surroundings) -> int | None:
    """Deletes every active GTT that is none of ours; how many there were. None: the list was not read."""
    try:
        listed = await around.access.book.gtts()
    except BrokerError as error:
        log.warning("gtts_not_read", venue=around.venue, error=error.sentence)
        return None
    known = await around.database.read(lambda connection: guards.known_triggers(connection, around.venue))
    strangers = [each for each in listed if each.is_active and each.trigger_id not in known]
    for each in strangers:
        try:
            await around.desk.delete_gtt(each.trigger_id)
        except BrokerError as error:
            log.warning("gtt_not_deleted", trigger_id=each.trigger_id, error=error.sentence)
    return len(strangers)
