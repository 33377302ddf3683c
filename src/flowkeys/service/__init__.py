"""Use cases, written against the ports of `flowkeys.service.ports`."""
