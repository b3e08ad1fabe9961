#include "interface.h"

#include "arp.h"
#include "log.h"
#include "rip.h"
#include "text.h"

struct interface interfaces[MAX_INTERFACES];
bool loading_startup;

static const char *const type_names[] = {
    [FASTETHERNET] = "FastEthernet",
    [LOOPBACK] = "Loopback",
    [VLAN] = "Vlan",
    [NULL_INTERFACE] = "Null",
};

const char *interface_type_name(enum interface_type type)
{
    return type_names[type];
}

static struct interface *unused_entry(void)
{
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (!interfaces[i].used)
            return &interfaces[i];
    return NULL;
}

static struct interface *interface_new(enum interface_type type, uint8_t slot, uint32_t unit)
{
    struct interface *interface = unused_entry();
    struct text name;

    if (!interface)
        return NULL;
    *interface = (struct interface){.used = true, .type = type, .slot = slot, .unit = unit};
    text_init(&name, interface->name, sizeof interface->name);
    text_print(&name, "%s", type_names[type]);
    if (type == FASTETHERNET)
        text_print(&name, "%u/", slot);
    text_print(&name, "%u", unit);
    return interface;
}

void interface_add_port(uint8_t slot, uint8_t unit, unsigned port, const char *hardware, const uint8_t mac[6])
{
    struct interface *interface = interface_new(FASTETHERNET, slot, unit);

    if (!interface)
        return;
    interface->port = port;
    interface->hardware = hardware;
    interface->shutdown = true;
    memcpy(interface->mac, mac, 6);
}

void interface_add_switch(uint8_t slot, uint8_t count, const uint8_t mac[6])
{
    struct interface *vlan;

    for (uint8_t unit = 0; unit < count; unit++) {
        struct interface *port = interface_new(FASTETHERNET, slot, unit);
        if (!port)
            return;
        port->port = MAX_PORTS;
        port->switched = true;
        port->hardware = "Fast Ethernet";
        port->access_vlan = 1;
        port->was_up = true; /* up from the start, as IOS has them: no news */
        memcpy(port->mac, mac, 6);
        port->mac[5] = (uint8_t)(port->mac[5] + unit);
    }
    vlan = interface_find(VLAN, 0, 1);
    if (!vlan && (vlan = interface_make(VLAN, 1)))
        vlan->shutdown = true;
}

struct interface *interface_find(enum interface_type type, uint8_t slot, uint32_t unit)
{
    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *interface = &interfaces[i];
        if (interface->used && interface->type == type && interface->slot == slot && interface->unit == unit)
            return interface;
    }
    return NULL;
}

struct interface *interface_make(enum interface_type type, uint32_t unit)
{
    struct interface *interface = interface_find(type, 0, unit);

    if (interface)
        return interface;
    interface = interface_new(type, 0, unit);
    if (!interface)
        return NULL;
    interface->hardware = type == VLAN ? "EtherSVI" : type_names[type];
    memcpy(interface->mac, board.base_mac, 6);
    return interface;
}

void interface_remove(struct interface *interface)
{
    interface->shutdown = true;
    interfaces_changed();
    rip_forget_interface(interface);
    *interface = (struct interface){0};
}

static bool sorts_before(const struct interface *a, const struct interface *b)
{
    if (a->type != b->type)
        return a->type < b->type;
    if (a->slot != b->slot)
        return a->slot < b->slot;
    return a->unit < b->unit;
}

struct interface *interface_next(const struct interface *after)
{
    struct interface *next = NULL;

    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *one = &interfaces[i];
        if (one->used && one->type != NULL_INTERFACE && (!after || sorts_before(after, one)) &&
            (!next || sorts_before(one, next)))
            next = one;
    }
    return next;
}

struct interface *vlan_port(const struct interface *vlan)
{
    struct interface *found = NULL;

    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *port = &interfaces[i];
        if (port->used && port->type == FASTETHERNET && port->access_vlan && port->access_vlan == vlan->unit &&
            (!found || (found->shutdown && !port->shutdown)))
            found = port;
    }
    return found;
}

struct interface *port_vlan(const struct interface *port)
{
    return port->access_vlan ? interface_find(VLAN, 0, port->access_vlan) : NULL;
}

bool interface_is_up(const struct interface *interface)
{
    const struct interface *port;

    if (!interface->used || interface->shutdown)
        return false;
    if (interface->type != VLAN)
        return true;
    port = vlan_port(interface);
    return port && !port->shutdown;
}

bool interface_has_address(const struct interface *interface)
{
    return interface->address && interface_is_up(interface);
}

bool address_is_ours(uint32_t address)
{
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (interfaces[i].address == address && interface_has_address(&interfaces[i]))
            return true;
    return false;
}

struct interface *interface_on_network_of(uint32_t address)
{
    struct interface *best = NULL;

    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *one = &interfaces[i];
        if (interface_has_address(one) && !((one->address ^ address) & one->mask) && (!best || one->mask > best->mask))
            best = one;
    }
    return best;
}

bool interface_is_broadcast(const struct interface *interface, uint32_t address)
{
    if (address == 0xffffffff)
        return true;
    if (!interface->address || interface->mask >= 0xfffffffe || ((address ^ interface->address) & interface->mask))
        return false;
    return address == (interface->address | ~interface->mask) || address == (interface->address & interface->mask);
}

void interfaces_changed(void)
{
    if (loading_startup)
        return; /* once, when all of it is read */
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (interfaces[i].used && interfaces[i].switched)
            switch_set_port(interfaces[i].slot, interfaces[i].unit,
                            interfaces[i].shutdown ? 0 : interfaces[i].access_vlan);
    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *interface = &interfaces[i];
        bool up = interface_is_up(interface);
        if (!interface->used || up == interface->was_up)
            continue;
        interface->was_up = up;
        if (interface->shutdown)
            log_message("%%LINK-5-CHANGED: Interface %s, changed state to administratively down", interface->name);
        else if (up)
            log_message("%%LINK-3-UPDOWN: Interface %s, changed state to up", interface->name);
        log_message("%%LINEPROTO-5-UPDOWN: Line protocol on Interface %s, changed state to %s", interface->name,
                    up ? "up" : "down");
        if (up)
            arp_announce(interface);
        else
            arp_forget_interface(interface);
    }
    rip_interfaces_changed();
}

bool parse_interface_name(const char *text, size_t length, struct interface_name *name)
{
    size_t letters = 0, slash;
    uint32_t slot = 0;

    while (letters < length && is_letter(text[letters]))
        letters++;
    if (!letters)
        return false;
    for (unsigned type = 0; type < ARRAY_SIZE(type_names); type++) {
        if (!text_begins(text, letters, type_names[type]))
            continue;
        name->type = (enum interface_type)type;
        for (slash = letters; slash < length && text[slash] != '/'; slash++)
            ;
        if (name->type == FASTETHERNET) {
            if (slash == length || !parse_number(text + letters, slash - letters, &slot) || slot > 255)
                return false;
            letters = slash + 1;
        }
        name->slot = (uint8_t)slot;
        return parse_number(text + letters, length - letters, &name->unit);
    }
    return false;
}
