#include "ipv4.h"

#include "arp.h"
#include "icmp.h"
#include "rip.h"
#include "route.h"

struct ipv4_counters ipv4_counters;
static uint16_t next_id;

static bool is_multicast(uint32_t address)
{
    return address >> 28 == 14;
}

/* Addresses that may be nobody's source: other than unicast, and the loopback network. */
static bool is_martian(uint32_t source)
{
    return source >> 29 == 7 || source >> 24 == 127 || source == 0;
}

uint16_t ipv4_transport_checksum(uint32_t source, uint32_t destination, uint8_t protocol, const uint8_t *data,
                                 size_t size)
{
    uint8_t pseudo[12];

    put32(pseudo, source);
    put32(pseudo + 4, destination);
    pseudo[8] = 0;
    pseudo[9] = protocol;
    put16(pseudo + 10, (uint16_t)size);
    return checksum_end(checksum_add(checksum_add(0, pseudo, 12), data, size));
}

static void receive_udp(const struct ipv4_packet *packet)
{
    const uint8_t *udp = packet->data;
    size_t size;

    if (packet->data_size < 8)
        return;
    size = get16(udp + 4);
    if (size < 8 || size > packet->data_size)
        return;
    if (get16(udp + 6) && ipv4_transport_checksum(packet->source, packet->destination, PROTOCOL_UDP, udp, size))
        return;
    if (get16(udp + 2) == RIP_PORT && rip_is_on()) {
        rip_receive(packet->interface, packet->source, get16(udp), udp + 8, size - 8);
        return;
    }
    if (!packet->broadcast)
        icmp_unreachable(packet->frame, packet->size, ICMP_PORT_UNREACHABLE);
}

/* No port is open: every segment but a reset is answered by a reset (RFC 9293, 3.10.7.1), so that telnet says "refused"
 * at once. */
static void receive_tcp(const struct ipv4_packet *packet)
{
    uint8_t frame[FRAME_MAX], *answer = frame + ETHERNET_HEADER + IPV4_HEADER;
    const uint8_t *tcp = packet->data;
    size_t header;
    uint8_t flags;

    if (packet->data_size < 20 || packet->broadcast)
        return;
    header = (size_t)(tcp[12] >> 4) * 4;
    flags = tcp[13];
    if (header < 20 || header > packet->data_size || (flags & 0x04) ||
        ipv4_transport_checksum(packet->source, packet->destination, PROTOCOL_TCP, tcp, packet->data_size))
        return;
    memset(answer, 0, 20);
    memcpy(answer, tcp + 2, 2);
    memcpy(answer + 2, tcp, 2);
    answer[12] = 5 << 4;
    if (flags & 0x10) {
        memcpy(answer + 4, tcp + 8, 4);
        answer[13] = 0x04;
    } else {
        uint32_t length = (uint32_t)(packet->data_size - header) + (flags & 1) + (flags >> 1 & 1);
        put32(answer + 8, get32(tcp + 4) + length);
        answer[13] = 0x14;
    }
    put16(answer + 16, ipv4_transport_checksum(packet->destination, packet->source, PROTOCOL_TCP, answer, 20));
    ipv4_send(frame, packet->destination, packet->source, PROTOCOL_TCP, IPV4_TTL, 20);
}

static void deliver(const struct ipv4_packet *packet, uint8_t protocol)
{
    ipv4_counters.delivered++;
    switch (protocol) {
    case PROTOCOL_ICMP:
        icmp_receive(packet);
        break;
    case PROTOCOL_UDP:
        receive_udp(packet);
        break;
    case PROTOCOL_TCP:
        receive_tcp(packet);
        break;
    default:
        if (!packet->broadcast)
            icmp_unreachable(packet->frame, packet->size, ICMP_PROTOCOL_UNREACHABLE);
    }
}

static void forward(const struct ipv4_packet *packet)
{
    uint8_t *header = packet->frame + ETHERNET_HEADER;
    struct next_hop hop;

    if (header[8] <= 1) {
        ipv4_counters.ttl_exceeded++;
        icmp_time_exceeded(packet->interface, packet->frame, packet->size);
        return;
    }
    if (!route_lookup(packet->destination, &hop) || hop.interface->type == NULL_INTERFACE) {
        ipv4_counters.no_route++;
        icmp_unreachable(packet->frame, packet->size, ICMP_HOST_UNREACHABLE);
        return;
    }
    if (interface_is_broadcast(hop.interface, packet->destination))
        return; /* no directed broadcasts */
    header[8]--;
    put16(header + 10, 0);
    put16(header + 10, checksum(header, (size_t)(header[0] & 15) * 4));
    ipv4_counters.forwarded++;
    arp_send(hop.interface, hop.address, packet->frame, packet->size);
}

void ipv4_receive(struct interface *interface, uint8_t *frame, size_t payload)
{
    uint8_t *header = frame + ETHERNET_HEADER;
    struct ipv4_packet packet = {.interface = interface, .frame = frame};
    size_t header_size;
    bool ours;

    ipv4_counters.received++;
    if (!interface_has_address(interface))
        return;
    if (payload < IPV4_HEADER || header[0] >> 4 != 4)
        goto bad;
    header_size = (size_t)(header[0] & 15) * 4;
    packet.size = get16(header + 2);
    if (header_size < IPV4_HEADER || packet.size < header_size || packet.size > payload ||
        checksum(header, header_size))
        goto bad;
    packet.source = get32(header + 12);
    packet.destination = get32(header + 16);
    if (is_martian(packet.source) || interface_is_broadcast(interface, packet.source))
        goto bad;
    packet.data = header + header_size;
    packet.data_size = packet.size - header_size;
    packet.broadcast = is_multicast(packet.destination) || interface_is_broadcast(interface, packet.destination);
    ours = address_is_ours(packet.destination) || packet.destination == RIP_GROUP ||
           (packet.broadcast && !is_multicast(packet.destination));
    if (!ours) {
        if (packet.broadcast || packet.destination >> 24 == 127 || packet.destination >> 28 == 15 || (frame[0] & 1))
            return;
        forward(&packet);
        return;
    }
    if (get16(header + 6) & 0x3fff)
        return; /* fragments are not put together: nothing that a router is asked needs more than 1500 bytes */
    deliver(&packet, header[9]);
    return;
bad:
    ipv4_counters.bad++;
}

static void write_header(uint8_t *header, uint32_t source, uint32_t destination, uint8_t protocol, uint8_t ttl,
                         size_t data_size)
{
    header[0] = 0x45;
    header[1] = protocol == PROTOCOL_UDP ? 0xc0 : 0; /* RIP is network control */
    put16(header + 2, (uint16_t)(IPV4_HEADER + data_size));
    put16(header + 4, next_id++);
    put16(header + 6, 0);
    header[8] = ttl;
    header[9] = protocol;
    put16(header + 10, 0);
    put32(header + 12, source);
    put32(header + 16, destination);
    put16(header + 10, checksum(header, IPV4_HEADER));
}

bool ipv4_send(uint8_t frame[FRAME_MAX], uint32_t source, uint32_t destination, uint8_t protocol, uint8_t ttl,
               size_t data_size)
{
    uint8_t *header = frame + ETHERNET_HEADER;
    struct next_hop hop;

    if (!route_lookup(destination, &hop) || hop.interface->type == NULL_INTERFACE)
        return false;
    write_header(header, source ? source : hop.interface->address, destination, protocol, ttl, data_size);
    ipv4_counters.sent++;
    if (address_is_ours(destination)) {
        memset(frame, 0, 6); /* unicast, as if it came off the wire */
        ipv4_receive(hop.interface, frame, IPV4_HEADER + data_size);
    } else
        arp_send(hop.interface, hop.address, frame, IPV4_HEADER + data_size);
    return true;
}

void ipv4_send_on(struct interface *interface, uint8_t frame[FRAME_MAX], uint32_t destination, uint8_t protocol,
                  uint8_t ttl, size_t data_size)
{
    write_header(frame + ETHERNET_HEADER, interface->address, destination, protocol, ttl, data_size);
    ipv4_counters.sent++;
    if (is_multicast(destination)) {
        uint8_t mac[6] = {
            0x01, 0x00, 0x5e, (uint8_t)(destination >> 16 & 0x7f), (uint8_t)(destination >> 8), (uint8_t)destination};
        ethernet_send(interface, mac, ETHERTYPE_IPV4, frame, IPV4_HEADER + data_size);
    } else
        arp_send(interface, destination, frame, IPV4_HEADER + data_size);
}
