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

void ethernet_receive(struct interface *port, uint8_t *frame, size_t size)
{
    struct interface *interface = port;

    if (port->shutdown)
        return;
    if (size < ETHERNET_HEADER || size > FRAME_MAX) {
        port->input.errors++;
        return;
    }
    if (port->access_vlan) {
        interface = port_vlan(port);
        if (!interface || !interface_is_up(interface))
            return;
    }
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

void ethernet_send(struct interface *interface, const uint8_t destination[6], uint16_t ethertype, uint8_t frame[FRAME_MAX],
                   size_t payload)
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
    if (!port_send(port->port, frame, size)) {
        port->output.drops++;
        return;
    }
    count(&port->output, frame, size);
    if (interface != port)
        count(&interface->output, frame, size);
}
