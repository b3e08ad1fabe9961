/* RIP version 2 (RFC 2453), with IOS's metrics (a neighbour's own network is 1 away) and timers. */
#ifndef RIP_H
#define RIP_H

#include "interface.h"
#include "text.h"

#define RIP_PORT 520
#define RIP_GROUP 0xe0000009u /* 224.0.0.9 */
#define RIP_INFINITY 16
#define RIP_DISTANCE 120
#define MAX_RIP_ROUTES 256
#define MAX_RIP_NETWORKS 16

struct rip_config {
    bool on;
    bool version_2; /* as typed: this router always speaks version 2 */
    bool passive_default;
    bool default_originate;
    unsigned network_count;
    uint32_t networks[MAX_RIP_NETWORKS]; /* classful */
    uint32_t update_s, invalid_s, holddown_s, flush_s;
};

enum { RIP_UPDATE_S = 30, RIP_INVALID_S = 180, RIP_HOLDDOWN_S = 180, RIP_FLUSH_S = 240 };

struct rip_route {
    bool used;
    bool changed; /* not yet told in a triggered update */
    uint32_t prefix, mask;
    uint32_t gateway;  /* who told us; 0: a network of ours that is gone and is being withdrawn */
    uint32_t next_hop; /* usually the same */
    struct interface *interface;
    uint32_t metric;     /* as it was told to us */
    uint32_t old_metric; /* before it became unreachable */
    uint16_t tag;
    uint32_t updated_ms, down_ms;
};

extern struct rip_config rip;
extern struct rip_route rip_routes[MAX_RIP_ROUTES];
extern bool debug_rip;

static inline bool rip_is_on(void)
{
    return rip.on;
}

static inline bool rip_route_is_usable(const struct rip_route *route)
{
    return route->used && route->metric < RIP_INFINITY;
}

void rip_start(void);
void rip_stop(void);
bool rip_is_active_on(const struct interface *interface);
bool rip_is_passive_on(const struct interface *interface);
/* After networks, addresses, or the state of interfaces changed. */
void rip_interfaces_changed(void);
/* Its table entry is about to be used for another. */
void rip_forget_interface(const struct interface *interface);
void rip_receive(struct interface *interface, uint32_t source, uint16_t source_port, const uint8_t *data, size_t size);
void rip_tick(void);
void rip_clear_routes(void);
void rip_show_database(struct text *out);
void rip_show_protocol(struct text *out);

#endif
