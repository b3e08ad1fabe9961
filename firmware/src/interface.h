/* Interfaces: what they are called, how they are configured, what they counted. */
#ifndef INTERFACE_H
#define INTERFACE_H

#include "board.h"

enum interface_type { FASTETHERNET, LOOPBACK, VLAN, NULL_INTERFACE };

enum { MAX_PORTS = 6, MAX_SLOTS = 4, MAX_SWITCH_PORTS = 16, MAX_INTERFACES = 2 + MAX_SLOTS * MAX_SWITCH_PORTS + 16 };

/* How the address came, for `show ip interface brief`. */
enum address_origin { ADDRESS_UNSET, ADDRESS_NVRAM, ADDRESS_MANUAL };

struct interface_counters {
    uint32_t packets, bytes, broadcasts, errors, drops;
    uint32_t last_ms;
    bool ever;
};

struct interface {
    bool used;
    enum interface_type type;
    uint8_t slot;  /* of a FastEthernet */
    uint32_t unit; /* port in its slot, or the number of a Loopback or Vlan */
    char name[28]; /* FastEthernet0/0 */
    unsigned port; /* the board's index, of a FastEthernet that is routed */
    bool switched; /* a port of a switch: always in a VLAN */
    const char *hardware;
    uint8_t mac[6];

    /* Configuration. */
    char description[81];
    uint32_t address, mask; /* address 0: none */
    enum address_origin origin;
    bool shutdown;
    bool rip_passive;     /* other than `passive-interface default` says */
    uint32_t access_vlan; /* of a port of a switch, or of a routed one that carries a Vlan interface; 0: routed */

    bool was_up; /* as of the last look, to see changes */
    bool rip_was_active;
    uint32_t rip_was_address, rip_was_mask;
    struct interface_counters input, output;
};

extern struct interface interfaces[MAX_INTERFACES];
extern bool loading_startup; /* lines come from NVRAM, not from a person */

/* Onboard ports and cards, in order of slot; called by the board. */
void interface_add_port(uint8_t slot, uint8_t unit, unsigned port, const char *hardware, const uint8_t mac[6]);
/* The ports of a switch, in VLAN 1 at first, and Vlan1. */
void interface_add_switch(uint8_t slot, uint8_t count, const uint8_t mac[6]);
struct interface *interface_find(enum interface_type type, uint8_t slot, uint32_t unit);
/* An existing or a new Loopback or Vlan; NULL: the table is full. */
struct interface *interface_make(enum interface_type type, uint32_t unit);
void interface_remove(struct interface *interface);
/* By type, then number; start with NULL; NULL after the last. Null0 is not listed. */
struct interface *interface_next(const struct interface *after);

/* A port in a Vlan (one that is up, if there is one), and the Vlan that a port is in; NULL: none. */
struct interface *vlan_port(const struct interface *vlan);
struct interface *port_vlan(const struct interface *port);

bool interface_is_up(const struct interface *interface);       /* line protocol */
bool interface_has_address(const struct interface *interface); /* and is up */
bool address_is_ours(uint32_t address);
/* The up interface on whose network the address is; NULL: none. */
struct interface *interface_on_network_of(uint32_t address);
bool interface_is_broadcast(const struct interface *interface, uint32_t address);

/* Tell ARP, RIP and the log about interfaces that went up or down, or whose address changed. */
void interfaces_changed(void);

/* "fa0/0", "Vlan2", "fastethernet 0/0" (in one piece here): type and numbers; false: no interface name. */
struct interface_name {
    enum interface_type type;
    uint8_t slot;
    uint32_t unit;
};
bool parse_interface_name(const char *text, size_t length, struct interface_name *name);
const char *interface_type_name(enum interface_type type);
#endif
