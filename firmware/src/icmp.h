/* ICMP (RFC 792, 1812): echo, and errors for packets that could not be forwarded or delivered. */
#ifndef ICMP_H
#define ICMP_H

#include "ipv4.h"
#include "text.h"

enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11 };
enum {
    ICMP_NETWORK_UNREACHABLE,
    ICMP_HOST_UNREACHABLE,
    ICMP_PROTOCOL_UNREACHABLE,
    ICMP_PORT_UNREACHABLE,
    ICMP_PROHIBITED = 13
};

extern bool debug_icmp;

void icmp_receive(const struct ipv4_packet *packet);
/* About the packet at frame + ETHERNET_HEADER, to its source. Rate limited, and silent about what must not be answered.
 */
void icmp_unreachable(const uint8_t *frame, size_t size, uint8_t code);
void icmp_time_exceeded(const struct interface *interface, const uint8_t *frame, size_t size);
/* False: no route. `size` is that of the whole IPv4 packet. */
bool icmp_send_echo(uint32_t source, uint32_t destination, uint16_t id, uint16_t sequence, size_t size);
void icmp_show(struct text *out);

#endif
