"""Which IP addresses are public, whatever form they are written in. Pure."""

import ipaddress

# IPv6 addresses that lead to the IPv4 address in their last 32 bits.
_CARRIERS = [
    ipaddress.ip_network(one)
    for one in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
]
# Where a network decides itself what answers; fec0::/10 was private before fc00::/7. Of
# 192.0.0.0/24, which is for protocols, Python calls only a few addresses private.
_LOCAL_NETWORKS = [
    ipaddress.ip_network(one) for one in ("64:ff9b:1::/48", "fec0::/10", "192.0.0.0/24")
]
_ISATAP = (0x00005EFE, 0x02005EFE)
# Clouds' own services, at addresses that do not look private: Azure's, Oracle's, Alibaba's, and
# what Amazon answers through IPv6.
_METADATA = {
    ipaddress.ip_address(one)
    for one in ("168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254")
}


def is_public(text: str) -> bool:
    """Whether the address is one of the internet, and no cloud's own service."""
    address = _address_of(text)
    if any(address in network for network in _LOCAL_NETWORKS if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and address not in _METADATA


def is_of_this_machine(text: str) -> bool:
    """Whether the address leads to this machine, its link, or a cloud's own service."""
    address = _address_of(text)
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address in _METADATA
    )


def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, or the IPv4 address that an IPv6 address carries."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address) or int(address) <= 1:
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = int(address) & 0xFFFFFFFFFFFFFFFF
    if any(address in network for network in _CARRIERS) or low >> 32 in _ISATAP:
        return ipaddress.IPv4Address(low & 0xFFFFFFFF)
    return address
