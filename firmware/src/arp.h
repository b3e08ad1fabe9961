/* ARP (RFC 826): the neighbours' hardware addresses, for four hours each, and packets that wait for one. */
#ifndef ARP_H
#define ARP_H

#include "ethernet.h"
#include "text.h"

void arp_receive(struct interface *interface, uint8_t *frame, size_t payload);
/* Sends the IPv4 packet at frame + ETHERNET_HEADER to a neighbour, now or once it has answered. */
void arp_send(struct interface *interface, uint32_t next_hop, uint8_t frame[FRAME_MAX], size_t payload);
/* Tells the network about our address (gratuitous ARP). */
void arp_announce(struct interface *interface);
void arp_forget_interface(const struct interface *interface);
void arp_clear(void);
void arp_tick(void); /* ages, asks again, gives up */
void arp_show(struct text *out);

#endif
