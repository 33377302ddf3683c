"""Headers that proxies, gateways and other products trust, and that mean nothing here."""

from tests.conformance import ways
from tests.conformance.tenants import Tenant

TRUSTED = {
    "X-Request-From": "internal",
    "X-Auth-User": "admin",
    "X-Auth-Token": "{owner}",
    "X-Auth-Request-User": "admin",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-User": "admin",
    "X-Forwarded-Host": "localhost",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Access-Token": "{owner}",
    "X-Forwarded-Uri": "/api/v1/ping",
    "X-Real-IP": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;host=localhost",
    "X-Original-URL": "/api/v1/ping",
    "X-Original-URI": "/api/v1/ping",
    "X-Original-Method": "OPTIONS",
    "X-Rewrite-URL": "/api/v1/ping",
    "X-HTTP-Method-Override": "OPTIONS",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "X-User": "admin",
    "X-Api-Key": "{owner}",
    "Api-Key": "{owner}",
    "ApiKey": "{owner}",
    "X-Authorization": "Bearer {owner}",
    "Proxy-Authorization": "Bearer {owner}",
    "Cookie": "session=1; token={owner}; Authorization=Bearer {owner}; connect.sid=admin",
    "X-Workspace-Id": "{workspace}",
    "Workspace-Id": "{workspace}",
    "X-Organization-Id": "{workspace}",
    "X-Internal": "true",
    "X-Internal-Request": "true",
    "X-Envoy-Internal": "true",
    "X-Amzn-Oidc-Data": "{owner}",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-Permissions": "*",
    "X-Public": "true",
    "Origin": "http://localhost",
    "Referer": "http://localhost/api/v1/ping",
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": "flowkeys-internal",
    "Host": "localhost",
    "Via": "1.1 localhost",
}
"""What proxies, gateways and other products trust. `{owner}` is a token that may do everything."""


def filled(there: Tenant, here: Tenant) -> ways.Headers:
    """Return every trusted header, with the greatest values it can have."""
    values = {"owner": here.owner.token, "workspace": there.workspace_id}
    return [(name.encode(), value.format(**values).encode()) for name, value in TRUSTED.items()]
