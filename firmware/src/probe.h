/* ping and traceroute: questions that a session asks the network, answered while the router goes on. One at a time per
 * session. */
#ifndef PROBE_H
#define PROBE_H

#include "board.h"
#include "text.h"

struct session;

struct probe {
    bool running;
    bool traceroute;
    bool waiting;
    uint32_t destination, source, timeout_ms;
    uint32_t count, size; /* of a ping: probes, and bytes of each packet */
    uint32_t sent, received;
    uint16_t id, sequence;
    uint32_t sent_ms, shortest_ms, longest_ms, total_ms;
    unsigned column;
    /* traceroute */
    uint8_t ttl;
    unsigned try_of_hop;
    uint32_t hop_address;
    bool reached;
};

void probe_ping(struct session *session, uint32_t destination, uint32_t source, uint32_t count, uint32_t size,
                uint32_t timeout_s);
void probe_traceroute(struct session *session, uint32_t destination);
/* Sends what is due and gives up on what is late. */
void probe_tick(struct session *session);
void probe_abort(struct session *session);

/* From ICMP: an echo reply; an error, with the protocol and the 8 bytes after the header of the packet it is about. */
void probe_reply(uint32_t source, uint16_t id, uint16_t sequence);
void probe_error(uint32_t source, uint8_t type, uint8_t code, uint8_t protocol, const uint8_t *transport);

#endif
