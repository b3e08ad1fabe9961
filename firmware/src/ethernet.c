#include "ethernet.h"

#include "arp.h"
#include "ipv4.h"

const uint8_t ethernet_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void count(struct interface_counters *counters, const uint8_t *frame, size_t size)
{
    counters->packets++;
    counters->bytes += (uint32_t)size;
    counters->broadcasts += frame[0] & 1;
    counters->last_ms = clock_ms();
    counters->ever = true;
}

static void receive(struct interface *port, struct interface *interface, uint8_t *frame, size_t size)
{
    if (!interface || !interface_is_up(interface))
        return;
    if (!(frame[0] & 1) && memcmp(frame, interface->mac, 6) != 0)
        return; /* ports are promiscuous: what is for others ends here */
    count(&port->input, frame, size);
    if (interface != port)
        count(&interface->input, frame, size);
    switch (get16(frame + 12)) {
    case ETHERTYPE_ARP:
        arp_receive(interface, frame, size - ETHERNET_HEADER);
        break;
    case ETHERTYPE_IPV4:
        ipv4_receive(interface, frame, size - ETHERNET_HEADER);
        break;
    }
}

static bool is_sound(struct interface *port, size_t size)
{
    if (port->shutdown)
        return false;
    if (size >= ETHERNET_HEADER && size <= FRAME_MAX)
        return true;
    port->input.errors++;
    return false;
}

void ethernet_receive(struct interface *port, uint8_t *frame, size_t size)
{
    if (is_sound(port, size))
        receive(port, port->access_vlan ? port_vlan(port) : port, frame, size);
}

void ethernet_receive_switched(struct interface *port, uint32_t vlan, uint8_t *frame, size_t size)
{
    if (is_sound(port, size))
        receive(port, interface_find(VLAN, 0, vlan), frame, size);
}

/* To each switch that has a port in the VLAN. */
static void send_switched(struct interface *vlan, const uint8_t *frame, size_t size)
{
    unsigned done = 0;

    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *port = &interfaces[i];
        if (!port->used || !port->switched || port->shutdown || port->access_vlan != vlan->unit ||
            (done & 1u << port->slot))
            continue;
        done |= 1u << port->slot;
        if (switch_send(port->slot, vlan->unit, frame, size))
            count(&vlan->output, frame, size);
        else
            vlan->output.drops++;
    }
}

void ethernet_send(struct interface *interface, const uint8_t destination[6], uint16_t ethertype,
                   uint8_t frame[FRAME_MAX], size_t payload)
{
    struct interface *port = interface->type == VLAN ? vlan_port(interface) : interface;
    size_t size = ETHERNET_HEADER + payload;

    if (!port || port->type != FASTETHERNET || !interface_is_up(interface) || size > FRAME_MAX)
        return;
    memmove(frame, destination, 6);
    memcpy(frame + 6, interface->mac, 6);
    put16(frame + 12, ethertype);
    if (size < FRAME_MIN) {
        memset(frame + size, 0, FRAME_MIN - size);
        size = FRAME_MIN;
    }
    if (port->switched) {
        send_switched(interface, frame, size);
        return;
    }
    if (!port_send(port->port, frame, size)) {
        port->output.drops++;
        return;
    }
    count(&port->output, frame, size);
    if (interface != port)
        count(&interface->output, frame, size);
}
