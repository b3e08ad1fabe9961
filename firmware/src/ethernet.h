/* Ethernet frames in and out of interfaces. */
#ifndef ETHERNET_H
#define ETHERNET_H

#include "interface.h"

#define ETHERNET_HEADER 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806

extern const uint8_t ethernet_broadcast[6];

/* A frame as it came off a port. Its bytes may be changed (a forwarded packet is sent from the same buffer). */
void ethernet_receive(struct interface *port, uint8_t *frame, size_t size);

/* The same from a switch, which says the VLAN that it is in. */
void ethernet_receive_switched(struct interface *port, uint32_t vlan, uint8_t *frame, size_t size);

/* Writes the header before the payload, which begins at frame + ETHERNET_HEADER, pads, and sends. */
void ethernet_send(struct interface *interface, const uint8_t destination[6], uint16_t ethertype,
                   uint8_t frame[FRAME_MAX], size_t payload);

#endif
