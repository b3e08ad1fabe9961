/* The routing table: connected networks, static routes, and what RIP learned. */
#ifndef ROUTE_H
#define ROUTE_H

#include "interface.h"
#include "text.h"

#define MAX_STATIC_ROUTES 64

struct static_route {
    bool used;
    uint32_t prefix, mask;
    uint32_t next_hop;        /* 0: none, see interface */
    struct interface_name by; /* if by_interface; looked up at use, so that it may come and go */
    bool by_interface;
    uint8_t distance;
};

extern struct static_route static_routes[MAX_STATIC_ROUTES];

struct next_hop {
    struct interface *interface;
    uint32_t address; /* to ask ARP for */
};

/* Longest prefix, then lowest distance. False: no route. */
bool route_lookup(uint32_t destination, struct next_hop *hop);
/* Does RIP's route to exactly this network lose against a connected or a static one? */
bool route_is_overruled(uint32_t prefix, uint32_t mask);

bool static_route_add(const struct static_route *route); /* false: the table is full */
bool static_route_remove(
    const struct static_route *route); /* distance is ignored, next_hop 0 means any; false: no such route */
void routes_show(struct text *out, uint32_t address, bool only_address, char only_source);

#endif
