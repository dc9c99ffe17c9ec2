"""Which time zone may a query have?"""

from promkit.zones import ZoneName

TimeZone = ZoneName | None
"""A name of the IANA database, or nothing for UTC."""
