/* IPv4 (RFC 791, 1812): what comes in is ours, is forwarded, or is dropped. */
#ifndef IPV4_H
#define IPV4_H

#include "ethernet.h"

#define IPV4_HEADER 20
#define IPV4_TTL 255 /* IOS starts with 255, not 64 */

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct ipv4_counters {
    uint32_t received, delivered, forwarded, sent, bad, no_route, ttl_exceeded;
};
extern struct ipv4_counters ipv4_counters;

/* A checked packet that is for us. */
struct ipv4_packet {
    struct interface *interface; /* that it came in by */
    uint8_t *frame;              /* whole */
    size_t size;                 /* of the packet, from its header */
    uint32_t source, destination;
    uint8_t *data; /* after the header */
    size_t data_size;
    bool broadcast; /* or multicast */
};

void ipv4_receive(struct interface *interface, uint8_t *frame, size_t payload);

/* Writes a header of 20 bytes at frame + ETHERNET_HEADER, before data_size bytes that are there already. source 0: the
 * address of the interface that it leaves by. False: no way there. */
bool ipv4_send(uint8_t frame[FRAME_MAX], uint32_t source, uint32_t destination, uint8_t protocol, uint8_t ttl,
               size_t data_size);
/* The same to a multicast group or neighbour on one interface, whatever routes say. */
void ipv4_send_on(struct interface *interface, uint8_t frame[FRAME_MAX], uint32_t destination, uint8_t protocol,
                  uint8_t ttl, size_t data_size);

/* Checksum of UDP or TCP with its pseudo header; the field itself counts as it stands. */
uint16_t ipv4_transport_checksum(uint32_t source, uint32_t destination, uint8_t protocol, const uint8_t *data,
                                 size_t size);

#endif
