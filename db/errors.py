"""What can go wrong between us and PostgreSQL. Imports nothing."""


class DatabaseError(Exception):
    """Base of all errors that `db` raises on purpose; its text is meant for the user."""


class ServerUnreachable(DatabaseError):
    """No PostgreSQL answers where one should."""


class ServerTooOld(DatabaseError):
    """PostgreSQL or pgvector is older than what songradar needs."""


class SchemaOutOfDate(DatabaseError):
    """The database is at another revision of the schema than this program."""


class NeedsDirectConnection(DatabaseError):
    """Upkeep was asked for through a connection pooler."""


class TransactionsInTheWay(DatabaseError):
    """Upkeep waits for transactions of others that do not end."""


class NoStandby(DatabaseError):
    """What is to answer searches holds another catalogue."""


class CatalogueEmpty(DatabaseError):
    """A search in a catalogue that holds nothing it could find."""


class EncoderUnknown(DatabaseError):
    """No encoder of that name, or no active one."""


class EncoderMismatch(DatabaseError):
    """An encoder that contradicts the one stored under the same name."""


class SearchNotKept(DatabaseError):
    """A search has its answer, but the database could not keep it."""


class SongRefused(DatabaseError):
    """The database does not take what is known of one song; others are not concerned."""


class SongUnknown(DatabaseError):
    """No song with that number."""


class RoleUnknown(DatabaseError):
    """No role of that name in PostgreSQL."""


class NotAllowed(DatabaseError):
    """The role that one is connected as lacks the right."""


class IndexBusy(DatabaseError):
    """Another process builds the same index."""


class BackupUnusable(DatabaseError):
    """A backup that cannot be written or read, or that has no place to go."""


class NotEmbedded(DatabaseError):
    """An operation on the embedded server while DATABASE_URL names another."""


class EncoderHasNoTwins(DatabaseError):
    """The encoder's fragments cannot tell the same recording from a similar one."""


class ProxyUnfit(DatabaseError):
    """A database that cannot be the proxy of a cluster."""


class ShardUnfit(DatabaseError):
    """A database that cannot be a shard of the cluster."""


class NotOfClusters(DatabaseError):
    """A proxy was asked for what only single databases can do."""


class ShardDown(DatabaseError):
    """A shard of the cluster does not answer; `answering` are the numbers of those that do, `down` of the others."""

    def __init__(self, answering: list[int], down: list[int]) -> None:
        names = " and ".join(f"shard {number}" for number in down)
        verb = "does" if len(down) == 1 else "do"
        super().__init__(f"{names} of the cluster {verb} not answer")
        self.answering = answering
        self.down = down


class ClusterBusy(DatabaseError):
    """Another process rebalances the same cluster."""
