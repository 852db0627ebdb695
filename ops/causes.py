"""The exceptions behind an exception, as Python links them."""

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, the latest first.

    Libraries wrap the errors of others: aiohttp raises ClientConnectorError from ssl.SSLError,
    Django OperationalError from psycopg's. Classes and codes along this chain tell errors apart;
    their texts change with releases and with the server's language.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        yield link
        seen.add(id(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
