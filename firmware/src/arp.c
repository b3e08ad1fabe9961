#include "arp.h"

#include "icmp.h"
#include "ipv4.h"
#include "log.h"

#define ENTRIES 128
#define WAITING 16 /* packets, for all entries together */
#define WAITING_EACH 4
#define LIFE_MS (4u * 3600 * 1000)
#define REFRESH_MS 60000u /* before the end of its life a neighbour is asked again, so that traffic never waits */
#define RETRY_MS 1000u
#define TRIES 3

enum state { FREE, ASKING, KNOWN };

static struct entry {
    enum state state;
    uint32_t address;
    struct interface *interface;
    uint8_t mac[6];
    uint8_t tries;
    bool refreshing;
    uint32_t since_ms; /* known since, or asked last */
} entries[ENTRIES];

static struct {
    struct entry *entry; /* NULL: unused */
    uint32_t order;
    size_t payload;
    uint8_t frame[FRAME_MAX];
} waiting[WAITING];

static uint32_t order;

static struct entry *find(const struct interface *interface, uint32_t address)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i].state != FREE && entries[i].address == address && entries[i].interface == interface)
            return &entries[i];
    return NULL;
}

static void drop_waiting(const struct entry *entry, bool tell_sender)
{
    for (unsigned i = 0; i < WAITING; i++)
        if (waiting[i].entry == entry) {
            waiting[i].entry = NULL;
            if (tell_sender)
                icmp_unreachable(waiting[i].frame, waiting[i].payload, ICMP_HOST_UNREACHABLE);
        }
}

static struct entry *make(struct interface *interface, uint32_t address, enum state state)
{
    struct entry *entry = &entries[0];

    for (unsigned i = 0; i < ENTRIES; i++) {
        if (entries[i].state == FREE) {
            entry = &entries[i];
            break;
        }
        if (time_after(entry->since_ms, entries[i].since_ms))
            entry = &entries[i];
    }
    drop_waiting(entry, false);
    *entry = (struct entry){.state = state, .address = address, .interface = interface, .since_ms = clock_ms()};
    return entry;
}

static void transmit(struct interface *interface, uint16_t operation, const uint8_t target_mac[6], uint32_t target)
{
    uint8_t frame[FRAME_MAX], *arp = frame + ETHERNET_HEADER;
    static const uint8_t start[6] = {0, 1, 0x08, 0x00, 6, 4};

    memcpy(arp, start, 6);
    put16(arp + 6, operation);
    memcpy(arp + 8, interface->mac, 6);
    put32(arp + 14, interface->address);
    memset(arp + 18, 0, 6);
    if (target_mac)
        memcpy(arp + 18, target_mac, 6);
    put32(arp + 24, target);
    ethernet_send(interface, target_mac ? target_mac : ethernet_broadcast, ETHERTYPE_ARP, frame, 28);
}

static void learn(struct entry *entry, const uint8_t mac[6])
{
    entry->state = KNOWN;
    entry->since_ms = clock_ms();
    entry->tries = 0;
    entry->refreshing = false;
    memcpy(entry->mac, mac, 6);
    for (uint32_t sent = 0; sent < WAITING; sent++) { /* in the order in which they came */
        unsigned oldest = WAITING;
        for (unsigned i = 0; i < WAITING; i++)
            if (waiting[i].entry == entry &&
                (oldest == WAITING || (int32_t)(waiting[i].order - waiting[oldest].order) < 0))
                oldest = i;
        if (oldest == WAITING)
            break;
        waiting[oldest].entry = NULL;
        ethernet_send(entry->interface, mac, ETHERTYPE_IPV4, waiting[oldest].frame, waiting[oldest].payload);
    }
}

void arp_receive(struct interface *interface, uint8_t *frame, size_t payload)
{
    static const uint8_t start[6] = {0, 1, 0x08, 0x00, 6, 4};
    const uint8_t *arp = frame + ETHERNET_HEADER;
    uint32_t sender, target;
    struct entry *entry;

    if (payload < 28 || memcmp(arp, start, 6) != 0 || !interface_has_address(interface))
        return;
    sender = get32(arp + 14);
    target = get32(arp + 24);
    if (arp[8] & 1)
        return;
    if (sender == interface->address) {
        if (memcmp(arp + 8, interface->mac, 6) != 0)
            log_message("%%IP-4-DUPADDR: Duplicate address %s on %s, sourced by %s", ip_text(sender), interface->name,
                        mac_text(arp + 8));
        return;
    }
    if (((sender ^ interface->address) & interface->mask) || interface_is_broadcast(interface, sender))
        return;
    entry = find(interface, sender);
    if (!entry && target == interface->address)
        entry = make(interface, sender, KNOWN);
    if (entry)
        learn(entry, arp + 8);
    if (get16(arp + 6) == 1 && target == interface->address)
        transmit(interface, 2, arp + 8, sender);
}

static void wait_for(struct entry *entry, const uint8_t *frame, size_t payload)
{
    unsigned count = 0, place = 0;

    /* Oldest first to give way: an unused place, else this entry's oldest if it has its share, else the oldest of all.
     */
    for (unsigned i = 0; i < WAITING; i++)
        count += waiting[i].entry == entry;
    for (unsigned i = 0; i < WAITING; i++) {
        if (count < WAITING_EACH && !waiting[i].entry) {
            place = i;
            break;
        }
        if (count >= WAITING_EACH && waiting[place].entry != entry)
            place = i;
        else if ((count < WAITING_EACH || waiting[i].entry == entry) &&
                 (int32_t)(waiting[i].order - waiting[place].order) < 0)
            place = i;
    }
    waiting[place].entry = entry;
    waiting[place].order = order++;
    waiting[place].payload = payload;
    memcpy(waiting[place].frame, frame, ETHERNET_HEADER + payload);
}

void arp_send(struct interface *interface, uint32_t next_hop, uint8_t frame[FRAME_MAX], size_t payload)
{
    struct entry *entry;

    if (interface_is_broadcast(interface, next_hop)) {
        ethernet_send(interface, ethernet_broadcast, ETHERTYPE_IPV4, frame, payload);
        return;
    }
    entry = find(interface, next_hop);
    if (entry && entry->state == KNOWN) {
        ethernet_send(interface, entry->mac, ETHERTYPE_IPV4, frame, payload);
        return;
    }
    if (!entry) {
        entry = make(interface, next_hop, ASKING);
        entry->tries = 1;
        wait_for(entry, frame, payload);
        transmit(interface, 1, NULL, next_hop);
        return;
    }
    wait_for(entry, frame, payload);
}

void arp_announce(struct interface *interface)
{
    if (interface_has_address(interface) && interface->type != LOOPBACK)
        transmit(interface, 1, NULL, interface->address);
}

static void forget(struct entry *entry)
{
    drop_waiting(entry, false);
    entry->state = FREE;
}

void arp_forget_interface(const struct interface *interface)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i].state != FREE && entries[i].interface == interface)
            forget(&entries[i]);
}

void arp_clear(void)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i].state != FREE)
            forget(&entries[i]);
}

void arp_tick(void)
{
    uint32_t now = clock_ms();

    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry *entry = &entries[i];
        uint32_t age = now - entry->since_ms;
        if (entry->state == KNOWN && age >= LIFE_MS)
            forget(entry);
        else if (entry->state == KNOWN && age >= LIFE_MS - REFRESH_MS && !entry->refreshing) {
            entry->refreshing = true;
            transmit(entry->interface, 1, entry->mac, entry->address);
        } else if (entry->state == ASKING && age >= RETRY_MS) {
            if (entry->tries >= TRIES) {
                drop_waiting(entry, true);
                entry->state = FREE;
            } else {
                entry->tries++;
                entry->since_ms = now;
                transmit(entry->interface, 1, NULL, entry->address);
            }
        }
    }
}

void arp_show(struct text *out)
{
    text_print(out, "Protocol  Address          Age (min)  Hardware Addr   Type   Interface\n");
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (interface_has_address(i) && i->type != LOOPBACK)
            text_print(out, "Internet  %-15s         -   %s  ARPA   %s\n", ip_text(i->address), mac_text(i->mac),
                       i->name);
    for (unsigned i = 0; i < ENTRIES; i++) {
        const struct entry *entry = &entries[i];
        if (entry->state == KNOWN)
            text_print(out, "Internet  %-15s %9u   %s  ARPA   %s\n", ip_text(entry->address),
                       (clock_ms() - entry->since_ms) / 60000, mac_text(entry->mac), entry->interface->name);
        else if (entry->state == ASKING)
            text_print(out, "Internet  %-15s         0   Incomplete      ARPA   \n", ip_text(entry->address));
    }
}
